//! The turn: decides an envelope on the applied state, proves the result, and makes a record of it.
//!
//! The turn looks up the key, decides in every domain, and proves the invariants of what was decided. It changes
//! nothing. Live, the turn and [`Books::take`] are one synchronous step on the money thread.

use domains::{Effects, Recipe, StateMachine};
use ledger::{Changes, Domain, Drafted, Rejection};
use protocol::{ErrorCode, TableId};

use crate::{
    books::Books,
    invariant::{Violation, no_effect_yet},
    keys::{Content, Outcome, TxId},
    proof::prove,
    record::{Body, Committed, RECORD_BYTES_MAX, Record},
    table::{TableLeg, TableState},
};

/// What is submitted to the coordinator.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every envelope is the large one; a box would only cost"
)]
pub enum Envelope {
    /// Run a transaction.
    Run(Tx),
    /// Refuse a request, unless its key has an outcome already. The refusal is recorded when its code consumes the key
    /// ([`ErrorCode::consumes_key`]).
    Refuse {
        /// The id that the request's transaction would have had.
        id: TxId,
        /// The request's content.
        content: Content,
        /// Why it is refused.
        code: ErrorCode,
    },
}

/// A transaction to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tx {
    /// Its id.
    pub id: TxId,
    /// The content of the request, when it came with a client's key.
    pub key: Option<Content>,
    /// Which money moves.
    pub recipe: Recipe,
    /// The table's own leg.
    pub table: Option<(TableId, TableLeg)>,
}

/// A record that was decided and proven, with its changes, so that applying it computes nothing twice.
#[derive(Debug)]
pub struct Decided {
    pub(crate) record: Record,
    /// The record's bytes, to be appended.
    pub(crate) bytes: Vec<u8>,
    /// The changes by domain; empty when no money moves.
    pub(crate) changes: Vec<(Domain, Changes)>,
    /// Place in the log of the last record of the state that it was decided on.
    pub(crate) on: u64,
}

impl Decided {
    /// The record.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The record, by value.
    #[must_use]
    pub fn into_record(self) -> Record {
        self.record
    }
}

impl From<Record> for Decided {
    /// A record that was not decided by a turn here: it is applied with all proofs.
    fn from(record: Record) -> Self {
        Self { bytes: record.encode(), record, changes: Vec::new(), on: u64::MAX }
    }
}

/// The result of a turn.
#[derive(Debug)]
pub enum Turn {
    /// The key has an outcome already: nothing new happens.
    Known(Outcome),
    /// The key has an outcome for a request with another content: refused, not recorded.
    KeyReused,
    /// The request is refused with a code that does not consume the key: answered, and not recorded.
    Answered {
        /// Why it is refused.
        code: ErrorCode,
        /// The domain that refuses; `None` when the table refused it.
        by: Option<Domain>,
    },
    /// The hub's own transaction cannot be done: nothing is recorded.
    Impossible {
        /// Why not.
        code: ErrorCode,
        /// The domain that refuses.
        by: Domain,
    },
    /// An invariant would not hold after what the recipe decided: a bug of the hub. Nothing is recorded, and the key
    /// has no outcome.
    Unproven(Violation),
    /// A transaction to append and apply.
    New(Box<Decided>),
    /// A refusal to append and apply.
    Refused {
        /// The record.
        decided: Box<Decided>,
        /// The domain that refuses; `None` when the table refused it. It is reported here and not recorded.
        by: Option<Domain>,
    },
}

impl Books {
    /// Decides an envelope on the applied state. Nothing changes. `now`: milliseconds since 1970.
    #[must_use]
    pub fn turn(&self, envelope: Envelope, now: u64) -> Turn {
        let (id, content) = match &envelope {
            Envelope::Run(tx) => (tx.id, tx.key),
            Envelope::Refuse { id, content, .. } => (*id, Some(*content)),
        };
        if let (Some(content), Some((first, outcome))) = (content, self.known(id)) {
            return if first == content { Turn::Known(outcome) } else { Turn::KeyReused };
        }
        let decided = |body, changes| {
            let record = Record { time: now.max(self.time()), body };
            Box::new(Decided { bytes: record.encode(), record, changes, on: self.lsn() })
        };
        let refused = |content, code: ErrorCode, by| match code.consumes_key() {
            true => Turn::Refused { decided: decided(Body::Refused { id, content, code }, Vec::new()), by },
            false => Turn::Answered { code, by },
        };
        let Tx { id, key, recipe, table } = match envelope {
            Envelope::Refuse { content, code, .. } => return refused(content, code, None),
            Envelope::Run(tx) => tx,
        };
        let table = table.map(|(table, leg)| (table, self.leg_of_held(leg)));
        match (recipe.decide(self.domains()), key) {
            (Ok(effects), key) => {
                // E1: a key was looked up above.
                let new = if key.is_some() { Ok(()) } else { no_effect_yet(self, id) };
                let proven = new.and_then(|()| self.proven(id, key, effects, table));
                let decided = proven.map(|(committed, changes)| decided(Body::Committed(committed), changes));
                match decided {
                    Ok(decided) if decided.bytes.len() > RECORD_BYTES_MAX => {
                        Turn::Unproven(Violation::TooLong { id, bytes: decided.bytes.len() })
                    }
                    Ok(decided) => Turn::New(decided),
                    Err(violation) => Turn::Unproven(violation),
                }
            }
            (Err((by, rejection)), Some(content)) => refused(content, refusal(rejection), Some(by)),
            (Err((by, rejection)), None) => Turn::Impossible { code: refusal(rejection), by },
        }
    }

    /// The leg to record. A quarantine keeps only the bets whose stakes are held in the ledger (`E2`).
    fn leg_of_held(&self, mut leg: TableLeg) -> TableLeg {
        if let TableLeg::Quarantined { state } = &mut leg {
            self.keep_held(state);
        }
        leg
    }

    /// Removes the bets of a table whose stakes are not held, and the round when none of its bets is left.
    pub(crate) fn keep_held(&self, state: &mut TableState) {
        state.keep_held(|hold| self.domains().balance.ledger().hold(hold).is_some());
    }

    /// The transaction that carries out the effects, proven on the applied state, and what it will change. Nothing
    /// changes yet.
    ///
    /// # Errors
    /// The invariant that would not hold after it, because the recipe that decided the effects is wrong.
    pub fn commit(
        &self,
        id: TxId,
        key: Option<Content>,
        effects: Effects,
        table: Option<(TableId, TableLeg)>,
    ) -> Result<(Committed, Vec<(Domain, Changes)>), Violation> {
        no_effect_yet(self, id)?;
        self.proven(id, key, effects, table)
    }

    /// The same, of an id that is known to have no effect yet.
    fn proven(
        &self,
        id: TxId,
        key: Option<Content>,
        effects: Effects,
        table: Option<(TableId, TableLeg)>,
    ) -> Result<(Committed, Vec<(Domain, Changes)>), Violation> {
        let Effects { legs, notices } = effects;
        let (mut moved, mut changes) = (Vec::with_capacity(legs.len()), Vec::with_capacity(legs.len()));
        for (domain, Drafted { leg, changes: of_leg }) in legs {
            moved.push((domain, leg));
            changes.push((domain, of_leg));
        }
        let committed = Committed { id, key, legs: moved, notices, table };
        prove(self, &committed, &changes)?;
        Ok((committed, changes))
    }
}

/// The error code that a client gets for a ledger's rejection.
fn refusal(rejection: Rejection) -> ErrorCode {
    match rejection {
        Rejection::InsufficientFunds => ErrorCode::InsufficientFunds,
        Rejection::AccountNotFound => ErrorCode::NoAccount,
        Rejection::AccountFrozen => ErrorCode::AccountFrozen,
        Rejection::TooLarge => ErrorCode::AboveLimit,
        Rejection::HoldNotOpen => ErrorCode::NoBets,
        Rejection::HoldExists => ErrorCode::KeyReused,
        Rejection::AmountNotPositive => ErrorCode::BelowLimit,
        Rejection::CurrencyDiffers => ErrorCode::WrongCurrency,
        Rejection::SameAccount | Rejection::AccountExists => ErrorCode::Internal,
    }
}
