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
//! It does not interpret records, does not replicate, and does not retry.

mod append;
pub mod checkpoint;
mod claim;
mod condition;
mod entry;
mod error;
pub mod file;
mod files;
mod format;
mod helper;
mod log;
mod lsn;
pub mod memory;
mod noted;
mod options;
mod reader;
mod scan;
mod spare;
pub mod storage;
mod tail;
mod writer;

use std::path::Path;

pub use claim::Claim;
pub use condition::{Condition, State};
pub use entry::{Entry, Location};
pub use error::Error;
pub use files::Files;
pub use format::chain_hash;
pub use log::{Log, SyncLog};
pub use lsn::{Lsn, MAX_RECORD};
pub use options::Options;
pub use reader::Reader;
pub use tail::{Tail, TornTail};
pub use writer::{Gate, Journal, Stats};

/// Opens the log in a directory for writing, or creates it: takes the lock, reads everything, cuts a torn tail
/// (logged, and told by [`Log::cut`]), makes the rest durable and begins a new epoch.
///
/// Refuses damage before the end, a missing segment, another log's segment, a second writer. To read less, or to
/// look at the records before anything is changed: [`Claim`].
pub fn open(dir: &Path, options: Options) -> Result<Log, Error> {
    Log::open(file::Directory::create(dir)?, options)
}
