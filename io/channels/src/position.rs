//! The position of a channel: an epoch, and an offset in it.
//!
//! Two positions can be compared only within one epoch. A new epoch begins whenever publications may have been lost or
//! numbered twice. So equal epochs and contiguous offsets prove that nothing is missing.

use std::{fmt, str::FromStr};

/// Longest epoch, bytes.
pub const EPOCH_BYTES_MAX: usize = 24;

/// Identifies one unbroken run of offsets of a channel: 1 to 24 letters, digits, `-` or `_`. Stored inline.
///
/// Epochs of the money log are given by the log and should begin with `L`. Epochs of a backplane begin with `m`, so
/// the two are never equal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch {
    length: u8,
    text: [u8; EPOCH_BYTES_MAX],
}

impl Epoch {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.text[..usize::from(self.length)]).expect("an epoch is checked to be ASCII")
    }
}

/// The text is not an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an epoch is 1 to 24 letters, digits, '-' or '_'")]
pub struct NotAnEpoch;

impl FromStr for Epoch {
    type Err = NotAnEpoch;
    fn from_str(from: &str) -> Result<Self, NotAnEpoch> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if from.is_empty() || from.len() > EPOCH_BYTES_MAX || !from.bytes().all(legal) {
            return Err(NotAnEpoch);
        }
        let mut text = [0; EPOCH_BYTES_MAX];
        text[..from.len()].copy_from_slice(from.as_bytes());
        Ok(Self { length: from.len() as u8, text })
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The place of a publication in its channel; that of the newest publication is the channel's top.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The epoch that the offset belongs to.
    pub epoch: Epoch,
    /// 1 for the first publication of the epoch, then contiguous; 0 before the first.
    pub offset: u64,
}

impl fmt::Debug for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.epoch, self.offset)
    }
}

/// Makes epochs that are different from those of every other process and call.
///
/// An epoch is `m`, 15 characters of 75 random bits for the backplane, and a counter of up to 8 characters. A backplane
/// draws random bits only once, however many channels begin a new epoch.
#[derive(Debug)]
pub(crate) struct Epochs {
    seed: [u8; Self::SEED_CHARACTERS],
    made: u64,
}

impl Epochs {
    const SEED_CHARACTERS: usize = 15;
    /// Crockford's base 32 in lower case, without letters that look like digits.
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

    /// # Panics
    /// When the system gives no random bytes: then no epoch would be surely new.
    pub(crate) fn new() -> Self {
        let mut seed = [0; Self::SEED_CHARACTERS];
        getrandom::fill(&mut seed).expect("the operating system gives random bytes");
        Self { seed: seed.map(|byte| Self::ALPHABET[usize::from(byte & 31)]), made: 0 }
    }

    /// The random part, which identifies this backplane.
    pub(crate) fn seed(&self) -> &str {
        str::from_utf8(&self.seed).expect("the alphabet is ASCII")
    }

    pub(crate) fn next(&mut self) -> Epoch {
        self.made += 1;
        let mut text = [0; EPOCH_BYTES_MAX];
        text[0] = b'm';
        text[1..=Self::SEED_CHARACTERS].copy_from_slice(&self.seed);
        let mut length = 1 + Self::SEED_CHARACTERS;
        let mut rest = self.made;
        // Eight digits: 2^40 epochs, enough for a new one every millisecond for more than 30 years.
        while rest > 0 && length < EPOCH_BYTES_MAX {
            text[length] = Self::ALPHABET[(rest & 31) as usize];
            rest >>= 5;
            length += 1;
        }
        assert_eq!(rest, 0, "a backplane has made 2^40 epochs");
        Epoch { length: length as u8, text }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn an_epoch_is_short_text_that_no_encoding_escapes() {
        for good in ["L1", "m0_-Z", &"x".repeat(24)] {
            assert_eq!(good.parse::<Epoch>().unwrap().as_str(), good);
        }
        for bad in ["", &"x".repeat(25), "a b", "a\"", "é", "a:b"] {
            assert_eq!(bad.parse::<Epoch>(), Err(NotAnEpoch), "{bad:?}");
        }
    }

    #[test]
    fn made_epochs_are_valid_and_never_repeat() {
        let (mut here, mut there) = (Epochs::new(), Epochs::new());
        let made: HashSet<Epoch> = (0..5_000).flat_map(|_| [here.next(), there.next()]).collect();
        assert_eq!(made.len(), 10_000);
        assert!(
            made.iter().all(|epoch| epoch.as_str().parse() == Ok(*epoch) && epoch.as_str().starts_with('m'))
        );
    }

    #[test]
    fn the_last_epoch_before_the_counter_ends_fits() {
        let mut epochs = Epochs::new();
        epochs.made = (1 << 40) - 2;
        assert_eq!(epochs.next().as_str().len(), EPOCH_BYTES_MAX);
    }
}
