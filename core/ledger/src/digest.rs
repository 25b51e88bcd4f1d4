//! A running digest of a set of values, cheap enough to keep on every change.
//!
//! Each value is hashed with SHA-256; the digest is the sum of the hashes modulo 2^256, so that a change subtracts the
//! old hash and adds the new one, in any order. Two copies of a state have the same digest only if they have the same
//! values.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Sum of the hashes of a set of values.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Digest([u64; 4]);

/// The hash of one value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Print([u64; 4]);

impl Print {
    /// The hash of a value in its only encoding. Values of different sorts begin with different bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(words(Sha256::digest(bytes).into()))
    }
}

impl Digest {
    /// Puts a value in.
    pub fn add(&mut self, print: Print) {
        let mut carry = false;
        for (sum, word) in self.0.iter_mut().zip(print.0) {
            let (first, one) = sum.overflowing_add(word);
            let (second, other) = first.overflowing_add(u64::from(carry));
            (*sum, carry) = (second, one || other);
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, print: Print) {
        let mut borrow = false;
        for (sum, word) in self.0.iter_mut().zip(print.0) {
            let (first, one) = sum.overflowing_sub(word);
            let (second, other) = first.overflowing_sub(u64::from(borrow));
            (*sum, borrow) = (second, one || other);
        }
    }

    /// Its bytes, as they are recorded.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes
            .chunks_exact_mut(8)
            .zip(self.0)
            .for_each(|(part, word)| part.copy_from_slice(&word.to_le_bytes()));
        bytes
    }

    /// The digest of recorded bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(words(bytes))
    }
}

/// The bytes in hexadecimal.
impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digest({self})")
    }
}

fn words(bytes: [u8; 32]) -> [u64; 4] {
    let (parts, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|place| u64::from_le_bytes(parts[place]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_and_taken_out_in_any_order_leaves_nothing() {
        let prints: Vec<Print> = (0..100_u8).map(|value| Print::of(&[value])).collect();
        let mut digest = Digest::default();
        prints.iter().for_each(|print| digest.add(*print));
        assert_ne!(digest, Digest::default());
        assert_eq!(Digest::from_bytes(digest.to_bytes()), digest);
        prints.iter().rev().for_each(|print| digest.remove(*print));
        assert_eq!(digest, Digest::default());
    }

    #[test]
    fn sums_carry_over_all_words() {
        let (one, all) = (Print([1, 0, 0, 0]), Digest([u64::MAX; 4]));
        let mut digest = all;
        digest.add(one);
        assert_eq!(digest, Digest::default());
        digest.remove(one);
        assert_eq!(digest, all);
    }
}
