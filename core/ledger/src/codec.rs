//! The encoding of values in records: little-endian base-128 integers, length-prefixed bytes, tags.
//!
//! Written by hand, because records must be small, the same on every machine, and readable by all later releases. The
//! decoder checks every length before it allocates.
//!
//! A 128-bit id and a name (a currency, a table) are spelled once in a record, and are referred to after that. Each value
//! has one encoding only: a decoder refuses an id that is spelled twice.

mod decoder;
mod encoder;

pub use self::{
    decoder::{AT_ONCE, Decoder},
    encoder::Encoder,
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
    #[error(
        "the record has version {found} and this release reads version {read}: go on with the release that wrote the \
         log, or begin a new log in another directory (docs/operating.md, \"Upgrade and rollback\")"
    )]
    Version {
        /// The version found.
        found: u8,
        /// The version that this release reads.
        read: u8,
    },
    /// A recipe, or a revision of it, that this release does not have.
    #[error("recipe {kind} in revision {revision} is not known to this release")]
    Recipe {
        /// Its number.
        kind: u16,
        /// Its revision.
        revision: u16,
    },
    /// A kind of row that this release does not have.
    #[error("a row of kind {0}, which is not known to this release")]
    RowKind(u16),
    /// A value out of its range.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
}
