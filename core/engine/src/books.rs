//! The money side of the world: one turn decides, one apply changes.
//!
//! `turn` looks the key up, lets every domain decide on the applied state, and makes the record; `apply` posts
//! it. Between the two nothing happens: live, they are one synchronous turn on the money thread.

use domains::{Domains, Effects, Notice, Recipe, What};
use ledger::{Digest, Domain, Rejection};
use protocol::{ErrorCode, TableId};

use crate::{
    codec::{DecodeError, Decoder, Encoder},
    invariant,
    keys::{Content, Done, Keys, Outcome, TxId},
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
    /// Record that a request is refused, unless its key has an outcome already.
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

/// What a turn decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// The key has an outcome already: nothing new happens.
    Known(Outcome),
    /// The key has an outcome for another content: refused, not recorded.
    KeyReused,
    /// The hub's own transaction cannot be done: nothing is recorded.
    Impossible {
        /// Why not.
        code: ErrorCode,
        /// The domain that refuses.
        by: Domain,
    },
    /// A transaction to append and apply.
    New(Box<Record>),
    /// A refusal to append and apply.
    Refused {
        /// The record.
        record: Box<Record>,
        /// The domain that refuses; none when the table did, before any was asked. It is told here and not recorded.
        by: Option<Domain>,
    },
}

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
    /// A client's transaction tells no player.
    #[error("transaction {0:?} came with a key, but has nothing to put on its receipt")]
    NoReceipt(TxId),
    /// The balance after is not what the record says.
    #[error("player {player} has {found:?} after the record, which says {recorded:?}")]
    BalanceDiffers {
        /// The player.
        player: protocol::PlayerId,
        /// What the record says.
        recorded: domains::Funds,
        /// What the state has.
        found: domains::Funds,
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
    Invariant(#[from] invariant::Violation),
}

/// Five domains, the keys, and where the log stands.
#[derive(Debug, Clone, Default)]
pub struct Books {
    domains: Domains,
    keys: Keys,
    lsn: u64,
    time: u64,
}

impl Books {
    /// The domains.
    #[must_use]
    pub fn domains(&self) -> &Domains {
        &self.domains
    }

    /// The last record applied.
    #[must_use]
    pub fn lsn(&self) -> u64 {
        self.lsn
    }

    /// Time of the last record, milliseconds.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time
    }

    /// How many keys have an outcome.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// What became of a transaction.
    #[must_use]
    pub fn outcome(&self, id: TxId) -> Option<Outcome> {
        self.keys.get(id).map(|(_, outcome)| outcome)
    }

    /// Fingerprint of the whole money state.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let ledgers = Domain::ALL.into_iter().fold(Digest::default(), |sum, domain| {
            sum.with(domain as u64 + 1, self.domains.ledger(domain).digest())
        });
        ledgers.with(100, self.domains.balance.digest()).with(101, self.keys.digest())
    }

    /// Decides an envelope on the applied state, at a time in milliseconds. Nothing changes.
    #[must_use]
    pub fn turn(&self, envelope: Envelope, now: u64) -> Turn {
        let (id, content) = match &envelope {
            Envelope::Run(tx) => (tx.id, tx.key),
            Envelope::Refuse { id, content, .. } => (*id, Some(*content)),
        };
        if let (Some(content), Some((first, outcome))) = (content, self.keys.get(id)) {
            return if first == content { Turn::Known(outcome) } else { Turn::KeyReused };
        }
        let record = |body| Box::new(Record { time: now.max(self.time), body });
        let refused =
            |content, code, by| Turn::Refused { record: record(Body::Refused { id, content, code }), by };
        let Tx { id, key, recipe, table } = match envelope {
            Envelope::Refuse { content, code, .. } => return refused(content, code, None),
            Envelope::Run(tx) => tx,
        };
        match (recipe.decide(&self.domains), key) {
            (Ok(Effects { legs, notices }), key) => {
                Turn::New(record(Body::Committed(Committed { id, key, legs, notices, table })))
            }
            (Err((by, rejection)), Some(content)) => refused(content, refusal(rejection), Some(by)),
            (Err((by, rejection)), None) => Turn::Impossible { code: refusal(rejection), by },
        }
    }

    /// The record of the present digest.
    #[must_use]
    pub fn digest_record(&self, now: u64) -> Record {
        Record { time: now.max(self.time), body: Body::Digest(self.digest()) }
    }

    /// Applies the record with the next sequence number.
    ///
    /// # Errors
    /// When the record was not decided on this state: live, the process must end; in replay, the log is refused.
    pub fn apply(&mut self, record: &Record) -> Result<Applied, ApplyError> {
        if record.time < self.time {
            return Err(ApplyError::TimeWentBack);
        }
        let lsn = self.lsn + 1;
        let mut applied = Applied::default();
        match &record.body {
            Body::Committed(committed) => {
                for (domain, leg) in &committed.legs {
                    let ledger = self.domains.ledger_mut(*domain);
                    ledger.apply(leg).map_err(|why| ApplyError::Leg { domain: *domain, why })?;
                }
                for notice in &committed.notices {
                    let found =
                        self.domains.balance.funds(notice.player, notice.currency).unwrap_or_default();
                    if found != notice.after {
                        let (player, recorded) = (notice.player, notice.after);
                        return Err(ApplyError::BalanceDiffers { player, recorded, found });
                    }
                    applied.offsets.push(self.domains.balance.note(record.time, notice));
                }
                if let Some(content) = committed.key {
                    let receipt = done(lsn, committed).ok_or(ApplyError::NoReceipt(committed.id))?;
                    let outcome = Outcome::Done(receipt);
                    self.put_key(committed.id, content, outcome)?;
                    applied.outcome = Some(outcome);
                }
            }
            Body::Refused { id, content, code } => {
                let outcome = Outcome::Refused(*code);
                self.put_key(*id, *content, outcome)?;
                applied.outcome = Some(outcome);
            }
            // E3: a live state or a copy that has gone astray is found here.
            Body::Digest(recorded) => {
                let found = self.digest();
                if found != *recorded {
                    return Err(ApplyError::DigestDiffers { recorded: recorded.0, found: found.0 });
                }
            }
        }
        (self.lsn, self.time) = (lsn, record.time);
        Ok(applied)
    }

    /// Checks every invariant of the money (`L1`, `L2`, `L4`). Costs a pass over all accounts.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check(&self) -> Result<(), invariant::Violation> {
        for domain in Domain::ALL {
            ledger::invariant::all(self.domains.ledger(domain))?;
        }
        Ok(ledger::invariant::clearing_nets_to_zero(|domain| self.domains.ledger(domain))?)
    }

    /// Keeps the outcome of a key, its first and only one (`E1`).
    fn put_key(&mut self, id: TxId, content: Content, outcome: Outcome) -> Result<(), ApplyError> {
        invariant::no_effect_yet(self, id)?;
        self.keys.put(id, content, outcome);
        Ok(())
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.lsn.into());
        encoder.uint(self.time.into());
        crate::checkpoint::encode_domains(encoder, &self.domains);
        self.keys.encode(encoder);
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (lsn, time) = (decoder.u64()?, decoder.u64()?);
        let domains = crate::checkpoint::decode_domains(decoder)?;
        Ok(Self { lsn, time, domains, keys: Keys::decode(decoder)? })
    }
}

/// The receipt of a keyed transaction: it touches one player. `None` when it touches nobody.
fn done(lsn: u64, committed: &Committed) -> Option<Done> {
    let notice: &Notice = committed.notices.first()?;
    let amount = match notice.what {
        What::Deposit | What::Release => notice.after.available - notice.before.available,
        What::Stake => notice.before.available - notice.after.available,
        What::Settled { returned, .. } => returned,
        What::Voided { staked, .. } => staked,
    };
    let round =
        committed.table.as_ref().map(|(table, leg)| protocol::RoundId { table: *table, number: leg.round() });
    Some(Done {
        lsn,
        round,
        currency: notice.currency,
        amount,
        available: notice.after.available,
        held: notice.after.held,
    })
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
