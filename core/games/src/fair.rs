//! Provably fair randomness: a committed seed, the players' shares, and a stream of numbers made of both.
//!
//! Before the first bet the hub publishes [`commit`] of a secret [`Seed`]. Each text that a player gives becomes a
//! [`Share`], a hash; the text is not kept. When betting closes the hub publishes [`mix`] of the shares. The round is
//! drawn from a [`Stream`] of seed and mix, the seed is revealed with the result, and anyone can run [`check`].
//! `docs/fairness.md` has the exact bytes, test vectors, and what this does *not* prove; the three tags below and the
//! encodings must stay as they are described there.
//!
//! This module does not generate seeds: the caller takes them from the operating system.

mod check;

use std::{fmt, num::NonZeroU32};

use base16ct::lower::encode_string;
pub use check::{Mismatch, check};
use hmac::{Hmac, KeyInit, Mac};
use protocol::PlayerId;
use sha2::{Digest, Sha256};

/// First bytes of a share's hash input.
const SHARE_TAG: &str = "hub-share-v1";
/// First bytes of the mix's hash input.
const MIX_TAG: &str = "hub-mix-v1";
/// First bytes of each block's HMAC input.
const STREAM_TAG: &str = "hub-fair-v1";
const WORDS_PER_BLOCK: usize = 8;

/// A round's secret: 32 bytes from the operating system's generator, used for one round only.
///
/// Never printed and not serialisable: a person who knows it and the players' shares knows the outcome. The log holds
/// it encrypted until it is revealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed(pub [u8; 32]);

impl fmt::Debug for Seed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seed(secret)")
    }
}

/// The commitment to a seed: its SHA-256.
#[must_use]
pub fn commit(seed: &Seed) -> [u8; 32] {
    Sha256::digest(seed.0).into()
}

/// One player's share in a round: the SHA-256 of `hub-share-v1|player|text`.
///
/// The player is written as 32 hexadecimal digits, the text is the client's UTF-8 unchanged. The log and the state of a
/// table hold shares, never texts. A share can be shown to anybody: a player who kept the text finds the own one, and
/// nobody reads a player's id from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(pub [u8; 32]);

impl Share {
    /// The share of a player with this text.
    #[must_use]
    pub fn of(player: PlayerId, text: &str) -> Self {
        Self(Sha256::digest(format!("{SHARE_TAG}|{player}|{text}")).into())
    }

    /// The share that a request to bet gives: `None` without a text, and for the empty text, which is the same.
    #[must_use]
    pub fn given(player: PlayerId, text: Option<&str>) -> Option<Self> {
        text.filter(|text| !text.is_empty()).map(|text| Self::of(player, text))
    }
}

/// All shares of a round in one value: the SHA-256 of `hub-mix-v1` and the shares, in ascending order.
///
/// The shares are sorted, so the order of arrival does not matter; each has 32 bytes, so no two lists are hashed
/// alike. Without shares it is the hash of the tag alone.
#[must_use]
pub fn mix(shares: impl IntoIterator<Item = Share>) -> [u8; 32] {
    let mut shares: Vec<_> = shares.into_iter().collect();
    shares.sort_unstable();
    let hash = Sha256::new_with_prefix(MIX_TAG);
    shares.iter().fold(hash, |hash, share| hash.chain_update(share.0)).finalize().into()
}

/// The random numbers of one round, an endless sequence.
///
/// Block `k`, from 0, is `HMAC-SHA256(seed, "hub-fair-v1|" mix "|" round "|" k)` with the mix in lower-case
/// hexadecimal and `k` in decimal. A block is eight words of 32 bits, big-endian.
pub struct Stream {
    /// The HMAC after the key and all of the message except the block's number.
    prefix: Hmac<Sha256>,
    next_block: u64,
    words: [u32; WORDS_PER_BLOCK],
    words_used: usize,
}

impl Stream {
    /// Starts the stream of a round, named `table:number` as on the wire.
    #[must_use]
    pub fn new(seed: &Seed, mix: &[u8; 32], round: &str) -> Self {
        let mut prefix = Hmac::new_from_slice(&seed.0).expect("HMAC takes a key of any length");
        prefix.update(format!("{STREAM_TAG}|{}|{round}|", encode_string(mix)).as_bytes());
        Self { prefix, next_block: 0, words: [0; WORDS_PER_BLOCK], words_used: WORDS_PER_BLOCK }
    }

    /// The next word: uniform over all 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.words_used == WORDS_PER_BLOCK {
            self.refill();
        }
        let word = self.words[self.words_used];
        self.words_used += 1;
        word
    }

    /// The next number in `0..n`; all are exactly equally likely.
    ///
    /// Words at or above the largest multiple of `n` are skipped: using them would favour the small numbers. At most
    /// half of all words are skipped; for 37 pockets it is one in about 600 million.
    pub fn below(&mut self, n: NonZeroU32) -> u32 {
        const WORDS: u64 = 1 << 32;
        let fair_below = WORDS - WORDS % u64::from(n.get());
        loop {
            let word = self.next_u32();
            if u64::from(word) < fair_below {
                return word % n;
            }
        }
    }

    fn refill(&mut self) {
        let block = self.prefix.clone().chain_update(self.next_block.to_string()).finalize().into_bytes();
        for (word, bytes) in self.words.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_be_bytes(bytes.try_into().expect("chunks of four bytes"));
        }
        self.next_block += 1;
        self.words_used = 0;
    }
}

impl fmt::Debug for Stream {
    /// Shows only the position: the words are as secret as the seed.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stream").field("next_block", &self.next_block).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
