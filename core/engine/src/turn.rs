//! One turn: an envelope is decided on the applied state, proven, and becomes a record.
//!
//! The turn looks the key up, lets every domain decide, and proves what they decided before there is a record. Nothing
//! has changed after it: live, turn and [`Books::take`] are one synchronous step on the money thread.

use domains::{Effects, Recipe, StateMachine};
use ledger::{Changes, Domain, Drafted, Rejection};
use protocol::{ErrorCode, TableId};

use crate::{
    books::Books,
    invariant::Violation,
    keys::{Content, Outcome, TxId},
    proof::prove,
    record::{Body, Committed, Record},
    table::TableLeg,
};

/// What the coordinator is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every envelope is the large one; a box would only cost"
)]
pub enum Envelope {
    /// Run a transaction.
    Run(Tx),
    /// Say that a request is refused, unless its key has an outcome already. Recorded where the code says so
    /// ([`ErrorCode::consumes_key`]).
    Refuse {
        /// The transaction the request would have been.
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
    /// Its content, when it came with a client's key.
    pub key: Option<Content>,
    /// What moves.
    pub recipe: Recipe,
    /// The table's own leg.
    pub table: Option<(TableId, TableLeg)>,
}

/// A record that was decided and proven, with what it changes: applied as it is, nothing is worked out twice.
#[derive(Debug)]
pub struct Decided {
    pub(crate) record: Record,
    /// By domain; none where no money moves.
    pub(crate) changes: Vec<(Domain, Changes)>,
    /// The last record of the state on which it was decided.
    pub(crate) on: u64,
}

impl Decided {
    /// The record.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The record alone.
    #[must_use]
    pub fn into_record(self) -> Record {
        self.record
    }
}

impl From<Record> for Decided {
    /// A record that no turn has decided here: it is applied with every proof.
    fn from(record: Record) -> Self {
        Self { record, changes: Vec::new(), on: u64::MAX }
    }
}

/// What a turn decided.
#[derive(Debug)]
pub enum Turn {
    /// The key has an outcome already: nothing new happens.
    Known(Outcome),
    /// The key has an outcome for another content: refused, not recorded.
    KeyReused,
    /// The request is refused for what it is, whatever the state: answered, and not recorded.
    Answered {
        /// Why it is refused.
        code: ErrorCode,
        /// The domain that refuses, if one does.
        by: Option<Domain>,
    },
    /// The hub's own transaction cannot be done: nothing is recorded.
    Impossible {
        /// Why not.
        code: ErrorCode,
        /// The domain that refuses.
        by: Domain,
    },
    /// What the recipe decided is wrong: an invariant would not hold after it. Ours to mend; nothing is recorded, and
    /// the key has no outcome.
    Unproven(Violation),
    /// A transaction to append and apply.
    New(Box<Decided>),
    /// A refusal to append and apply.
    Refused {
        /// The record.
        decided: Box<Decided>,
        /// The domain that refuses; none when the table did, before any was asked. It is told here and not recorded.
        by: Option<Domain>,
    },
}

impl Books {
    /// Decides an envelope on the applied state, at a time in milliseconds. Nothing changes.
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
            Box::new(Decided { record, changes, on: self.lsn() })
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
            (Ok(effects), key) => match self.commit(id, key, effects, table) {
                Ok((committed, changes)) => Turn::New(decided(Body::Committed(committed), changes)),
                Err(violation) => Turn::Unproven(violation),
            },
            (Err((by, rejection)), Some(content)) => refused(content, refusal(rejection), Some(by)),
            (Err((by, rejection)), None) => Turn::Impossible { code: refusal(rejection), by },
        }
    }

    /// A table that is quarantined keeps the bets whose stakes are held, whatever it knows of them itself (`E2`).
    fn leg_of_held(&self, mut leg: TableLeg) -> TableLeg {
        if let TableLeg::Quarantined { state } = &mut leg {
            state.keep_held(|hold| self.domains().balance.ledger().hold(hold).is_some());
        }
        leg
    }

    /// The transaction that carries effects out, proven on the applied state: what its record will say, and what it will
    /// change. Nothing changes yet.
    ///
    /// # Errors
    /// The invariant that would not hold after it: the recipe that decided the effects is wrong.
    pub fn commit(
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

/// What a client is told of a ledger's rejection.
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
