//! Requests at a table: decided at once, or parked until what they depend on is known; each answered once.

use actix::prelude::*;
use engine::{
    Envelope,
    table::live::{Decision, LiveTable, Ticket, Unparked},
};
use protocol::{ErrorCode, Reply, reply::Failure};

use super::{Parked, TableActor, view};
use crate::{
    messages::{
        money::{GetOutcome, Origin},
        reply::{BetContext, ReplyTo},
    },
    receipts::{Said, bet_reply},
    spread,
};

/// Room for parked requests that an empty list keeps.
const PARKED_KEPT: usize = 64;

impl TableActor {
    /// Lets the table decide a request, and submits, parks or answers it. After a panic it is answered as well: nothing
    /// was decided, and a retry with the same key returns the outcome.
    pub(super) fn decide(
        &mut self,
        asked: BetContext,
        context: &mut Context<Self>,
        run: impl FnOnce(&mut LiveTable) -> Decision,
    ) {
        let mut decided = None;
        self.guarded(context, |this, _| decided = Some(run(&mut this.live)));
        match decided {
            Some(Decision::Now(envelope)) => self.submit(envelope, Some(asked)),
            Some(Decision::Parked(ticket)) => self.park(ticket, Parked::Request(asked)),
            Some(Decision::Busy) => self.busy(asked.to),
            None => self.shared.workers.refuse(asked.to, ErrorCode::Internal),
        }
    }

    /// Answers a request that would have to wait where as many wait as may.
    pub(super) fn busy(&self, to: ReplyTo) {
        let busy = Failure::with(ErrorCode::Busy, "as many requests wait at the table as may");
        self.shared.workers.reply(to, Reply::Error(busy.after_ms(spread::wait_ms(spread::BUSY))));
    }

    pub(super) fn park(&mut self, ticket: Ticket, parked: Parked) {
        self.parked.insert(ticket, parked);
    }

    /// Submits what was parked and can be decided now.
    pub(super) fn unpark(&mut self) {
        while let Some((ticket, unparked)) = self.live.next_decided() {
            match (unparked, self.parked.remove(&ticket)) {
                (Unparked::Submit(envelope), Some(Parked::Request(asked))) => {
                    self.submit(envelope, Some(asked));
                }
                (Unparked::GoOn, Some(Parked::Question { tables, ask })) => {
                    self.shared.tables.ask_outcome(tables, ask, &self.shared.money);
                }
                (unparked, parked) => {
                    // Only after a panic, which has answered every parked request.
                    tracing::error!(table = %self.live.id(), ?unparked, ?parked, "nobody waits for this request");
                }
            }
        }
        // An idle table keeps no memory; one whose players click fast need not allocate for every burst.
        if self.parked.is_empty() && self.parked.capacity() > PARKED_KEPT {
            self.parked = Default::default();
        }
    }

    /// Answers every parked request with `code`: nothing can be decided any more. A retry with the same key returns the
    /// outcome.
    pub(super) fn answer_parked(&mut self, code: ErrorCode) {
        for (_, parked) in std::mem::take(&mut self.parked) {
            let (Parked::Request(BetContext { to, .. })
            | Parked::Question { ask: GetOutcome { to, .. }, .. }) = parked;
            self.shared.workers.refuse(to, code);
        }
    }

    pub(super) fn submit(&self, envelope: Envelope, request: Option<BetContext>) {
        let origin = Origin::Table { table: self.live.id(), request };
        self.shared.money.submit(envelope, origin);
    }

    /// Answers the request a result belongs to. The record stands, whatever has become of the table: there is always
    /// an answer.
    pub(super) fn answer(&mut self, request: BetContext, said: Said, context: &mut Context<Self>) {
        let BetContext { to, key, clears, .. } = request;
        let mut reply = Reply::Error(Failure::of(ErrorCode::Internal));
        self.guarded(context, |this, _| {
            let currencies = &this.shared.currencies;
            reply = bet_reply(key, clears, said, currencies, |code| this.refusal(code));
        });
        self.shared.workers.reply(to, reply);
    }

    /// The failure for a code; its words name this table's limits when they are the reason.
    fn refusal(&self, code: ErrorCode) -> Failure {
        match view::limits_in_words(&self.live, code) {
            Some(words) => Failure::with(code, words),
            None => Failure::of(code),
        }
    }
}
