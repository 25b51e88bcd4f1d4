//! A record as it is read back, and its place in the files.

use crate::{Lsn, scan};

/// A record as it is read back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// Its place in the log.
    pub lsn: Lsn,
    /// The epoch of the writer that appended it.
    pub epoch: u32,
    /// Its hash, [`record_hash`](crate::record_hash).
    pub hash: [u8; 32],
    /// Its batch; the batch's hash is already verified.
    pub batch: Batch,
    /// What was appended.
    pub bytes: &'a [u8],
    /// Its place in the files.
    pub location: Location,
}

/// A batch of records: what one write and one sync made durable together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Batch {
    /// Its first record.
    pub first: Lsn,
    /// Number of its records, at least 1.
    pub count: u32,
    /// Its hash, which stands for every record up to its last one.
    pub hash: [u8; 32],
    /// Its length in the file, headers included. Bytes.
    pub bytes: u32,
    /// The zeros behind it that fill its last sector. Bytes.
    pub padding: u32,
}

impl Batch {
    /// Its last record.
    pub fn last(&self) -> Lsn {
        Lsn((self.first.0 + u64::from(self.count)).saturating_sub(1))
    }
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
