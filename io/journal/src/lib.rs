//! The durable, ordered, checksummed log: bytes, not meaning.
//!
//! The money arbiter appends records ([`Journal::append`]); the writer's thread puts whatever is queued on
//! disk as one batch with one sync and opens the output gate ([`Gate`]) for what waited. Followers and
//! `verify` read beside it ([`Reader`]); a restart replays ([`Log::replay`]) from a [`checkpoint`].
//!
//! What holds:
//! * J1 nothing is released before its record, and all before it, are synced;
//! * J2 what a recovery finds is a prefix of what was appended, and contains every record that was released;
//! * J3 a flaw before the end of the log is never skipped: opening refuses and names file and offset;
//! * J4 after a failed write or sync nothing more is released: the process aborts, and the next open
//!   writes the unproven tail again before it serves;
//! * J5 one writer at a time, and each has a higher epoch than the one before.
//!
//! It does not know what a record means, does not replicate, and does not retry.

mod append;
pub mod checkpoint;
mod claim;
mod condition;
mod error;
pub mod file;
mod files;
mod format;
mod helper;
mod log;
pub mod memory;
mod noted;
mod reader;
mod scan;
mod spare;
pub mod storage;
mod writer;

use std::path::Path;

pub use claim::Claim;
pub use condition::{Condition, State};
pub use error::Error;
pub use files::{Files, Tail, TornTail};
pub use format::chain_hash;
pub use log::{Log, SyncLog};
pub use reader::Reader;
pub use writer::{Gate, Journal, Stats};

/// Longest record. Bytes.
pub const MAX_RECORD: usize = 16 << 20;

/// The number of a record: its place in the log. The first is 1; 0 is "nothing yet".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Lsn(pub u64);

impl Lsn {
    /// Past every record: as a limit, "whatever is there".
    pub const MAX: Lsn = Lsn(u64::MAX);

    /// The number after this one.
    pub fn next(self) -> Lsn {
        Lsn(self.0.saturating_add(1))
    }
}

/// A record as it is read back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// Its place in the log.
    pub lsn: Lsn,
    /// The epoch of the writer that appended it.
    pub epoch: u32,
    /// [`chain_hash`] of the hash before it, its lsn and its bytes; already verified.
    pub hash: [u8; 32],
    /// What was appended.
    pub bytes: &'a [u8],
    /// Where it lies.
    pub location: Location,
}

/// Where a record lies: for messages, so that they name the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Location {
    /// The first record of its segment, after which the file is named.
    pub segment: Lsn,
    /// Where its batch begins in the file. Bytes.
    pub offset: u64,
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at offset {}", scan::segment_name(self.segment), self.offset)
    }
}

/// How a log is opened for writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Length of a segment. Bytes; 4 KiB at least, default 64 MiB. Prepared ahead of need, so up to twice as
    /// much is taken before it is used. A record that is longer gets a longer segment.
    pub segment_bytes: u64,
    /// Scheduling priority asked for the writer's thread, -20..=19, best effort. Default -10: a busy machine
    /// otherwise adds whole scheduler ticks to each commit.
    pub nice: i32,
}

impl Default for Options {
    fn default() -> Options {
        Options { segment_bytes: 64 << 20, nice: -10 }
    }
}

/// Opens the log in a directory for writing, or creates it: takes the lock, reads everything, cuts a torn tail
/// (logged, and told by [`Log::cut`]), makes the rest durable and begins a new epoch.
///
/// Refuses damage before the end, a missing segment, another log's segment, a second writer. To read less, or to
/// look at the records before anything is changed: [`Claim`].
pub fn open(dir: &Path, options: Options) -> Result<Log, Error> {
    Log::open(file::Directory::create(dir)?, options)
}
