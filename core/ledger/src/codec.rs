//! The encoding of values in records: little-endian base-128 integers, length-prefixed bytes, tags.
//!
//! Written by hand, because records must be small, the same on every machine, and readable by all later releases. The
//! decoder checks every length before it allocates.
//!
//! A 128-bit id and a name (a currency, a table) are spelled once in a record, and are referred to after that. Each value
//! has one encoding only: a decoder refuses an id that is spelled twice.

mod decoder;
mod encoder;
mod feature;

pub use self::{
    decoder::{AT_ONCE, Decoder},
    encoder::Encoder,
    feature::{FEATURE_NAME_BYTES_MAX, Feature, NamedFeature},
};

/// Longest name that is spelled once and referred to, bytes.
const NAME_BYTES_MAX: usize = 32;

/// Why bytes cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("the record ends in the middle of a value")]
    Truncated,
    /// There are bytes after the end.
    #[error("the record has bytes after its end")]
    TrailingBytes,
    /// A tag that this release does not know.
    #[error("unknown {0}")]
    Unknown(&'static str),
    /// A version of the record format that this release does not read.
    #[error("the record has version {found} and this release reads version {read}: {}", advice(*found, *read))]
    Version {
        /// The version found.
        found: u8,
        /// The version that this release reads.
        read: u8,
    },
    /// A recipe, or a revision of it, that this release does not have.
    #[error("recipe {kind} in revision {revision} is not known to this release: {LATER}")]
    Recipe {
        /// Its number.
        kind: u16,
        /// Its revision.
        revision: u16,
    },
    /// A kind of row that this release does not have.
    #[error("a row of kind {0} is not known to this release: {LATER}")]
    RowKind(u16),
    /// A kind of fact that this release does not have.
    #[error("a fact of kind {0} is not known to this release: {LATER}")]
    FactKind(u8),
    /// A feature that this release does not have, at the record of its first use.
    #[error("{0} is used from here on and is not known to this release: {LATER}")]
    Upgrade(NamedFeature),
    /// A feature that this release does not have, in the state after its first use.
    #[error("{feature} is used since record {first} and is not known to this release: {LATER}")]
    InUse {
        /// The feature.
        feature: NamedFeature,
        /// Place in the log of the record of its first use.
        first: u64,
    },
    /// A value out of its range.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
}

impl DecodeError {
    /// Whether the bytes are sound and of a later release.
    #[must_use]
    pub fn is_later(&self) -> bool {
        match self {
            Self::Version { found, read } => found > read,
            Self::Recipe { .. }
            | Self::RowKind(_)
            | Self::FactKind(_)
            | Self::Upgrade(_)
            | Self::InUse { .. } => true,
            Self::Truncated | Self::TrailingBytes | Self::Unknown(_) | Self::OutOfRange(_) => false,
        }
    }
}

/// What to do about a record that only a later release can have written.
const LATER: &str = "a later release wrote it. Go on with that release or a later one, on the same directory \
                     (docs/operating.md, \"Upgrade and rollback\")";

/// What to do about a record of another version.
fn advice(found: u8, read: u8) -> &'static str {
    if found > read {
        return LATER;
    }
    "go on with the release that wrote the log, or begin a new log in another directory (docs/operating.md, \
     \"Upgrade and rollback\")"
}

#[cfg(test)]
mod tests {
    use protocol::PlayerId;

    use super::*;

    #[test]
    fn a_record_names_an_id_and_a_currency_once_and_what_is_plain_spells_them_each_time() {
        let (player, currency) = (PlayerId(7), "EUR".parse().expect("a currency"));
        let twice = |mut encoder: Encoder| {
            for _ in 0..2 {
                encoder.player(player);
                encoder.currency(currency);
            }
            encoder.into_bytes()
        };
        let (named, plain) = (twice(Encoder::default()), twice(Encoder::plain(64)));
        assert_eq!((named.len(), plain.len()), (1 + 16 + 1 + 4 + 1 + 1, 2 * (16 + 4)));
        for mut decoder in [Decoder::new(&named), Decoder::plain(&plain)] {
            for _ in 0..2 {
                assert_eq!((decoder.player(), decoder.currency()), (Ok(player), Ok(currency)));
            }
            assert_eq!(decoder.finish(), Ok(()));
        }
        let spelled_again = [&named[..22], &named[..17]].concat();
        let mut decoder = Decoder::new(&spelled_again);
        assert_eq!((decoder.player(), decoder.currency()), (Ok(player), Ok(currency)));
        assert!(decoder.player().is_err(), "one value has one encoding");
    }
}
