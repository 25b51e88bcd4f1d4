//! The coordinator: takes envelopes in the order they come, one turn each, and gives them their place in the log.
//!
//! A turn is synchronous: look the key up, let the domains decide, apply, queue the record. Nothing is awaited, so
//! there is nothing to lock. Whether an old key has an outcome, only the state store can tell: it is read on another thread,
//! and the envelope has its turn when the answer comes back. The result leaves through the journal's gate when the record
//! is on disk. What is decided is proven before its record is queued: a decision that would break an invariant, or that
//! panics, costs that envelope only. Any other panic, and a domain that cannot apply what it has decided, ends the process;
//! the next start replays the log.

mod erasure;
mod outcomes;
mod past_rounds;
mod proposals;

use std::{
    collections::hash_map::Entry,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use actix::prelude::*;
use domains::{
    exclusion::Exclusion,
    limits::PlayerLimits,
    recipes::{ExcludePlayer, SetPlayerLimit},
};
use engine::{
    ApplyError, Aside, Body, Concluded, DIGEST_EVERY, Decided, Envelope, Found, KeyState, Outcome, Turn,
    TxId, Verdict,
    due::{AT_ONCE, Scheduled, Scheduler},
    table::TableLeg,
};
use journal::Journal;
use ledger::{Domain, Leg};
use protocol::{
    ErrorCode, Reply,
    reply::{Failure, KeyOutcome},
};
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use crate::{
    asides::Asides,
    books::SharedBooks,
    budgets::{Allowances, Budgets},
    clock::now_ms,
    crossed::Crossed,
    currencies::Currencies,
    messages::{
        money::{AsideQuestion, AwaitDurable, FindKey, GetOutcome, LookedUp, Origin, StoreCommitted, Submit},
        output::Output,
        reply::ReplyTo,
    },
    panics::AbortOnPanic,
    receipts::receipt,
    spread,
    telemetry::Metrics,
};

/// How often the coordinator looks whether something is due. A look costs the same however much waits.
const EVERY: Duration = Duration::from_millis(100);

/// How many keys that the state store has leave memory with each turn: more than come in, so that memory does not grow.
const FORGET_A_TURN: usize = 4;

/// Most keys in memory, about 800 MiB: with more of them the state store is minutes behind, and no request gets a new key
/// recorded until it has them. Known keys are answered.
const KEYS_IN_MEMORY_MAX: usize = 1 << 22;

/// How many of them leave memory at once while nothing else is to be done: about a tenth of a millisecond.
const FORGET_AT_ONCE: usize = 512;

/// Drop from memory what the state store has.
#[derive(Message)]
#[rtype(result = "()")]
struct Forget;

/// Carry out what is due.
#[derive(Message)]
#[rtype(result = "()")]
struct Look;

/// Name of this part when its panic ends the process: without it every request would wait for ever.
const PART: &str = "the coordinator";

const _: () =
    assert!(engine::RECORD_BYTES_MAX <= journal::MAX_RECORD, "what the turn lets through, the journal takes");

/// The coordinator's actor. Lives on the money arbiter.
pub struct Coordinator {
    books: SharedBooks,
    journal: Journal<Output>,
    currencies: Currencies,
    metrics: Metrics,
    allowances: Allowances,
    /// What carries out what is due.
    scheduler: Scheduler,
    asides: Asides,
    /// The keys of envelopes that wait for a look-up, with the number of these.
    looking_up: FxHashMap<TxId, u32>,
    /// Where the answer to a look-up goes: this actor, once it is started.
    looked_up: Option<Recipient<LookedUp>>,
    /// Whether memory has keys that the state store has too.
    forgets: bool,
    keys_in_memory_max: usize,
    crossed: Crossed,
}

impl Coordinator {
    /// A coordinator over replayed books.
    #[must_use]
    pub fn new(
        books: SharedBooks,
        journal: Journal<Output>,
        currencies: Currencies,
        metrics: Metrics,
        budgets: Budgets,
        asides: Asides,
    ) -> Self {
        for domain in Domain::ALL {
            let books = books.borrow();
            let ledger = books.domains().ledger(domain);
            metrics.domain_keeps(domain, ledger.counts().0, ledger.counts().1);
        }
        Self {
            books,
            journal,
            currencies,
            metrics,
            allowances: Allowances::new(budgets),
            scheduler: Scheduler::new(true),
            asides,
            looking_up: FxHashMap::default(),
            looked_up: None,
            forgets: false,
            keys_in_memory_max: KEYS_IN_MEMORY_MAX,
            crossed: Crossed::default(),
        }
    }

    /// The same, but nothing that is due is carried out: its clock may be wrong.
    #[must_use]
    pub fn with_doubtful_clock(self) -> Self {
        Self { scheduler: Scheduler::new(false), ..self }
    }

    fn turn(&mut self, envelope: Envelope, origin: Origin, found: Option<&Found>) {
        let (id, now) = (envelope.id(), now_ms());
        // A panic while deciding has changed nothing: that envelope is dropped, the others go on.
        let books = self.books.clone();
        let decided = catch_unwind(AssertUnwindSafe(|| books.borrow().try_turn(envelope, now, found)));
        match decided {
            Ok(Ok(turn)) => match origin {
                Origin::Preview(answer) => self.journal.barrier(Output::Preview(answer, turn.preview())),
                origin => self.conclude(id, Some(turn), now, origin),
            },
            Ok(Err(aside)) => {
                let Aside { envelope, .. } = *aside;
                *self.looking_up.entry(id).or_default() += 1;
                self.look_up(id, AsideQuestion::Submit(Box::new(Submit { envelope, origin })));
            }
            Err(_) => self.conclude(id, None, now, origin),
        }
        if self.forgets {
            self.forgets = !self.books.borrow_mut().forget(FORGET_A_TURN);
        }
    }

    /// Whether the state store is so far behind that memory is to take no more keys. What the hub does itself goes on.
    fn is_full_of_keys(&self) -> bool {
        // A panic of whoever holds the books is found by the turn.
        self.books.try_borrow().is_ok_and(|books| books.keys_in_memory() >= self.keys_in_memory_max)
    }

    /// Answers an envelope whose key cannot be looked up now: nothing is recorded, and its key is as it was.
    fn not_now(&self, id: TxId, origin: Origin, wait_ms: u64) {
        self.metrics.refused(ErrorCode::Unavailable);
        let result = Concluded::unrecorded(id, Verdict::NotNow(ErrorCode::Unavailable, wait_ms)).result;
        self.journal.barrier(Output::Result { origin, result, notices: Vec::new() });
    }

    /// An envelope has come back from its look-up.
    fn came_back(&mut self, id: TxId) {
        if let Entry::Occupied(mut waiting) = self.looking_up.entry(id) {
            *waiting.get_mut() -= 1;
            if *waiting.get() == 0 {
                waiting.remove();
            }
        }
    }

    /// Asks the state store beside the turn; [`LookedUp`] brings the answer.
    fn look_up(&self, id: TxId, question: AsideQuestion) {
        let (store, to) = (self.books.borrow().store(), self.looked_up.clone());
        self.metrics.key_looked_up();
        self.asides.run(move || {
            let found = engine::look_up(&*store, id);
            if let Some(to) = to {
                to.do_send(LookedUp { question, found });
            }
        });
    }

    /// Applies what was decided, and queues its record with the outputs that wait for it. `None` when deciding has
    /// panicked.
    fn conclude(&mut self, id: TxId, decided: Option<Turn>, now: u64, origin: Origin) {
        let concluded = match decided {
            None => {
                self.metrics.impossible();
                Concluded::unrecorded(id, Verdict::Impossible(ErrorCode::Internal))
            }
            Some(turn) => match self.charge(&turn, &origin) {
                Ok(()) => {
                    self.count(id, &turn);
                    let _guard = AbortOnPanic("the money state");
                    let concluded = self.books.borrow_mut().conclude(id, turn, now, DIGEST_EVERY);
                    concluded.unwrap_or_else(|misfit| abort(&misfit))
                }
                Err(verdict) => Concluded::unrecorded(id, verdict),
            },
        };
        let Concluded { result, notices, legs, upgrades, record, digest } = concluded;
        for upgrade in upgrades {
            self.append(upgrade, Output::Nothing);
        }
        self.crossed.count(&notices, now, &self.metrics);
        let output = Output::Result { origin, result, notices };
        match record {
            Some(record) => self.append(record, output),
            None => self.journal.barrier(output),
        }
        if let Some(digest) = digest {
            self.append(digest, Output::Nothing);
        }
        // Counted last: the journal writes meanwhile.
        self.count_moves(&legs);
    }

    /// Charges whoever has asked for a key that is to be recorded and has cost nothing: a refusal, or a clearing with the
    /// bets that it undoes.
    ///
    /// # Errors
    /// The verdict, when the budget is used up or memory takes no more keys: nothing is recorded.
    fn charge(&mut self, turn: &Turn, origin: &Origin) -> Result<(), Verdict> {
        if matches!(turn, Turn::New(_) | Turn::Refused { .. })
            && origin.subject().is_some()
            && self.is_full_of_keys()
        {
            self.metrics.refused(ErrorCode::Busy);
            return Err(Verdict::NotNow(ErrorCode::Busy, spread::wait_ms(spread::COME_BACK)));
        }
        match turn {
            Turn::Refused { decided, .. } => {
                let Some(subject) = origin.subject() else { return Ok(()) };
                let (bytes, time) = (decided.record_bytes(), decided.record().time);
                self.allowances.refuse(subject, bytes, time).map_err(|wait_ms| {
                    self.metrics.refusal_over_budget();
                    Verdict::TooManyRefused(wait_ms)
                })
            }
            Turn::New(decided) => match decided.record().leg() {
                Some(TableLeg::BetPlaced { player, .. }) => {
                    self.allowances.bet(*player, decided.record().time).map_err(|wait_ms| {
                        self.metrics.bet_over_budget();
                        Verdict::TooManyCleared(wait_ms)
                    })
                }
                Some(TableLeg::BetsCleared { player, holds, .. }) => {
                    self.allowances.clear(*player, holds.len(), decided.record().time);
                    Ok(())
                }
                None => self.charge_restriction(decided, origin),
                Some(
                    TableLeg::Opened { .. }
                    | TableLeg::Locked { .. }
                    | TableLeg::Settled { .. }
                    | TableLeg::Voided { .. }
                    | TableLeg::Ruled { .. }
                    | TableLeg::Quarantined { .. },
                ) => Ok(()),
            },
            Turn::Known(_)
            | Turn::KeyReused
            | Turn::Answered { .. }
            | Turn::Impossible { .. }
            | Turn::Unproven(_) => Ok(()),
        }
    }

    /// Charges a player who asks for another exclusion than the first, or changes a limit that there is. What protects the
    /// player anew never waits for a budget.
    ///
    /// # Errors
    /// The verdict, when the budget is used up: nothing is recorded.
    fn charge_restriction(&mut self, decided: &Decided, origin: &Origin) -> Result<(), Verdict> {
        let Origin::Session(asked) = origin else { return Ok(()) };
        let (player, time) = (asked.player, decided.record().time);
        let Body::Committed(committed) = &decided.record().body else { return Ok(()) };
        let books = self.books.borrow();
        let rows = &books.domains().rows;
        let is_another = if let Some(set) = committed.intent.get::<SetPlayerLimit>() {
            let limits = PlayerLimits::of(rows, player).unwrap_or_default();
            limits.iter().any(|(id, _)| id == set.id)
        } else {
            committed.intent.get::<ExcludePlayer>().is_some() && Exclusion::of(rows, player, time).is_some()
        };
        drop(books);
        if !is_another {
            return Ok(());
        }
        let bytes = decided.record_bytes();
        self.allowances.refuse(player.into(), bytes, time).map_err(|wait_ms| {
            self.metrics.refusal_over_budget();
            Verdict::TooManyRefused(wait_ms)
        })
    }

    /// Counts what was decided, once it is certain that it is recorded or answered as it was decided.
    fn count(&self, id: TxId, decided: &Turn) {
        match decided {
            Turn::New(decided) => {
                if let Some(TableLeg::Quarantined { .. }) = decided.record().leg() {
                    self.metrics.table_quarantined();
                }
                if decided.record().breaks_glass() {
                    self.metrics.break_glass();
                }
            }
            Turn::Refused { decided, by } => {
                self.metrics.refused_by(*by);
                if let Body::Refused { code, .. } = decided.record().body {
                    self.metrics.refused(code);
                }
            }
            Turn::Known(_) => self.metrics.key_known(),
            Turn::KeyReused => self.metrics.key_reused(),
            Turn::Answered { code, by, .. } => {
                self.metrics.refused_by(*by);
                self.metrics.refused(*code);
            }
            Turn::Impossible { by, .. } => {
                self.metrics.refused_by(Some(*by));
                self.metrics.impossible();
            }
            Turn::Unproven(violation) => self.metrics.unproven(id, violation),
        }
    }

    /// Counts a transaction at the domains that took part in it.
    fn count_moves(&self, legs: &[(Domain, Leg)]) {
        for (domain, _) in legs {
            let books = self.books.borrow();
            let ledger = books.domains().ledger(*domain);
            self.metrics.accepted_by(*domain);
            self.metrics.domain_keeps(*domain, ledger.counts().0, ledger.counts().1);
        }
    }

    fn append(&self, (place, bytes): (u64, Vec<u8>), output: Output) {
        let lsn = self.journal.append(bytes, output);
        assert_eq!(lsn.0, place, "the log and the books count together");
    }
}

impl Coordinator {
    /// Looks now and then from now on.
    fn look_after_what_is_due(context: &mut Context<Self>) {
        context.run_interval(EVERY, |this, context| {
            let _guard = AbortOnPanic(PART);
            this.run_due(now_ms(), context);
        });
    }

    /// Carries out what is due, but no more than [`AT_ONCE`]: then the envelopes that wait have their turn.
    fn run_due(&mut self, now: u64, context: &mut Context<Self>) {
        for _ in 0..AT_ONCE {
            let next = self.scheduler.next(&self.books.borrow(), now);
            match next {
                Scheduled::Nothing => return,
                Scheduled::Submit(envelope) => self.turn(*envelope, Origin::Nobody, None),
                Scheduled::Failed(id) => return self.metrics.due_failed(id),
            }
        }
        context.notify(Look);
    }
}

/// Ends the process when its money state is wrong: nothing more may be answered or written.
fn abort(misfit: &ApplyError) -> ! {
    tracing::error!(%misfit, "the money state cannot go on; the hub stops and starts again from its log");
    std::process::abort()
}

impl Actor for Coordinator {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.looked_up = Some(context.address().recipient());
        if self.scheduler.runs() {
            Self::look_after_what_is_due(context);
        }
    }
}

impl Handler<Look> for Coordinator {
    type Result = ();

    fn handle(&mut self, Look: Look, context: &mut Context<Self>) {
        let _guard = AbortOnPanic(PART);
        self.run_due(now_ms(), context);
    }
}

impl Handler<Submit> for Coordinator {
    type Result = ();

    fn handle(&mut self, Submit { envelope, origin }: Submit, _: &mut Context<Self>) {
        let _guard = AbortOnPanic(PART);
        self.turn(envelope, origin, None);
    }
}

impl Handler<StoreCommitted> for Coordinator {
    type Result = ();

    fn handle(&mut self, StoreCommitted(store): StoreCommitted, context: &mut Context<Self>) {
        let _guard = AbortOnPanic(PART);
        let before = self.books.borrow_mut().turn_to(store);
        // Its files are closed where no turn waits for it.
        self.asides.run(move || drop(before));
        self.forgets = true;
        context.notify(Forget);
    }
}

impl Handler<Forget> for Coordinator {
    type Result = ();

    fn handle(&mut self, Forget: Forget, context: &mut Context<Self>) {
        let _guard = AbortOnPanic(PART);
        self.forgets = !self.books.borrow_mut().forget(FORGET_AT_ONCE);
        if self.forgets {
            context.notify(Forget);
        }
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
