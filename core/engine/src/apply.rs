//! How a record changes the money.
//!
//! [`Books::apply`] checks every record: it computes what the record changes, proves that, and only then posts it, all
//! or nothing. What a turn has just decided and proven is posted as it stands ([`Books::take`]).

use ledger::{Changes, Domain, Rejection};

use crate::{
    books::Books,
    invariant::{Violation, fact_stands, no_effect_yet},
    keys::{Content, Outcome, TxId},
    proof::prove,
    record::{Body, Record},
    turn::Decided,
};

/// What applying a record brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// The outcome under the record's key.
    pub outcome: Option<Outcome>,
    /// For each notice of the record, the offset of its event on the player's channel.
    pub offsets: Vec<u64>,
}

/// The record does not fit the state: the log and the state have parted. Nothing may go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// A domain cannot apply its leg.
    #[error("{} cannot apply its leg: {why}", domain.name())]
    Leg {
        /// The domain.
        domain: Domain,
        /// The rule its leg breaks.
        why: Rejection,
    },
    /// The recorded digest is not the state's.
    #[error("E3: the recorded digest is {recorded:032x}, the state's is {found:032x}")]
    DigestDiffers {
        /// What the record says.
        recorded: u128,
        /// What the state has.
        found: u128,
    },
    /// Time went back.
    #[error("the record is older than the one before it")]
    TimeWentBack,
    /// An invariant does not hold.
    #[error(transparent)]
    Invariant(#[from] Violation),
}

impl Books {
    /// Applies what a turn has just decided: as [`Books::apply`] does with its record, without working out a second
    /// time what it changes. Returns the record, to be queued.
    ///
    /// # Errors
    /// As [`Books::apply`].
    pub fn take(&mut self, decided: Decided) -> Result<(Record, Applied), ApplyError> {
        let Decided { record, changes, on } = decided;
        // Decided on another state than this one, it is worth no more than its record.
        let applied = if on == self.lsn { self.post(&record, changes)? } else { self.apply(&record)? };
        Ok((record, applied))
    }

    /// Applies the next record.
    ///
    /// # Errors
    /// When the record was not decided on this state: live, the process must end; in replay, the log is refused.
    /// Nothing has changed.
    pub fn apply(&mut self, record: &Record) -> Result<Applied, ApplyError> {
        if record.time < self.time {
            return Err(ApplyError::TimeWentBack);
        }
        let mut changes = Vec::new();
        match &record.body {
            Body::Committed(committed) => {
                for (domain, leg) in &committed.legs {
                    let of_leg = self.domains.ledger(*domain).changes_of(leg);
                    changes.push((*domain, of_leg.map_err(|why| ApplyError::Leg { domain: *domain, why })?));
                }
                prove(self, committed, &changes)?;
            }
            Body::Refused { id, .. } => no_effect_yet(self, *id)?,
            Body::Fact(fact) => fact_stands(self, *fact)?,
            // E3: a live state or a copy that has gone astray is found here.
            Body::Digest(recorded) => {
                let found = self.digest();
                if found != *recorded {
                    return Err(ApplyError::DigestDiffers { recorded: recorded.0, found: found.0 });
                }
            }
        }
        self.post(record, changes)
    }

    /// Posts a record that has been proven.
    fn post(&mut self, record: &Record, changes: Vec<(Domain, Changes)>) -> Result<Applied, ApplyError> {
        let lsn = self.lsn + 1;
        let mut applied = Applied::default();
        for (domain, changes) in changes {
            self.domains.ledger_mut(domain).take_over(changes);
        }
        match &record.body {
            Body::Committed(committed) => {
                for notice in &committed.notices {
                    applied.offsets.push(self.domains.balance.note(record.time, notice));
                }
                if let Some(content) = committed.key {
                    let receipt = committed.receipt(lsn).ok_or(Violation::NoReceipt(committed.id))?;
                    applied.outcome = Some(self.put_key(committed.id, content, Outcome::Done(receipt))?);
                }
            }
            Body::Refused { id, content, code } => {
                applied.outcome = Some(self.put_key(*id, *content, Outcome::Refused(*code))?);
            }
            Body::Fact(fact) => self.facts.put(*fact),
            Body::Digest(_) => {}
        }
        (self.lsn, self.time) = (lsn, record.time);
        Ok(applied)
    }

    /// Checks every invariant of the money (`L1`, `L2`, `L4`). Costs a pass over all accounts.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check(&self) -> Result<(), Violation> {
        for domain in Domain::ALL {
            ledger::invariant::all(self.domains.ledger(domain))?;
        }
        Ok(ledger::invariant::clearing_nets_to_zero(|domain| self.domains.ledger(domain))?)
    }

    /// Keeps the outcome of a key, its first and only one (`E1`).
    fn put_key(&mut self, id: TxId, content: Content, outcome: Outcome) -> Result<Outcome, Violation> {
        if self.keys.put(id, content, outcome) { Ok(outcome) } else { Err(Violation::SecondEffect(id)) }
    }
}
