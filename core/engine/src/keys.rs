//! Idempotency keys, and the outcome of each, kept for good.

use std::collections::hash_map::Entry;

use ledger::{Digest, fingerprint, text_word};
use protocol::{Currency, ErrorCode, Key, PlayerId, RoundId};
use rustc_hash::FxHashMap;
use sha2::{Digest as _, Sha256};

use crate::codec::{DecodeError, Decoder, Encoder};

/// The id of a transaction: a hash of who asks and the key, so that a retry has the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxId(pub u128);

impl TxId {
    /// The id of the transaction of a player's key.
    #[must_use]
    pub fn of_key(player: PlayerId, key: &Key) -> Self {
        Self(hash(&[b"hub-tx-v1/key", &player.0.to_be_bytes(), key.as_bytes()]))
    }

    /// The id of a transaction that the hub itself makes: one for each round and step.
    #[must_use]
    pub fn of_round(round: RoundId, step: &str) -> Self {
        Self(hash(&[b"hub-tx-v1/round", round.to_string().as_bytes(), step.as_bytes()]))
    }

    /// The id of the transaction of a service's key, such as a deposit.
    #[must_use]
    pub fn of_service(service: &str, key: &str) -> Self {
        Self(hash(&[b"hub-tx-v1/service", service.as_bytes(), key.as_bytes()]))
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

/// Number of maps that the keys are spread over. A map that grows moves all its entries, and all requests wait
/// meanwhile. So only a 256th of the keys moves at a time: some milliseconds at many millions of keys.
const SHARDS: usize = 256;

/// Every key with an outcome, and the content of its request.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    shards: Box<[FxHashMap<TxId, (Content, Outcome)>]>,
    digest: Digest,
}

impl Default for Keys {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| FxHashMap::default()).collect(), digest: Digest::default() }
    }
}

impl Keys {
    pub fn get(&self, id: TxId) -> Option<(Content, Outcome)> {
        self.shards[shard(id)].get(&id).copied()
    }

    pub fn len(&self) -> usize {
        self.shards.iter().map(FxHashMap::len).sum()
    }

    pub fn digest(&self) -> Digest {
        self.digest
    }

    pub fn reserve(&mut self, more: usize) {
        self.shards.iter_mut().for_each(|shard| shard.reserve(more.div_ceil(SHARDS)));
    }

    /// Keeps an outcome. `false`, and no change, when the key has one already.
    pub fn put(&mut self, id: TxId, content: Content, outcome: Outcome) -> bool {
        let Entry::Vacant(free) = self.shards[shard(id)].entry(id) else { return false };
        self.digest.add(print(id, content, &outcome));
        free.insert((content, outcome));
        true
    }

    pub fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.len() as u128);
        for (id, (content, outcome)) in self.shards.iter().flatten() {
            encoder.fixed(id.0);
            encoder.fixed(content.0);
            match outcome {
                Outcome::Refused(code) => {
                    encoder.byte(0);
                    encoder.uint(code.number().into());
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

fn print(id: TxId, content: Content, outcome: &Outcome) -> u128 {
    let [id, content] = [id.0, content.0].map(|value| [value as u64, (value >> 64) as u64]);
    let [tag, lsn, table, round, currency, amount, available, held] = match outcome {
        Outcome::Refused(code) => [0, u64::from(code.number()), 0, 0, 0, 0, 0, 0],
        Outcome::Done(done) => [
            1,
            done.lsn,
            done.round.map_or(0, |round| text_word(round.table.as_bytes())),
            done.round.map_or(0, |round| round.number),
            text_word(done.currency.as_bytes()),
            done.amount as u64,
            done.available as u64,
            done.held as u64,
        ],
    };
    fingerprint(&[
        id[0], id[1], content[0], content[1], tag, lsn, table, round, currency, amount, available, held,
    ])
}

/// The map of an id. Ids are hashes, so all their bits are equally random; the maps themselves use the low bits.
fn shard(id: TxId) -> usize {
    (id.0 >> 120) as usize % SHARDS
}
