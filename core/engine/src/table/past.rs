//! A round that is over: what everybody may see of it, and what its draw is checked with.

use ledger::{
    Print,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::TableId;

/// Past rounds that can be looked up of each table.
pub const PAST_ROUNDS_MAX: usize = 50;

/// A round that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastRound {
    /// Its number.
    pub number: u64,
    /// When it ended, milliseconds since 1970.
    pub time: u64,
    /// SHA-256 of the seed.
    pub commit: [u8; 32],
    /// Sum of the stakes.
    pub staked: i128,
    /// How it was drawn; `None` for a void round.
    pub drawn: Option<Drawn>,
}

/// How a round was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn {
    /// The outcome.
    pub outcome: u32,
    /// The seed, revealed.
    pub seed: [u8; 32],
    /// The players' shares, mixed.
    pub mix: [u8; 32],
}

impl PastRound {
    /// The place of a round among those that are kept of its table: a newer one takes the place of an older one.
    #[must_use]
    pub fn place(number: u64) -> u64 {
        number % PAST_ROUNDS_MAX as u64
    }

    /// Its print in a digest of past rounds.
    #[must_use]
    pub fn print(&self, table: TableId) -> Print {
        let mut encoder = Encoder::plain(160);
        encoder.table(table);
        self.encode(&mut encoder);
        Print::of(encoder.as_bytes())
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.number.into());
        encoder.uint(self.time.into());
        encoder.raw(&self.commit);
        encoder.money(self.staked);
        encoder.flag(self.drawn.is_some());
        if let Some(drawn) = &self.drawn {
            encoder.uint(drawn.outcome.into());
            encoder.raw(&drawn.seed);
            encoder.raw(&drawn.mix);
        }
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            number: decoder.u64()?,
            time: decoder.u64()?,
            commit: decoder.array()?,
            staked: decoder.money()?,
            drawn: match decoder.flag()? {
                false => None,
                true => {
                    Some(Drawn { outcome: decoder.u32()?, seed: decoder.array()?, mix: decoder.array()? })
                }
            },
        })
    }
}
