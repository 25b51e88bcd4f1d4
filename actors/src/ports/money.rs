//! The way to money: envelopes and reads go in, answers come back through the output gate, in the order of the log.

use std::sync::Arc;

use actix::prelude::*;
use domains::limits::LimitReached;
use engine::{
    Done, Envelope, KeptKey, Outcome, Preview, Principal, StoredState, Tx, TxId, TxResult, Verdict,
};
use ledger::Domain;
use protocol::{ErrorCode, PlayerId};
use tokio::sync::oneshot;

use crate::messages::{
    domain::{Arrive, GetBalance, GetFunds, GetReport, GetResults, PlayerFunds, Report},
    money::{
        AwaitDurable, ErasePlayer, Erasure, FindKey, GetOutcome, GetPastRounds, GetProposals, Origin,
        ProposalsFound, StoreCommitted, Submit, WhichProposals,
    },
};

/// The way to money. Clones share it.
#[derive(Debug, Clone)]
pub struct MoneyPort(Arc<Ways>);

/// One recipient for each message: made once, shared by all clones.
#[derive(Debug)]
struct Ways {
    submit: Recipient<Submit>,
    outcome: Recipient<GetOutcome>,
    past_rounds: Recipient<GetPastRounds>,
    find: Recipient<FindKey>,
    proposals: Recipient<GetProposals>,
    durable: Recipient<AwaitDurable>,
    committed: Recipient<StoreCommitted>,
    erase: Recipient<ErasePlayer>,
    balance: Recipient<GetBalance>,
    funds: Recipient<GetFunds>,
    results: Recipient<GetResults>,
    arrive: Recipient<Arrive>,
    reports: [Recipient<GetReport>; Domain::ALL.len()],
}

/// The result of [`MoneyPort::execute`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Execution {
    /// It is carried out and on disk.
    Committed(Executed),
    /// It is refused.
    Rejected(NotExecuted),
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

/// What was carried out under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Executed {
    /// Place of its record in the log.
    pub lsn: u64,
    /// The receipt, when a player's funds have changed.
    pub done: Option<Done>,
    /// Whether an earlier request with the same key and content did it.
    pub replayed: bool,
}

/// Why something was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotExecuted {
    /// The code.
    pub code: ErrorCode,
    /// Place of the record of the refusal in the log; `None` when none was made, and the key is as it was. With a record, the
    /// same request gets the same answer for good.
    pub recorded: Option<u64>,
    /// Whether it was recorded by an earlier request.
    pub replayed: bool,
    /// The limit that refuses it, when this request has made the record.
    pub limit: Option<Box<LimitReached>>,
}

impl From<ErrorCode> for NotExecuted {
    /// A refusal that is not recorded: the key is as it was.
    fn from(code: ErrorCode) -> Self {
        Self { code, recorded: None, replayed: false, limit: None }
    }
}

impl Execution {
    /// What an outcome says, of this request or of an earlier one.
    fn of(outcome: Outcome, replayed: bool) -> Self {
        match outcome {
            Outcome::Done(done) => {
                Execution::Committed(Executed { lsn: done.lsn, done: Some(done), replayed })
            }
            Outcome::Changed { lsn } => Execution::Committed(Executed { lsn, done: None, replayed }),
            Outcome::Refused { code, lsn } => {
                Execution::Rejected(NotExecuted { code, recorded: Some(lsn), replayed, limit: None })
            }
        }
    }
}

impl From<Preview> for Execution {
    fn from(preview: Preview) -> Self {
        match preview {
            Preview::Known(outcome) => Self::of(outcome, true),
            Preview::Done(outcome) => Self::of(outcome, false),
            Preview::Refused(ErrorCode::Internal) => Execution::Unknown,
            Preview::Refused(code) => Execution::Rejected(code.into()),
            Preview::NotNow(code, wait_ms) => Execution::NotNow { code, wait_ms },
        }
    }
}

impl From<TxResult> for Execution {
    /// The result of an envelope with a key.
    fn from(result: TxResult) -> Self {
        let replayed = !result.is_recorded();
        match result.verdict {
            Verdict::Recorded(outcome) => match Self::of(outcome, replayed) {
                Execution::Rejected(rejected) => {
                    Execution::Rejected(NotExecuted { limit: result.limit, ..rejected })
                }
                done => done,
            },
            Verdict::KeyReused => Execution::Rejected(ErrorCode::KeyReused.into()),
            // Only what the hub does itself has no key, and nobody waits for it.
            Verdict::Done
            | Verdict::Impossible(ErrorCode::Internal)
            | Verdict::Answered(ErrorCode::Internal) => Execution::Unknown,
            Verdict::Impossible(code) | Verdict::Answered(code) => Execution::Rejected(code.into()),
            Verdict::NotNow(code, wait_ms) => Execution::NotNow { code, wait_ms },
            Verdict::TooManyRefused(wait_ms) | Verdict::TooManyCleared(wait_ms) => {
                Execution::NotNow { code: ErrorCode::RateLimited, wait_ms }
            }
        }
    }
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
            + Handler<GetPastRounds>
            + Handler<FindKey>
            + Handler<GetProposals>
            + Handler<AwaitDurable>
            + Handler<StoreCommitted>
            + Handler<ErasePlayer>,
        B: Actor<Context = Context<B>>
            + Handler<GetBalance>
            + Handler<GetFunds>
            + Handler<GetResults>
            + Handler<Arrive>,
    {
        Self(Arc::new(Ways {
            submit: coordinator.clone().recipient(),
            outcome: coordinator.clone().recipient(),
            past_rounds: coordinator.clone().recipient(),
            find: coordinator.clone().recipient(),
            proposals: coordinator.clone().recipient(),
            durable: coordinator.clone().recipient(),
            committed: coordinator.clone().recipient(),
            erase: coordinator.clone().recipient(),
            balance: balance.clone().recipient(),
            funds: balance.clone().recipient(),
            results: balance.clone().recipient(),
            arrive: balance.clone().recipient(),
            reports,
        }))
    }

    /// Submits an envelope; its result goes to `origin` when it is on disk.
    pub fn submit(&self, envelope: Envelope, origin: Origin) {
        self.0.submit.do_send(Submit { envelope, origin });
    }

    /// Submits an envelope with a key of a principal's and waits until its outcome is on disk. For HTTP; a bet takes
    /// [`MoneyPort::submit`].
    pub async fn execute(&self, principal: Principal, envelope: Envelope) -> Execution {
        let (answer, receiver) = oneshot::channel();
        self.submit(envelope, Origin::Waiting { principal, answer });
        receiver.await.map_or(Execution::Unknown, Execution::from)
    }

    /// Records what was not done, which has no key, and waits until that is on disk: whether it is.
    pub async fn note(&self, tx: Tx) -> bool {
        let (principal, (answer, receiver)) = (tx.principal, oneshot::channel());
        self.submit(Envelope::Run(tx), Origin::Waiting { principal, answer });
        receiver.await.is_ok_and(|result| result.verdict == Verdict::Done)
    }

    /// Says what an envelope with a key would do, as [`MoneyPort::execute`] would say it; nothing is carried out, and no key is
    /// consumed.
    pub async fn preview(&self, envelope: Envelope) -> Execution {
        let (answer, receiver) = oneshot::channel();
        self.submit(envelope, Origin::Preview(answer));
        receiver.await.map_or(Execution::Unknown, Execution::from)
    }

    /// The outcome under an id, with the content of its request; `None` when it has none.
    ///
    /// # Errors
    /// When that cannot be said now.
    pub async fn find(&self, id: TxId) -> Result<Option<KeptKey>, ErrorCode> {
        let (answer, receiver) = oneshot::channel();
        self.0.find.do_send(FindKey { id, answer });
        receiver.await.map_err(|_| ErrorCode::Unavailable)
    }

    /// Proposals that wait for approval, or one of them; `None` when the coordinator or the log's writer is gone.
    pub async fn proposals(&self, which: WhichProposals) -> Option<ProposalsFound> {
        let (answer, receiver) = oneshot::channel();
        self.0.proposals.do_send(GetProposals { which, answer });
        receiver.await.ok()
    }

    /// Asks for the outcome of a player's key. A session asks behind its bets:
    /// [`super::table::TablePort::ask_outcome`].
    pub fn outcome(&self, ask: GetOutcome) {
        self.0.outcome.do_send(ask);
    }

    /// Asks for the last rounds of a table, for the table.
    pub fn past_rounds(&self, ask: GetPastRounds) {
        self.0.past_rounds.do_send(ask);
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

    /// What the balance domain has of a player; `None` when its actor or the log's writer is gone.
    pub async fn funds(&self, player: PlayerId) -> Option<PlayerFunds> {
        let (answer, receiver) = oneshot::channel();
        self.0.funds.do_send(GetFunds { player, answer });
        receiver.await.ok()
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
