//! A running digest of a set of values, cheap enough to keep on every change.
//!
//! Each value is hashed with SHA-256; the digest is the sum of the hashes modulo 2^256, so that a change subtracts the
//! old hash and adds the new one, in any order. Two copies of a state have the same digest only if they have the same
//! values.

use std::fmt;

use sha2::{Digest as _, Sha256, block_api::compress256};

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
        match bytes.len() {
            0..=SHORT_MAX => Self(words(sha256_short(bytes))),
            _ => Self(words(Sha256::digest(bytes).into())),
        }
    }
}

/// Longest value that is two blocks with its padding. Bytes.
const SHORT_MAX: usize = 2 * 64 - 9;

/// The state of SHA-256 before the first block (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// SHA-256 of at most [`SHORT_MAX`] bytes. Nearly every value is as short, and to hash one block takes less time than to
/// keep a hasher for it.
fn sha256_short(bytes: &[u8]) -> [u8; 32] {
    let mut blocks = [[0; 64]; 2];
    let used = if bytes.len() <= 64 - 9 { 1 } else { 2 };
    let padded = &mut blocks.as_flattened_mut()[..used * 64];
    let (message, padding) = padded.split_at_mut(bytes.len());
    message.copy_from_slice(bytes);
    padding[0] = 0x80;
    let length_at = padding.len() - 8;
    padding[length_at..].copy_from_slice(&(bytes.len() as u64 * 8).to_be_bytes());

    let mut state = INITIAL;
    compress256(&mut state, &blocks[..used]);
    let mut hash = [0; 32];
    hash.chunks_exact_mut(4).zip(state).for_each(|(part, word)| part.copy_from_slice(&word.to_be_bytes()));
    hash
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

    /// Puts a value in so many times.
    pub fn add_times(&mut self, print: Print, times: u64) {
        let mut carry = 0;
        let times = u128::from(times);
        for (sum, word) in self.0.iter_mut().zip(print.0) {
            // At most (2^64 - 1)^2 + 2 (2^64 - 1), which is 2^128 - 1.
            let wide = u128::from(word) * times + u128::from(*sum) + carry;
            (*sum, carry) = (wide as u64, wide >> 64);
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
    fn a_value_put_in_many_times_at_once_is_the_value_put_in_again_and_again() {
        for times in [0, 1, 2, 3, 1_000] {
            let (print, mut at_once) = (Print::of(b"value"), Digest::from_bytes([0xff; 32]));
            let mut one_by_one = at_once;
            at_once.add_times(print, times);
            (0..times).for_each(|_| one_by_one.add(print));
            assert_eq!(at_once, one_by_one, "{times}");
        }
        let (mut most, largest) = (Digest([u64::MAX; 4]), Print([u64::MAX; 4]));
        most.add_times(largest, u64::MAX);
        // Modulo 2^256: -1 - (2^64 - 1).
        assert_eq!(most, Digest([0, u64::MAX, u64::MAX, u64::MAX]));
    }

    #[test]
    fn values_of_every_length_are_hashed_with_sha_256() {
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..=bytes.len() {
            let value = &bytes[..length];
            assert!(Print::of(value) == Print(words(Sha256::digest(value).into())), "{length} bytes");
        }
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
