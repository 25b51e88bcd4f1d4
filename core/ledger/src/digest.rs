//! A running fingerprint of a set of values, cheap enough to keep on every change.
//!
//! Each value has a 128-bit fingerprint; the digest is their sum, so that a change subtracts the old and adds the new,
//! in any order. It detects accidental differences between two copies of a state. It does not stop an attacker; the
//! log's hash chain does.

/// Sum of the fingerprints of a set of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digest(pub u128);

impl Digest {
    /// Puts a value in.
    pub fn add(&mut self, fingerprint: u128) {
        self.0 = self.0.wrapping_add(fingerprint);
    }

    /// Takes a value out.
    pub fn remove(&mut self, fingerprint: u128) {
        self.0 = self.0.wrapping_sub(fingerprint);
    }

    /// The digest of both sets, kept apart by `label`.
    #[must_use]
    pub fn with(self, label: u64, other: Digest) -> Digest {
        Digest(self.0.wrapping_add(fingerprint(&[label, other.0 as u64, (other.0 >> 64) as u64])))
    }
}

/// A 128-bit fingerprint of some words; the same on every machine and for ever, since it is written to the log.
#[must_use]
pub fn fingerprint(words: &[u64]) -> u128 {
    let mut low: u64 = 0x243f_6a88_85a3_08d3; // digits of pi
    let mut high: u64 = 0x1319_8a2e_0370_7344;
    for word in words {
        low = scramble(low ^ word);
        high = scramble(high.wrapping_add(*word).rotate_left(29));
    }
    u128::from(scramble(high ^ words.len() as u64)) << 64 | u128::from(scramble(low))
}

/// A short text as one word for [`fingerprint`]. Not for texts that an attacker chooses: collisions are easy to make.
#[must_use]
pub fn text_word(text: &[u8]) -> u64 {
    text.iter().fold(text.len() as u64, |sum, byte| sum.rotate_left(7) ^ u64::from(*byte))
}

/// A bijection of 64-bit words with full avalanche: the finaliser of splitmix64 (Steele, Lea, Flood 2014).
fn scramble(mut word: u64) -> u64 {
    word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}
