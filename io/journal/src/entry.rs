//! A record as it is read back, and where it is kept.

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
    /// Where it is kept.
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
    /// Its length where it is kept, headers included. Bytes.
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

/// Where a record is kept, for messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Location(Place);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// In the segment with this first record, in the batch that begins at this offset, bytes.
    File(Lsn, u64),
    /// In the batch with this first record.
    Batch(Lsn),
}

impl Location {
    /// A place in a segment, which has its name from its first record: where the batch begins, bytes.
    pub(crate) fn file(segment: Lsn, offset: u64) -> Location {
        Location(Place::File(segment, offset))
    }

    /// A place in a log without files: the batch, by its first record.
    pub(crate) fn batch(first: Lsn) -> Location {
        Location(Place::Batch(first))
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Place::File(segment, offset) => write!(f, "{} at offset {offset}", scan::segment_name(segment)),
            Place::Batch(first) => write!(f, "the batch that begins with record {}", first.0),
        }
    }
}
