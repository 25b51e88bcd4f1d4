//! What the hub does by itself when its time has come: the durable scheduler.
//!
//! What is due follows from the state alone, so it is due again after a crash. It is carried out as an envelope under an id
//! that is derived from what is due: once, however often it is submitted. [`Scheduler`] is the loop of it, which the
//! coordinator and the simulation share.

use domains::{Principal, StateMachine, recipes::HoldExpire};
use ledger::Domain;

use crate::{
    books::Books,
    facts::Fact,
    turn::{Envelope, Tx},
    tx_id::TxId,
};

/// Most envelopes that are due which are carried out between two others.
pub const AT_ONCE: usize = 100;

/// A clock that is further ahead of the log's last record than this at the start may be wrong, milliseconds: a day.
pub const CLOCK_AHEAD_MAX: u64 = 24 * 60 * 60 * 1_000;

/// Carries out what is due, one envelope at a time: the coordinator asks it for the next one, submits that, and asks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduler {
    /// Whether anything is carried out.
    runs: bool,
    /// What was handed out last.
    tried: Option<TxId>,
}

/// What a [`Scheduler`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheduled {
    /// Nothing is due, or nothing is carried out.
    Nothing,
    /// Submit this envelope, and ask again.
    Submit(Box<Envelope>),
    /// What was handed out last is due still: it cannot be done. It would be tried for ever, and what waits behind it is not
    /// reached, so nothing more is carried out before the next start.
    Failed(TxId),
}

impl Scheduler {
    /// A scheduler. `runs`: whether it carries anything out; it must not while the clock is doubted
    /// ([`Books::doubts_clock`]).
    #[must_use]
    pub fn new(runs: bool) -> Self {
        Self { runs, tried: None }
    }

    /// Whether it may still carry anything out. Once `false`, it stays so until the next start.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.runs
    }

    /// What is due first on the applied state at a time, milliseconds since 1970.
    pub fn next(&mut self, books: &Books, now: u64) -> Scheduled {
        let Some(envelope) = books.due(now).filter(|_| self.runs) else { return Scheduled::Nothing };
        let id = envelope.id();
        if self.tried.replace(id) == Some(id) {
            self.runs = false;
            return Scheduled::Failed(id);
        }
        Scheduled::Submit(Box::new(envelope))
    }
}

impl Books {
    /// When something is due next, milliseconds since 1970; `None` when nothing waits for a time. Costs the same however much
    /// waits.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        self.domains.balance.due()
    }

    /// The envelope of what is due first at a time, milliseconds since 1970; `None` when nothing is due yet.
    #[must_use]
    pub fn due(&self, now: u64) -> Option<Envelope> {
        // Only the balance domain makes holds.
        let (expires, hold) = self.domains.ledger(Domain::Balance).next_expiry()?;
        let expired = expires <= now;
        expired
            .then(|| Envelope::Run(Tx::new(TxId::of_expiry(hold), Principal::HUB, None, HoldExpire { hold })))
    }

    /// Whether a clock is so far ahead of the log's last record that nothing may be carried out before somebody has looked
    /// at it. An empty log has no such record.
    #[must_use]
    pub fn clock_far_ahead(&self, now: u64) -> bool {
        self.lsn > 0 && now.saturating_sub(self.time) > CLOCK_AHEAD_MAX
    }

    /// Whether nothing that is due may be carried out by a start with this clock, milliseconds since 1970: it is far ahead, or
    /// an earlier start has found it so. `accepted`: an operator says that it is right.
    #[must_use]
    pub fn doubts_clock(&self, now: u64, accepted: bool) -> bool {
        !accepted && (self.facts.clock_doubted() || self.clock_far_ahead(now))
    }

    /// The fact that such a start records before anything else, when the log does not have it yet: its records have the time
    /// of its clock, and without the fact the next start would not doubt it.
    #[must_use]
    pub fn clock_fact(&self, doubted: bool) -> Option<Fact> {
        let fact = Fact::Clock { doubted };
        (!self.facts.says(&fact)).then_some(fact)
    }
}
