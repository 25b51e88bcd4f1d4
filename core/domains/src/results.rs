//! Results: the rounds that have ended for a player. The state store keeps the last ones of each player; the domain keeps
//! those that the store does not have yet.

use ledger::{
    Print,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::notice::Notice;

/// Results that can be looked up of each player.
pub const RESULTS_MAX: usize = 50;

/// A round that has ended for a player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Its number among the results of the player, from 1.
    pub number: u64,
    /// When it was recorded, milliseconds since 1970.
    pub time: u64,
    /// What the player was told.
    pub notice: Notice,
}

impl Settled {
    /// Its place among the results that are kept of the player: a newer one takes the place of an older one.
    #[must_use]
    pub fn place(number: u64) -> u64 {
        number % RESULTS_MAX as u64
    }

    /// Its print in the digest of all results.
    #[must_use]
    pub fn print(&self) -> Print {
        let mut encoder = Encoder::plain(96);
        self.encode(&mut encoder);
        Print::of(encoder.as_bytes())
    }

    /// Appends it to an item of the state store.
    pub fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.number.into());
        encoder.uint(self.time.into());
        self.notice.encode(encoder);
    }

    /// Reads one from an item of the state store.
    ///
    /// # Errors
    /// When the bytes are not a result.
    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { number: decoder.u64()?, time: decoder.u64()?, notice: Notice::decode(decoder)? })
    }
}
