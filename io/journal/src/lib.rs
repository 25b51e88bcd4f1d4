//! The journal: a durable, ordered log of records with checksums. Records are plain bytes here.
//!
//! The money arbiter appends records ([`Journal::append`]). The writer's thread writes all queued records as one batch
//! with one sync, and then opens the output gate ([`Gate`]) for the outputs that waited for them. Followers and
//! `hub verify` read while it writes ([`Reader`]); a restart replays the records after a [`Cursor`].
//!
//! Its invariants:
//! * J1 nothing is released before its record, and all records before it, are synced;
//! * J2 a recovery finds a prefix of the appended records, which contains every record that was released;
//! * J3 a flaw before the end of the log is never skipped: opening refuses the log and names file and offset;
//! * J4 after a failed write or sync nothing more is released: the process aborts, and the next open writes the tail
//!   that is not proven to be synced again, before anything else;
//! * J5 there is one writer at a time, and each has a higher epoch than the one before.
//!
//! It does not interpret records, does not replicate, and does not retry.

mod append;
mod claim;
mod condition;
mod cursor;
mod cut;
mod disk;
mod entry;
mod error;
pub mod file;
mod file_log;
mod file_records;
mod files;
mod format;
mod helper;
mod kept;
mod lineage;
mod log;
mod lsn;
pub mod memory;
mod memory_log;
mod noted;
mod options;
mod proof;
mod reader;
mod scan;
mod sealed;
mod seam;
mod spare;
mod stats;
pub mod storage;
mod tail;
mod truncate;
mod waiting;
mod watch;
mod writer;

use std::path::Path;

pub use claim::Claim;
pub use condition::{Condition, State};
pub use cursor::{Cursor, LineageId};
pub use cut::{CutSegment, FIRST_KEPT, LogCut};
pub use disk::DiskRoom;
pub use entry::{Batch, Entry, Location};
pub use error::{Error, with_causes};
pub use files::Files;
pub use lineage::Lineage;
pub use log::{Log, SyncLog};
pub use lsn::{Lsn, MAX_RECORD};
pub use memory_log::{MemoryLog, MemoryWriter};
pub use options::Options;
pub use proof::{Proof, record_hash};
pub use reader::Reader;
pub use sealed::{Sealed, segment_file};
pub use seam::{Appended, LogRecords, LogWriter, RecordReader, Truncated, read_kept};
pub use stats::Stats;
pub use tail::{Tail, TornTail};
pub use writer::{Gate, Journal};

/// Opens the log in a directory for writing, or creates it: takes the lock, reads everything, cuts a torn tail (see
/// [`Log::cut`]), makes the rest durable and begins a new epoch.
///
/// Refuses damage before the end, a missing segment, a segment of another log, and a second writer. Use [`Claim`] to
/// read less, or to read the records before anything is changed.
pub fn open(dir: &Path, options: Options) -> Result<Log, Error> {
    Log::open(file::Directory::create(dir)?, options)
}
