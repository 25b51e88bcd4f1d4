//! Idempotency keys, and the outcome of each, kept for good.

use ledger::{
    Digest, HoldId, Print, Shards,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, ErrorCode, Key, PlayerId, RoundId, TableId};
use sha2::{Digest as _, Sha256};

use crate::principal::PrincipalKind;

/// The id of a transaction: a hash of who asks and the key, so that a retry has the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxId(pub u128);

impl TxId {
    /// The id of a principal's key: a hash of the kind of principal, of who vouches for it, of its name there, and of the
    /// key. All transports share this space.
    #[must_use]
    pub fn of(kind: PrincipalKind, issuer: &str, subject: &[u8], key: &[u8]) -> Self {
        Self(hash(&[b"hub-tx-v2", &[kind as u8], issuer.as_bytes(), subject, key]))
    }

    /// The id of the transaction of a player's key. A player's id stands for the issuer and the subject.
    #[must_use]
    pub fn of_key(player: PlayerId, key: &Key) -> Self {
        Self::of(PrincipalKind::Player, "", &player.0.to_be_bytes(), key.as_bytes())
    }

    /// The id of a transaction that the hub itself makes: one for each round and step.
    #[must_use]
    pub fn of_round(round: RoundId, step: &str) -> Self {
        Self::of(PrincipalKind::Hub, "round", round.to_string().as_bytes(), step.as_bytes())
    }

    /// The id of the transaction that the hub itself makes: one for each change of a table's rules.
    #[must_use]
    pub fn of_rules(table: TableId, change: u64) -> Self {
        Self::of(PrincipalKind::Hub, "rules", table.as_str().as_bytes(), &change.to_be_bytes())
    }

    /// The id of the transaction that the hub makes when a hold is due.
    #[must_use]
    pub fn of_expiry(hold: HoldId) -> Self {
        Self::of(PrincipalKind::Hub, "hold", &hold.0.to_be_bytes(), b"expire")
    }

    /// The id of the transaction of a service's key, such as a deposit.
    #[must_use]
    pub fn of_service(service: &str, key: &str) -> Self {
        Self::of(PrincipalKind::Service, "", service.as_bytes(), key.as_bytes())
    }
}

/// Fingerprint of a request's content: the same key with another content is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content(pub u128);

impl Content {
    /// The fingerprint of the parts of a request, in a fixed order.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        Self(hash(parts))
    }
}

/// First 128 bits of SHA-256 over length-prefixed parts.
fn hash(parts: &[&[u8]]) -> u128 {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part);
    }
    let digest: [u8; 32] = sha.finalize().into();
    u128::from_be_bytes(digest[..16].try_into().expect("SHA-256 has 32 bytes"))
}

/// The recorded outcome of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was carried out.
    Done(Done),
    /// It was carried out: rows were changed, and no player's funds.
    Changed {
        /// Place in the log.
        lsn: u64,
    },
    /// It was refused, and stays refused.
    Refused(ErrorCode),
}

/// The receipt of a transaction, amounts in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// Place in the log.
    pub lsn: u64,
    /// The round, for bets.
    pub round: Option<RoundId>,
    /// The currency.
    pub currency: Currency,
    /// The amount moved.
    pub amount: i128,
    /// Available balance after it.
    pub available: i128,
    /// Held balance after it.
    pub held: i128,
}

/// Every key with an outcome, and the content of its request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    outcomes: Shards<TxId, (Content, Outcome)>,
    digest: Digest,
}

impl Keys {
    pub fn get(&self, id: TxId) -> Option<(Content, Outcome)> {
        self.outcomes.get(&id).copied()
    }

    pub fn len(&self) -> usize {
        self.outcomes.len()
    }

    pub fn digest(&self) -> Digest {
        self.digest
    }

    pub fn reserve(&mut self, more: usize) {
        self.outcomes.reserve(more);
    }

    /// Keeps an outcome. `false`, and no change, when the key has one already.
    pub fn put(&mut self, id: TxId, content: Content, outcome: Outcome) -> bool {
        if !self.outcomes.insert_new(id, (content, outcome)) {
            return false;
        }
        let mut encoder = Encoder::plain(96);
        encode_one(&mut encoder, id, content, &outcome);
        self.digest.add(Print::of(encoder.as_bytes()));
        true
    }

    pub fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.len() as u128);
        for (id, (content, outcome)) in self.outcomes.iter() {
            encode_one(encoder, *id, *content, outcome);
        }
    }

    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let count = decoder.count_of(ENTRY_BYTES_MIN)?;
        let mut keys = Self::default();
        keys.reserve(count);
        for _ in 0..count {
            let (id, content) = (TxId(decoder.fixed()?), Content(decoder.fixed()?));
            let outcome = match decoder.byte()? {
                0 => Outcome::Refused(
                    ErrorCode::from_number(decoder.u16()?).ok_or(DecodeError::Unknown("error code"))?,
                ),
                tag @ (1 | 2) => {
                    let lsn = decoder.u64()?;
                    let round = if tag == 2 { Some(decoder.round()?) } else { None };
                    Outcome::Done(Done {
                        lsn,
                        round,
                        currency: decoder.currency()?,
                        amount: decoder.money()?,
                        available: decoder.money()?,
                        held: decoder.money()?,
                    })
                }
                3 => Outcome::Changed { lsn: decoder.u64()? },
                _ => return Err(DecodeError::Unknown("outcome")),
            };
            if !keys.put(id, content, outcome) {
                return Err(DecodeError::OutOfRange("a key with two outcomes"));
            }
        }
        Ok(keys)
    }
}

/// Fewest bytes of a key in a checkpoint: two 128-bit hashes, a tag and a code.
const ENTRY_BYTES_MIN: usize = 16 + 16 + 1 + 1;

fn encode_one(encoder: &mut Encoder, id: TxId, content: Content, outcome: &Outcome) {
    encoder.fixed(id.0);
    encoder.fixed(content.0);
    match outcome {
        Outcome::Refused(code) => {
            encoder.byte(0);
            encoder.uint(code.number().into());
        }
        Outcome::Changed { lsn } => {
            encoder.byte(3);
            encoder.uint((*lsn).into());
        }
        Outcome::Done(done) => {
            encoder.byte(if done.round.is_some() { 2 } else { 1 });
            encoder.uint(done.lsn.into());
            if let Some(round) = done.round {
                encoder.round(round);
            }
            encoder.currency(done.currency);
            for amount in [done.amount, done.available, done.held] {
                encoder.money(amount);
            }
        }
    }
}
