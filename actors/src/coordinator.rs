//! The coordinator: takes envelopes in the order they come, one turn each, and gives them their place in the log.
//!
//! A turn is synchronous: look the key up, let the domains decide, apply, queue the record. Nothing is awaited, so
//! there is nothing to lock. The result leaves through the journal's gate when the record is on disk. A panic while
//! deciding costs that envelope only. Any other one, and a domain that cannot apply what it has decided, ends the
//! process: the start path is the recovery path.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

use actix::prelude::*;
use domains::Recipe;
use engine::{
    ApplyError, Body, Books, Content, DIGEST_EVERY, Done, Envelope, Outcome, Record, Turn, Tx, TxId,
};
use journal::Journal;
use ledger::{Domain, Leg};
use protocol::{
    Amount, Currency, ErrorCode, Key, PlayerId, Reply,
    reply::{Failure, KeyOutcome, Receipt},
};
use tokio::sync::oneshot;

use crate::{
    clock::now_ms,
    domain::Currencies,
    gate::{Release, Told, TxResult, Verdict},
    panics::AbortOnPanic,
    reply::ReplyTo,
    table::BetContext,
    telemetry::Metrics,
};

/// The part whose panic ends the process: without it every request would wait for ever.
const PART: &str = "the coordinator";

/// The partition's money, shared by the coordinator and the domains of its thread.
pub type SharedBooks = Rc<RefCell<Books>>;

/// Where the result of an envelope goes.
#[derive(Debug)]
pub enum Origin {
    /// To a table, with the request that caused it.
    Table {
        /// The table.
        table: protocol::TableId,
        /// The request, when a player made one.
        request: Option<BetContext>,
    },
    /// To a session whose request no table is asked about.
    Session(BetContext),
    /// To a service that waits.
    Service(oneshot::Sender<Verdict>),
    /// To nobody.
    Nobody,
}

/// The coordinator's actor. Lives on the money arbiter.
pub struct Coordinator {
    books: SharedBooks,
    journal: Journal<Release>,
    currencies: Currencies,
    metrics: Metrics,
}

impl Coordinator {
    /// A coordinator over replayed books.
    #[must_use]
    pub fn new(
        books: SharedBooks,
        journal: Journal<Release>,
        currencies: Currencies,
        metrics: Metrics,
    ) -> Self {
        for domain in Domain::ALL {
            let books = books.borrow();
            let ledger = books.domains().ledger(domain);
            metrics.domain_keeps(domain, ledger.accounts().len(), ledger.holds().len());
        }
        Self { books, journal, currencies, metrics }
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
        let unrecorded = |verdict| TxResult { id, time: 0, leg: None, verdict };
        let verdict = match decided {
            Ok(Turn::New(record)) => return self.commit(id, *record, origin),
            Ok(Turn::Refused { record, by }) => {
                self.metrics.refused_by(by);
                return self.commit(id, *record, origin);
            }
            Ok(Turn::Known(outcome)) => {
                self.metrics.key_known();
                Verdict::Recorded(outcome)
            }
            Ok(Turn::KeyReused) => {
                self.metrics.key_reused();
                Verdict::KeyReused
            }
            Ok(Turn::Impossible { code, by }) => {
                self.metrics.refused_by(Some(by));
                self.metrics.impossible();
                Verdict::Impossible(code)
            }
            Err(_) => {
                self.metrics.impossible();
                Verdict::Impossible(ErrorCode::Internal)
            }
        };
        let result = unrecorded(verdict);
        self.journal.barrier(Release::Result { origin, result, notices: Vec::new() });
    }

    fn commit(&mut self, id: TxId, record: Record, origin: Origin) {
        let _guard = AbortOnPanic("the money state");
        let applied = self.apply(&record);
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
            Body::Digest(_) => (None, Vec::new()),
        };
        let verdict = applied.outcome.map_or(Verdict::Done, Verdict::Recorded);
        let result = TxResult { id, time, leg, verdict };
        self.append(bytes, Release::Result { origin, result, notices });
        if lsn.is_multiple_of(DIGEST_EVERY) {
            let digest = self.books.borrow().digest_record(now_ms());
            self.apply(&digest);
            self.append(digest.encode(), Release::Nothing);
        }
    }

    /// Applies to the money state, or ends the process.
    fn apply(&self, record: &Record) -> engine::Applied {
        let applied = self.books.borrow_mut().apply(record);
        applied.unwrap_or_else(|misfit| abort(&misfit))
    }

    fn append(&self, bytes: Vec<u8>, release: Release) {
        let lsn = self.journal.append(bytes, release);
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

/// Runs one envelope. Never refused: whoever sends it holds a permit, or is the hub itself.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Submit {
    /// The envelope.
    pub envelope: Envelope,
    /// Where the result goes.
    pub origin: Origin,
}

impl Handler<Submit> for Coordinator {
    type Result = ();

    fn handle(&mut self, Submit { envelope, origin }: Submit, _: &mut Context<Self>) {
        let _guard = AbortOnPanic(PART);
        self.turn(envelope, origin);
    }
}

/// A deposit that a service reports. Idempotent by (service, key).
#[derive(Message, Debug)]
#[rtype(result = "Result<oneshot::Receiver<Verdict>, ErrorCode>")]
pub struct Deposit {
    /// Name of the service.
    pub service: &'static str,
    /// Its key.
    pub key: String,
    /// The player.
    pub player: PlayerId,
    /// The currency.
    pub currency: Currency,
    /// How much.
    pub amount: Amount,
}

impl Handler<Deposit> for Coordinator {
    type Result = MessageResult<Deposit>;

    fn handle(&mut self, deposit: Deposit, _: &mut Context<Self>) -> Self::Result {
        let _guard = AbortOnPanic(PART);
        let Deposit { service, key, player, currency, amount } = deposit;
        let Some(scale) = self.currencies.scale(currency) else {
            return MessageResult(Err(ErrorCode::WrongCurrency));
        };
        let Ok(amount) = amount.to_minor(scale) else {
            return MessageResult(Err(ErrorCode::TooPrecise));
        };
        let content = Content::of(&[
            b"deposit",
            &player.0.to_be_bytes(),
            currency.as_str().as_bytes(),
            &amount.to_be_bytes(),
        ]);
        let recipe = Recipe::Deposit { player, currency, amount };
        let id = TxId::of_service(service, &key);
        let (sender, receiver) = oneshot::channel();
        self.turn(Envelope::Run(Tx { id, key: Some(content), recipe, table: None }), Origin::Service(sender));
        MessageResult(Ok(receiver))
    }
}

/// What became of a player's key. Answered when what it has seen is on disk.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct GetOutcome {
    /// The player.
    pub player: PlayerId,
    /// The key.
    pub key: Key,
    /// The session.
    pub to: ReplyTo,
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
                // It stands, and must never be denied, but cannot be spelled: its currency is configured no more.
                None => {
                    let failure = Failure::with(ErrorCode::Internal, "the receipt cannot be shown");
                    return self.journal.barrier(Release::Reply(to, Box::new(Reply::Error(failure))));
                }
            },
        };
        self.journal.barrier(Release::Reply(to, Box::new(Reply::Outcome { key, outcome })));
    }
}

/// Says when everything applied so far is on disk.
#[derive(Message, Debug)]
#[rtype(result = "oneshot::Receiver<()>")]
pub struct Settle;

impl Handler<Settle> for Coordinator {
    type Result = MessageResult<Settle>;

    fn handle(&mut self, _: Settle, _: &mut Context<Self>) -> Self::Result {
        let _guard = AbortOnPanic(PART);
        let (sender, receiver) = oneshot::channel();
        self.journal.barrier(Release::Durable(sender));
        MessageResult(receiver)
    }
}

/// The reply to a bet or a clearing; `refusal` finds the words for a refusal.
#[must_use]
pub fn bet_reply(
    key: Key,
    clears: bool,
    verdict: Verdict,
    currencies: &Currencies,
    refusal: impl FnOnce(ErrorCode) -> Failure,
) -> Reply {
    match verdict {
        Verdict::Recorded(Outcome::Done(done)) => match receipt(key, &done, currencies) {
            Some(receipt) if clears => Reply::BetsCleared(receipt),
            Some(receipt) => Reply::BetAccepted(receipt),
            None => Reply::Error(Failure::of(ErrorCode::Internal)),
        },
        Verdict::Recorded(Outcome::Refused(code)) | Verdict::Impossible(code) => Reply::Error(refusal(code)),
        Verdict::KeyReused => Reply::Error(Failure::of(ErrorCode::KeyReused)),
        Verdict::Done => Reply::Error(Failure::of(ErrorCode::Internal)),
    }
}

/// A receipt as the wire spells it; none for what is no bet.
#[must_use]
pub fn receipt(key: Key, done: &Done, currencies: &Currencies) -> Option<Receipt> {
    let scale = currencies.scale(done.currency)?;
    let amount = |minor| Amount::from_minor(minor, scale).ok();
    Some(Receipt {
        key,
        lsn: done.lsn,
        round: done.round?,
        amount: amount(done.amount)?,
        currency: done.currency,
        available: amount(done.available)?,
        held: amount(done.held)?,
    })
}

#[cfg(test)]
mod tests;
