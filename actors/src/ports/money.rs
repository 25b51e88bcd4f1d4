//! The way to money: envelopes and reads go in, answers come back through the output gate, in the order of the log.

use std::sync::Arc;

use actix::prelude::*;
use engine::{Done, Envelope, Outcome, StoredState, Verdict};
use ledger::Domain;
use protocol::{ErrorCode, PlayerId};
use tokio::sync::oneshot;

use crate::messages::{
    domain::{Arrive, GetBalance, GetReport, GetResults, Report},
    money::{AwaitDurable, ErasePlayer, Erasure, GetOutcome, Origin, StoreCommitted, Submit},
};

/// The way to money. Clones share it.
#[derive(Debug, Clone)]
pub struct MoneyPort(Arc<Ways>);

/// One recipient for each message: made once, shared by all clones.
#[derive(Debug)]
struct Ways {
    submit: Recipient<Submit>,
    outcome: Recipient<GetOutcome>,
    durable: Recipient<AwaitDurable>,
    committed: Recipient<StoreCommitted>,
    erase: Recipient<ErasePlayer>,
    balance: Recipient<GetBalance>,
    results: Recipient<GetResults>,
    arrive: Recipient<Arrive>,
    reports: [Recipient<GetReport>; Domain::ALL.len()],
}

/// The result of [`MoneyPort::execute`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    /// It is carried out and on disk, now or before. With its receipt, when it had a key.
    Committed(Option<Done>),
    /// It is refused; the code tells whether for good.
    Rejected(ErrorCode),
    /// Nothing is decided now.
    NotNow {
        /// Why not.
        code: ErrorCode,
        /// When to try again with the same key, milliseconds from now.
        wait_ms: u64,
    },
    /// Unknown whether it was carried out: the coordinator gave no answer. A retry with the same key returns the
    /// outcome.
    Unknown,
}

impl MoneyPort {
    /// The port to a coordinator and its domains; `reports` in the order of [`Domain::ALL`].
    #[must_use]
    pub fn new<C, B>(
        coordinator: &Addr<C>,
        balance: &Addr<B>,
        reports: [Recipient<GetReport>; Domain::ALL.len()],
    ) -> Self
    where
        C: Actor<Context = Context<C>>
            + Handler<Submit>
            + Handler<GetOutcome>
            + Handler<AwaitDurable>
            + Handler<StoreCommitted>
            + Handler<ErasePlayer>,
        B: Actor<Context = Context<B>> + Handler<GetBalance> + Handler<GetResults> + Handler<Arrive>,
    {
        Self(Arc::new(Ways {
            submit: coordinator.clone().recipient(),
            outcome: coordinator.clone().recipient(),
            durable: coordinator.clone().recipient(),
            committed: coordinator.clone().recipient(),
            erase: coordinator.clone().recipient(),
            balance: balance.clone().recipient(),
            results: balance.clone().recipient(),
            arrive: balance.clone().recipient(),
            reports,
        }))
    }

    /// Submits an envelope; its result goes to `origin` when it is on disk.
    pub fn submit(&self, envelope: Envelope, origin: Origin) {
        self.0.submit.do_send(Submit { envelope, origin });
    }

    /// Submits an envelope of a service and waits until its outcome is on disk. For HTTP; a bet takes [`MoneyPort::submit`].
    pub async fn execute(&self, service: &'static str, envelope: Envelope) -> Execution {
        let (answer, receiver) = oneshot::channel();
        self.submit(envelope, Origin::Service { name: service, answer });
        match receiver.await {
            Ok(Verdict::Recorded(Outcome::Done(done))) => Execution::Committed(Some(done)),
            Ok(Verdict::Done | Verdict::Recorded(Outcome::Changed { .. })) => Execution::Committed(None),
            Ok(Verdict::Recorded(Outcome::Refused(code))) => Execution::Rejected(code),
            Ok(Verdict::KeyReused) => Execution::Rejected(ErrorCode::KeyReused),
            Ok(Verdict::Impossible(ErrorCode::Internal) | Verdict::Answered(ErrorCode::Internal))
            | Err(_) => Execution::Unknown,
            Ok(Verdict::Impossible(code) | Verdict::Answered(code)) => Execution::Rejected(code),
            Ok(Verdict::NotNow(code, wait_ms)) => Execution::NotNow { code, wait_ms },
            Ok(Verdict::TooManyRefused(_) | Verdict::TooManyCleared(_)) => {
                Execution::Rejected(ErrorCode::RateLimited)
            }
        }
    }

    /// Asks for the outcome of a player's key. A session asks behind its bets:
    /// [`super::table::TablePort::ask_outcome`].
    pub fn outcome(&self, ask: GetOutcome) {
        self.0.outcome.do_send(ask);
    }

    /// Tells that the state store has a new commit.
    pub fn committed(&self, store: Arc<dyn StoredState>) {
        self.0.committed.do_send(StoreCommitted(store));
    }

    /// Asks whether a player may be erased, or with `record` records it. The answer comes when all that it shows is on disk; it
    /// is an error when the coordinator or the log's writer is gone before that.
    #[must_use]
    pub fn erase(&self, player: PlayerId, excluded: bool, record: bool) -> oneshot::Receiver<Erasure> {
        let (answer, receiver) = oneshot::channel();
        self.0.erase.do_send(ErasePlayer { player, excluded, record, answer });
        receiver
    }

    /// Asks for a player's balances.
    pub fn balance(&self, ask: GetBalance) {
        self.0.balance.do_send(ask);
    }

    /// Asks for a player's last settled rounds.
    pub fn results(&self, ask: GetResults) {
        self.0.results.do_send(ask);
    }

    /// Starts the subscriptions of a session whose player is known.
    pub fn arrive(&self, arrive: Arrive) {
        self.0.arrive.do_send(arrive);
    }

    /// Waits until everything applied so far is on disk: for ever where there is no room for it.
    ///
    /// # Errors
    /// When the coordinator or the log's writer is gone; the message says which.
    pub async fn durable(&self) -> Result<(), &'static str> {
        let waiting = self.0.durable.send(AwaitDurable).await.map_err(|_| "the coordinator is gone")?;
        waiting.await.map_err(|_| "the log's writer is gone")
    }

    /// The figures of a domain; `None` when its actor is gone.
    pub async fn report(&self, domain: Domain) -> Option<Report> {
        self.0.reports[domain as usize].send(GetReport).await.ok()
    }
}
