//! Idempotency keys, and the outcome of each, kept for good: the newest in memory, the others in the state store.

use std::{collections::VecDeque, sync::Arc};

use ledger::{
    Digest, Print, Shards,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, ErrorCode, RoundId};

use crate::{
    content::Content,
    stored_state::{Empty, StoredState, Unreadable},
    tx_id::TxId,
};

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
    Refused {
        /// Why.
        code: ErrorCode,
        /// Place in the log.
        lsn: u64,
    },
}

impl Outcome {
    /// Place of its record in the log.
    #[must_use]
    pub fn lsn(&self) -> u64 {
        match self {
            Outcome::Done(done) => done.lsn,
            Outcome::Changed { lsn } | Outcome::Refused { lsn, .. } => *lsn,
        }
    }
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

/// The outcome under a key, and the content of its request.
pub type KeptKey = (Content, Outcome);

/// What the state store has under a key, looked up beside the turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The key.
    pub id: TxId,
    /// The generation of the store that was read.
    pub generation: u64,
    /// What it has.
    pub kept: Option<KeptKey>,
}

/// What is known of a key without a look into the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// It has an outcome.
    Known(KeptKey),
    /// It has none.
    New,
    /// Only the state store of this generation can tell.
    Older(u64),
}

/// Every key with an outcome, and the content of its request.
///
/// A key leaves memory only when the generation of the store that has it is the current one here.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    recent: Shards<TxId, KeptKey>,
    /// The recent keys in the order of the log, with the place of each.
    order: VecDeque<(u64, TxId)>,
    older: Arc<dyn StoredState>,
    count: u64,
    digest: Digest,
}

impl Default for Keys {
    fn default() -> Self {
        let (recent, order) = (Shards::default(), VecDeque::new());
        Self { recent, order, older: Arc::new(Empty), count: 0, digest: Digest::default() }
    }
}

impl Keys {
    /// The keys of a state that the store has as a whole.
    pub fn of(older: Arc<dyn StoredState>, count: u64, digest: Digest) -> Self {
        Self { older, count, digest, ..Self::default() }
    }

    /// What is known of a key; `found` is what was looked up for it, if anything was.
    pub fn state(&self, id: TxId, found: Option<&Found>) -> KeyState {
        if let Some(kept) = self.recent.get(&id) {
            return KeyState::Known(*kept);
        }
        let generation = self.older.generation();
        match found.filter(|found| found.id == id) {
            // Kept for good, whatever has been committed meanwhile.
            Some(Found { kept: Some(kept), .. }) => KeyState::Known(*kept),
            // Between two commits the key may have moved from memory to the store.
            Some(found) if found.generation == generation => KeyState::New,
            _ if self.older.may_have(id) => KeyState::Older(generation),
            _ => KeyState::New,
        }
    }

    /// The outcome under a key. May wait for a disk.
    pub fn look_up(&self, id: TxId) -> Result<Option<KeptKey>, Unreadable> {
        match self.state(id, None) {
            KeyState::Known(kept) => Ok(Some(kept)),
            KeyState::New => Ok(None),
            KeyState::Older(_) => look_up(&*self.older, id).map(|found| found.kept),
        }
    }

    /// Number of all keys.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Number of the keys in memory.
    pub fn in_memory(&self) -> usize {
        self.recent.len()
    }

    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The store that has the older keys.
    pub fn older(&self) -> &Arc<dyn StoredState> {
        &self.older
    }

    /// From now on this is the current store; returns the one before. What it has leaves memory by and by: [`Keys::forget`].
    pub fn turn_to(&mut self, store: Arc<dyn StoredState>) -> Arc<dyn StoredState> {
        std::mem::replace(&mut self.older, store)
    }

    /// Drops from memory what the store has, but no more than `most`. Returns whether all of it is dropped.
    pub fn forget(&mut self, most: usize) -> bool {
        let stored = self.older.lsn();
        for _ in 0..most {
            match self.order.front() {
                Some((lsn, id)) if *lsn <= stored => {
                    self.recent.remove(id);
                    self.order.pop_front();
                }
                Some(_) | None => return true,
            }
        }
        self.order.front().is_none_or(|(lsn, _)| *lsn > stored)
    }

    /// The keys in memory that are recorded after `lsn`, in the order of the log.
    pub fn since(&self, lsn: u64) -> impl Iterator<Item = (TxId, KeptKey)> {
        let first = self.order.partition_point(|(place, _)| *place <= lsn);
        self.order.range(first..).filter_map(|(_, id)| Some((*id, *self.recent.get(id)?)))
    }

    /// Keeps an outcome that is recorded at `lsn`. `false`, and no change, when the key has one in memory.
    pub fn put(&mut self, lsn: u64, id: TxId, content: Content, outcome: Outcome) -> bool {
        if !self.recent.insert_new(id, (content, outcome)) {
            return false;
        }
        self.order.push_back((lsn, id));
        self.count += 1;
        self.digest.add(print(id, &(content, outcome)));
        true
    }
}

/// Looks up a key in the state store. May wait for a disk.
///
/// # Errors
/// When the store cannot be read.
pub fn look_up(store: &dyn StoredState, id: TxId) -> Result<Found, Unreadable> {
    let bytes = store.key(id)?;
    let kept = bytes.map(|bytes| decode_kept(&bytes)).transpose();
    let kept = kept.map_err(|error| Unreadable::damage(format!("the outcome of a key: {error}")))?;
    Ok(Found { id, generation: store.generation(), kept })
}

/// The print of a key and its outcome in the digest of all keys.
pub(crate) fn print(id: TxId, kept: &KeptKey) -> Print {
    let mut encoder = Encoder::plain(96);
    encoder.fixed(id.0);
    encode_kept(&mut encoder, kept);
    Print::of(encoder.as_bytes())
}

/// The print of a key, from its bytes in the state store.
///
/// # Errors
/// When they are no outcome.
pub fn key_print(id: TxId, kept: &[u8]) -> Result<Print, DecodeError> {
    Ok(print(id, &decode_kept(kept)?))
}

pub(crate) fn decode_kept(bytes: &[u8]) -> Result<KeptKey, DecodeError> {
    let mut decoder = Decoder::plain(bytes);
    let content = Content(decoder.fixed()?);
    let outcome = match decoder.byte()? {
        0 => {
            let code = ErrorCode::from_number(decoder.u16()?).ok_or(DecodeError::Unknown("error code"))?;
            Outcome::Refused { code, lsn: decoder.u64()? }
        }
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
    decoder.finish()?;
    Ok((content, outcome))
}

pub(crate) fn encode_kept(encoder: &mut Encoder, (content, outcome): &KeptKey) {
    encoder.fixed(content.0);
    match outcome {
        Outcome::Refused { code, lsn } => {
            encoder.byte(0);
            encoder.uint(code.number().into());
            encoder.uint((*lsn).into());
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
