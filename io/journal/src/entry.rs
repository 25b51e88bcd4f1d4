//! A record as it is read back, and its place in the files.

use crate::{Lsn, scan};

/// A record as it is read back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// Its place in the log.
    pub lsn: Lsn,
    /// The epoch of the writer that appended it.
    pub epoch: u32,
    /// [`chain_hash`](crate::chain_hash) of the hash before it, its lsn and its bytes; already verified.
    pub hash: [u8; 32],
    /// What was appended.
    pub bytes: &'a [u8],
    /// Its place in the files.
    pub location: Location,
}

/// The place of a record in the files, for messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Location {
    /// The first record of its segment, which is also the name of the file.
    pub segment: Lsn,
    /// Where its batch begins in the file. Bytes.
    pub offset: u64,
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at offset {}", scan::segment_name(self.segment), self.offset)
    }
}
