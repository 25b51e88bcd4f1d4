//! Applies a record to the money side of the state.
//!
//! [`Books::apply`] computes what a record changes, proves the invariants of that, and only then posts it, all or
//! nothing. A record that a turn has just decided and proven is posted without a second computation ([`Books::take`]).

use std::cmp::Ordering;

use ledger::{Changes, Digest, Domain, Rejection};

use crate::{
    books::Books,
    components::Component,
    content::Content,
    invariant::{Violation, fact_stands, no_effect_in_memory, no_effect_yet},
    keys::Outcome,
    proof::prove,
    record::{Body, Record},
    turn::Decided,
    tx_id::TxId,
};

/// The result of applying a record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// The outcome under the record's key.
    pub outcome: Option<Outcome>,
    /// For each notice of the record, the offset of its event on the player's channel.
    pub offsets: Vec<u64>,
}

/// The record does not fit the state: log and state differ, so no further record may be applied.
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
    #[error("E3: the recorded digest of {component:?} is {recorded}, the state's is {found}")]
    DigestDiffers {
        /// The first component that differs.
        component: Component,
        /// Its digest in the record.
        recorded: Digest,
        /// Its digest in the state.
        found: Digest,
    },
    /// The record has an earlier time than the one before it.
    #[error("the record is older than the one before it")]
    TimeWentBack,
    /// An invariant does not hold.
    #[error(transparent)]
    Invariant(#[from] Violation),
}

impl Books {
    /// Applies what a turn has just decided: like [`Books::apply`], without computing a second time what the record
    /// changes, and without a look into the state store. Returns the record and its bytes, to be queued.
    ///
    /// # Errors
    /// As [`Books::apply`].
    pub fn take(&mut self, decided: Decided) -> Result<(Record, Vec<u8>, Applied), ApplyError> {
        let Decided { record, bytes, changes, on } = decided;
        let applied = match on.cmp(&self.lsn) {
            Ordering::Equal => self.post(&record, changes)?,
            // The upgrades of the same turn came between: the changes are computed again. Its key was looked up.
            Ordering::Less => self.prove_and_post(&record, no_effect_in_memory)?,
            Ordering::Greater => self.apply(&record)?,
        };
        Ok((record, bytes, applied))
    }

    /// Applies the next record.
    ///
    /// # Errors
    /// When the record was not decided on this state. The state is unchanged. Live, the process must end; in replay,
    /// the log is refused.
    pub fn apply(&mut self, record: &Record) -> Result<Applied, ApplyError> {
        self.prove_and_post(record, no_effect_yet)
    }

    /// Applies the next record; `no_effect` tells that its id has no effect yet (`E1`).
    fn prove_and_post(
        &mut self,
        record: &Record,
        no_effect: fn(&Books, TxId) -> Result<(), Violation>,
    ) -> Result<Applied, ApplyError> {
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
                no_effect(self, committed.id)?;
                prove(self, committed, &changes)?;
            }
            Body::Refused { id, principal, .. } => {
                self.asked_by_nobody_erased(*principal)?; // E8
                no_effect(self, *id)?;
            }
            Body::Fact(fact) => {
                fact_stands(self, fact)?;
                self.erases_nothing_open(fact, record.time)?; // E8
            }
            // E3: a live state or a copy that differs from the log is found here.
            Body::Digest(recorded) => {
                let state = self.digest();
                if let Some(component) = recorded.differs_from(&state) {
                    let (recorded, found) = (recorded.of(component), state.of(component));
                    return Err(ApplyError::DigestDiffers { component, recorded, found });
                }
            }
        }
        self.post(record, changes)
    }

    /// Posts a record that has been proven.
    fn post(&mut self, record: &Record, changes: Vec<(Domain, Changes)>) -> Result<Applied, ApplyError> {
        self.upgrades_are_recorded(&record.body)?; // E7
        let lsn = self.lsn + 1;
        let mut applied = Applied::default();
        for (domain, changes) in changes {
            self.domains.ledger_mut(domain).take_over(changes);
        }
        match &record.body {
            Body::Committed(committed) => {
                committed.rows.iter().for_each(|row| self.domains.rows.put(row.clone()));
                if let Some((table, leg)) = &committed.table
                    && let Some(past) =
                        self.rounds.note(*table, leg, record.time, || committed.ended_stakes())
                {
                    self.past.push(lsn, *table, past);
                }
                for notice in &committed.notices {
                    applied.offsets.push(self.domains.balance.note(lsn, record.time, notice));
                }
                if let Some(content) = committed.key {
                    let outcome = committed.outcome(lsn).ok_or(Violation::NoReceipt(committed.id))?;
                    applied.outcome = Some(self.put_key(lsn, committed.id, content, outcome)?);
                }
            }
            Body::Refused { id, content, code, .. } => {
                applied.outcome =
                    Some(self.put_key(lsn, *id, *content, Outcome::Refused { code: *code, lsn })?);
            }
            Body::Fact(fact) => self.facts.put(fact.clone(), lsn),
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

    /// Keeps the only outcome of a key (`E1`).
    fn put_key(
        &mut self,
        lsn: u64,
        id: TxId,
        content: Content,
        outcome: Outcome,
    ) -> Result<Outcome, Violation> {
        if self.keys.put(lsn, id, content, outcome) { Ok(outcome) } else { Err(Violation::SecondEffect(id)) }
    }
}
