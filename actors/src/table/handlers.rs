//! What a table does with each message.

use std::sync::atomic::Ordering::Relaxed;

use actix::prelude::*;
use engine::{
    TxResult, Verdict,
    table::live::{BetRequest, ClearRequest, Question},
};
use protocol::{ErrorCode, reply::Failure};

use super::{CHIPS_EVERY_MS, Parked, TableActor};
use crate::{
    clock::now_ms,
    messages::table::{AskOutcome, Bet, Clear, Finished, Join, Leave, Wake},
    receipts::Said,
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
    type Result = ();

    fn handle(&mut self, join: Join, context: &mut Context<Self>) {
        let (live, places_max) = (&self.live, self.live.config().places_max as usize);
        let (session, stake) = (join.to.session, live.stake(join.player));
        if !self.places.join(session, join.player, stake, live.seats_taken(), places_max) {
            return self.turn_away(join, Failure::of(ErrorCode::TableFull));
        }
        self.arriving.push_back(join);
        self.guarded(context, |this, context| {
            this.status.players.store(this.places.len() as u32, Relaxed);
            this.proceed(context);
            this.welcome();
        });
    }
}

impl Handler<Leave> for TableActor {
    type Result = ();

    fn handle(&mut self, Leave { session }: Leave, context: &mut Context<Self>) {
        self.guarded(context, |this, _| {
            this.places.leave(session);
            this.status.players.store(this.places.len() as u32, Relaxed);
            this.forget_history();
        });
    }
}

impl Handler<Bet> for TableActor {
    type Result = ();

    fn handle(&mut self, Bet { request, context: asked }: Bet, context: &mut Context<Self>) {
        // Refused behind the log, not here: a retry over a new connection must find its receipt.
        let here = self.places.has(asked.to.session);
        self.decide(asked, context, |live| {
            if here {
                live.place_bet(request, now_ms())
            } else {
                let BetRequest { id, content, player, .. } = request;
                live.refuse(id, content, player, ErrorCode::NotAtTable)
            }
        });
    }
}

impl Handler<Clear> for TableActor {
    type Result = ();

    fn handle(&mut self, Clear { request, context: asked }: Clear, context: &mut Context<Self>) {
        let here = self.places.has(asked.to.session);
        self.decide(asked, context, |live| {
            if here {
                live.clear_bets(request, now_ms())
            } else {
                let ClearRequest { id, content, player, .. } = request;
                live.refuse(id, content, player, ErrorCode::NotAtTable)
            }
        });
    }
}

impl Handler<Finished> for TableActor {
    type Result = ();

    fn handle(&mut self, Finished { result, request }: Finished, context: &mut Context<Self>) {
        let TxResult { id, time, leg, verdict, play, limit } = result;
        self.guarded(context, |this, context| {
            let sound = !this.live.state().unfit;
            let offset = this.live.apply(id, leg.as_ref(), time);
            if sound && this.live.state().unfit {
                this.shared.metrics.table_unfit();
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
            self.answer(request, Said { verdict, play, limit }, context);
        }
        self.guarded(context, |this, context| {
            this.proceed(context);
            this.welcome();
            this.forget_history();
        });
    }
}

impl Handler<AskOutcome> for TableActor {
    type Result = ();

    fn handle(&mut self, AskOutcome { tables, ask }: AskOutcome, context: &mut Context<Self>) {
        let mut question = None;
        self.guarded(context, |this, _| question = Some(this.live.ask(ask.player)));
        match question {
            Some(Question::GoOn) => self.shared.tables.ask_outcome(tables, ask, &self.shared.money),
            Some(Question::Parked(ticket)) => self.park(ticket, Parked::Question { tables, ask }),
            Some(Question::Busy) => self.busy(ask.to),
            None => self.shared.workers.refuse(ask.to, ErrorCode::Internal),
        }
    }
}
