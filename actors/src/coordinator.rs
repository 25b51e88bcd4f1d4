//! The coordinator: takes envelopes in the order they come, one turn each, and gives them their place in the log.
//!
//! A turn is synchronous: look the key up, let the domains decide, apply, queue the record. Nothing is awaited, so
//! there is nothing to lock. The result leaves through the journal's gate when the record is on disk. What is decided
//! is proven before its record is queued: a decision that would break an invariant, or that panics, costs that envelope
//! only. Any other one, and a domain that cannot apply what it has decided, ends the
//! process: the start path is the recovery path.

use std::panic::{AssertUnwindSafe, catch_unwind};

use actix::prelude::*;
use engine::{Applied, ApplyError, Body, DIGEST_EVERY, Decided, Envelope, Outcome, Record, Turn, TxId};
use journal::Journal;
use ledger::{Domain, Leg};
use protocol::{
    ErrorCode, Reply,
    reply::{Failure, KeyOutcome},
};
use tokio::sync::oneshot;

use crate::{
    books::SharedBooks,
    clock::now_ms,
    currencies::Currencies,
    messages::{
        money::{AwaitDurable, GetOutcome, Origin, Submit, TxResult, Verdict},
        output::{Output, Told},
    },
    panics::AbortOnPanic,
    receipts::receipt,
    refusals::{RefusalBudget, Refusals},
    telemetry::Metrics,
};

/// The part whose panic ends the process: without it every request would wait for ever.
const PART: &str = "the coordinator";

/// The coordinator's actor. Lives on the money arbiter.
pub struct Coordinator {
    books: SharedBooks,
    journal: Journal<Output>,
    currencies: Currencies,
    metrics: Metrics,
    refusals: Refusals,
}

impl Coordinator {
    /// A coordinator over replayed books.
    #[must_use]
    pub fn new(
        books: SharedBooks,
        journal: Journal<Output>,
        currencies: Currencies,
        metrics: Metrics,
        refusals: RefusalBudget,
    ) -> Self {
        for domain in Domain::ALL {
            let books = books.borrow();
            let ledger = books.domains().ledger(domain);
            metrics.domain_keeps(domain, ledger.accounts().len(), ledger.holds().len());
        }
        Self { books, journal, currencies, metrics, refusals: Refusals::new(refusals) }
    }

    /// Counts a transaction at the domains that took part in it.
    fn count(&self, legs: &[(Domain, Leg)]) {
        let books = self.books.borrow();
        for (domain, _) in legs {
            let ledger = books.domains().ledger(*domain);
            self.metrics.accepted_by(*domain);
            self.metrics.domain_keeps(*domain, ledger.accounts().len(), ledger.holds().len());
        }
    }

    fn turn(&mut self, envelope: Envelope, origin: Origin) {
        let id = match &envelope {
            Envelope::Run(tx) => tx.id,
            Envelope::Refuse { id, .. } => *id,
        };
        // A panic while deciding has changed nothing: that envelope is dropped, the others go on.
        let books = self.books.clone();
        let decided = catch_unwind(AssertUnwindSafe(|| books.borrow().turn(envelope, now_ms())));
        self.conclude(id, decided.ok(), origin);
    }

    /// Records what was decided, or says why nothing is; none: deciding has panicked.
    fn conclude(&mut self, id: TxId, decided: Option<Turn>, origin: Origin) {
        let verdict = match decided {
            Some(Turn::New(decided)) => return self.commit(id, *decided, origin),
            Some(Turn::Refused { decided, by }) => {
                self.metrics.refused_by(by);
                match origin
                    .player()
                    .map_or(Ok(()), |player| self.refusals.charge(player, decided.record().time))
                {
                    Ok(()) => return self.commit(id, *decided, origin),
                    Err(wait_ms) => {
                        self.metrics.refusal_over_budget();
                        Verdict::TooManyRefused(wait_ms)
                    }
                }
            }
            Some(Turn::Known(outcome)) => {
                self.metrics.key_known();
                Verdict::Recorded(outcome)
            }
            Some(Turn::KeyReused) => {
                self.metrics.key_reused();
                Verdict::KeyReused
            }
            Some(Turn::Answered { code, by }) => {
                self.metrics.refused_by(by);
                self.metrics.refused(code);
                Verdict::Answered(code)
            }
            Some(Turn::Impossible { code, by }) => {
                self.metrics.refused_by(Some(by));
                self.metrics.impossible();
                Verdict::Impossible(code)
            }
            Some(Turn::Unproven(violation)) => {
                self.metrics.unproven(&violation);
                Verdict::Impossible(ErrorCode::Internal)
            }
            None => {
                self.metrics.impossible();
                Verdict::Impossible(ErrorCode::Internal)
            }
        };
        let result = TxResult { id, time: 0, leg: None, verdict };
        self.journal.barrier(Output::Result { origin, result, notices: Vec::new() });
    }

    fn commit(&mut self, id: TxId, decided: Decided, origin: Origin) {
        let _guard = AbortOnPanic("the money state");
        let (record, applied) = self.take(decided);
        let lsn = self.books.borrow().lsn();
        let bytes = record.encode();
        let time = record.time;
        let (leg, notices) = match record.body {
            Body::Committed(committed) => {
                self.count(&committed.legs);
                let told = committed.notices.into_iter().zip(applied.offsets);
                let notices = told.map(|(notice, offset)| Told { notice, offset, lsn }).collect();
                (committed.table.map(|(_, leg)| leg), notices)
            }
            Body::Refused { code, .. } => {
                self.metrics.refused(code);
                (None, Vec::new())
            }
            Body::Digest(_) | Body::Fact(_) => (None, Vec::new()),
        };
        let verdict = applied.outcome.map_or(Verdict::Done, Verdict::Recorded);
        let result = TxResult { id, time, leg, verdict };
        self.append(bytes, Output::Result { origin, result, notices });
        if lsn.is_multiple_of(DIGEST_EVERY) {
            let digest = self.books.borrow().digest_record(now_ms());
            let (digest, _) = self.take(digest.into());
            self.append(digest.encode(), Output::Nothing);
        }
    }

    /// Applies to the money state, or ends the process.
    fn take(&self, decided: Decided) -> (Record, Applied) {
        let taken = self.books.borrow_mut().take(decided);
        taken.unwrap_or_else(|misfit| abort(&misfit))
    }

    fn append(&self, bytes: Vec<u8>, output: Output) {
        let lsn = self.journal.append(bytes, output);
        assert_eq!(lsn.0, self.books.borrow().lsn(), "the log and the books count together");
    }
}

/// Money that cannot be applied means that this process is wrong: nothing of it may be answered or written.
fn abort(misfit: &ApplyError) -> ! {
    tracing::error!(%misfit, "the money state cannot go on; the hub stops and starts again from its log");
    std::process::abort()
}

impl Actor for Coordinator {
    type Context = Context<Self>;
}

impl Handler<Submit> for Coordinator {
    type Result = ();

    fn handle(&mut self, Submit { envelope, origin }: Submit, _: &mut Context<Self>) {
        let _guard = AbortOnPanic(PART);
        self.turn(envelope, origin);
    }
}

impl Handler<GetOutcome> for Coordinator {
    type Result = ();

    fn handle(&mut self, GetOutcome { player, key, to }: GetOutcome, _: &mut Context<Self>) {
        let _guard = AbortOnPanic(PART);
        let outcome = match self.books.borrow().outcome(TxId::of_key(player, &key)) {
            None => KeyOutcome::Unknown,
            Some(Outcome::Refused(code)) => {
                KeyOutcome::Refused { code: code.into(), name: code.name().into() }
            }
            Some(Outcome::Done(done)) => match receipt(key, &done, &self.currencies) {
                Some(receipt) => KeyOutcome::Accepted { receipt },
                // It stands, and must never be denied, but cannot be spelled: it is no bet's.
                None => {
                    let failure = Failure::with(ErrorCode::Internal, "the receipt cannot be shown");
                    return self.journal.barrier(Output::Reply(to, Box::new(Reply::Error(failure))));
                }
            },
        };
        self.journal.barrier(Output::Reply(to, Box::new(Reply::Outcome { key, outcome })));
    }
}

impl Handler<AwaitDurable> for Coordinator {
    type Result = MessageResult<AwaitDurable>;

    fn handle(&mut self, _: AwaitDurable, _: &mut Context<Self>) -> Self::Result {
        let _guard = AbortOnPanic(PART);
        let (sender, receiver) = oneshot::channel();
        self.journal.barrier(Output::Durable(sender));
        MessageResult(receiver)
    }
}

#[cfg(test)]
mod tests;
