//! What a table does with each message.

use std::sync::atomic::Ordering::Relaxed;

use actix::prelude::*;
use engine::{Envelope, table::live::BetRequest};
use protocol::{ErrorCode, Reply, reply::Failure};

use super::{CHIPS_EVERY_MS, TableActor, view};
use crate::{
    clock::now_ms,
    messages::{
        money::{TxResult, Verdict},
        table::{AskOutcome, Bet, Clear, Finished, GetRounds, Join, Leave, Wake},
    },
};

impl Handler<Wake> for TableActor {
    type Result = ();

    fn handle(&mut self, _: Wake, context: &mut Context<Self>) {
        self.guarded(context, |this, context| {
            let now = now_ms();
            if this.alarm_ms.is_some_and(|at_ms| at_ms <= now) {
                this.alarm_ms = None;
            }
            if this.chips_shown_ms + CHIPS_EVERY_MS <= now {
                this.chips_alarm = false;
            }
            if this.chips_changed {
                this.show_chips(context);
            }
            this.proceed(context);
        });
    }
}

impl Handler<Join> for TableActor {
    type Result = bool;

    fn handle(&mut self, Join { player, to }: Join, context: &mut Context<Self>) -> bool {
        let full = self.seated.len() >= self.live.config().places_max as usize;
        if full && !self.seated.contains(&to.session) {
            self.shared.workers.refuse(to, ErrorCode::TableFull);
            return false;
        }
        let session = to.session;
        self.seated.insert(session);
        self.arriving.push_back((player, to));
        self.guarded(context, |this, context| {
            this.status.players.store(this.seated.len() as u32, Relaxed);
            this.proceed(context);
            this.welcome();
        });
        self.seated.contains(&session)
    }
}

impl Handler<Leave> for TableActor {
    type Result = ();

    fn handle(&mut self, Leave { session }: Leave, context: &mut Context<Self>) {
        self.guarded(context, |this, _| {
            this.seated.remove(&session);
            this.status.players.store(this.seated.len() as u32, Relaxed);
            if this.seated.is_empty() {
                this.seated.shrink_to_fit();
            }
        });
    }
}

impl Handler<Bet> for TableActor {
    type Result = ();

    fn handle(&mut self, Bet { request, context: asked }: Bet, context: &mut Context<Self>) {
        // Refused by the log, not here: a retry over a new connection must find its receipt.
        let seated = self.seated.contains(&asked.to.session);
        self.decide(asked, context, |live| {
            Some(if seated {
                live.place_bet(request, now_ms())
            } else {
                let BetRequest { id, content, .. } = request;
                Envelope::Refuse { id, content, code: ErrorCode::NotAtTable }
            })
        });
    }
}

impl Handler<Clear> for TableActor {
    type Result = ();

    fn handle(&mut self, clear: Clear, context: &mut Context<Self>) {
        let Clear { player, round, id, content, context: asked } = clear;
        let seated = self.seated.contains(&asked.to.session);
        self.decide(asked, context, |live| {
            if seated {
                live.clear_bets(id, content, player, round, now_ms())
            } else {
                Some(Envelope::Refuse { id, content, code: ErrorCode::NotAtTable })
            }
        });
    }
}

impl Handler<GetRounds> for TableActor {
    type Result = ();

    fn handle(&mut self, GetRounds { to }: GetRounds, context: &mut Context<Self>) {
        let mut reply = Reply::Error(Failure::of(ErrorCode::Internal));
        self.guarded(context, |this, _| {
            let (table, rounds) = (this.live.id(), view::past_rounds(this.live.state()));
            reply = Reply::TableHistory { table, rounds };
        });
        self.shared.workers.reply(to, reply);
    }
}

impl Handler<Finished> for TableActor {
    type Result = ();

    fn handle(&mut self, Finished { result, request }: Finished, context: &mut Context<Self>) {
        let TxResult { id, time, leg, verdict } = result;
        self.guarded(context, |this, context| {
            let sound = !this.live.state().unfit;
            let offset = this.live.apply(id, leg.as_ref(), time);
            if sound && this.live.state().unfit {
                tracing::error!(table = %this.live.id(), "a record does not fit the table; it is closed for good");
            }
            if let Some(leg) = &leg {
                this.applied(leg, offset, context);
            }
            if let (None, Verdict::Impossible(code)) = (&request, verdict) {
                let table = this.live.id();
                tracing::error!(%table, code = code.name(), "a round cannot go on; its table is closed");
                this.live.step_failed();
            }
        });
        if let Some(request) = request {
            self.answer(request, verdict, context);
        }
        self.guarded(context, |this, context| {
            this.proceed(context);
            this.welcome();
        });
    }
}

impl Handler<AskOutcome> for TableActor {
    type Result = ();

    fn handle(&mut self, AskOutcome { tables, ask }: AskOutcome, context: &mut Context<Self>) {
        self.guarded(context, |this, _| {
            let shared = &this.shared;
            shared.tables.ask_outcome(tables, ask, &shared.money);
        });
    }
}
