//! What a table does for those who look at its last rounds.

use std::sync::atomic::Ordering::Relaxed;

use actix::prelude::*;
use protocol::{ErrorCode, Reply, reply::Failure};

use super::{TableActor, view};
use crate::messages::table::{GetRounds, PastRoundsRead};

impl TableActor {
    /// Answers those who wait for the last rounds alone, when these are here.
    fn show_history(&mut self, context: &mut Context<Self>) {
        if self.looking.is_empty() || !self.has_history() {
            return;
        }
        let mut reply = Reply::Error(Failure::of(ErrorCode::Internal));
        self.guarded(context, |this, _| {
            if let Some(past) = this.history.rounds() {
                reply = Reply::TableHistory { table: this.live.id(), rounds: view::past_rounds(past) };
            }
        });
        for to in std::mem::take(&mut self.looking) {
            self.shared.workers.reply(to, reply.clone());
        }
    }

    /// The last rounds cannot be read now: those who wait for them are told when to try again, and nobody who has come sits here.
    fn cannot_show(&mut self, failure: Failure) {
        self.history.unread();
        for to in std::mem::take(&mut self.looking) {
            self.shared.workers.reply(to, Reply::Error(failure.clone()));
        }
        for join in std::mem::take(&mut self.arriving) {
            self.places.leave(join.to.session);
            self.turn_away(join, failure.clone());
        }
        self.status.players.store(self.places.len() as u32, Relaxed);
    }
}

impl Handler<GetRounds> for TableActor {
    type Result = ();

    fn handle(&mut self, GetRounds { to }: GetRounds, context: &mut Context<Self>) {
        self.looking.push(to);
        self.show_history(context);
        self.forget_history();
    }
}

impl Handler<PastRoundsRead> for TableActor {
    type Result = ();

    fn handle(&mut self, PastRoundsRead { rounds }: PastRoundsRead, context: &mut Context<Self>) {
        match rounds {
            Ok(rounds) => {
                self.history.read(rounds);
                self.show_history(context);
                self.guarded(context, |this, _| this.welcome());
                self.forget_history();
            }
            Err(failure) => self.cannot_show(failure),
        }
    }
}
