//! The end of a log: where writing continues, and which bytes are not confirmed by a sync.

use std::ops::Range;
use std::path::PathBuf;

use crate::Lsn;
use crate::cursor::Cursor;
use crate::format::SegmentHeader;

/// Bytes after the last whole batch: a write that no sync had confirmed, so nothing of it was ever released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The segment.
    pub file: PathBuf,
    /// Where the last whole batch ends. Bytes.
    pub offset: u64,
    /// Length up to the last byte that is not zero. Bytes.
    pub bytes: u64,
}

/// The end of a log that was read completely and is sound. [`Claim::open`](crate::Claim::open) continues from it.
#[derive(Debug)]
pub struct Tail {
    /// `None` when there is no log yet.
    pub(crate) end: Option<LogEnd>,
}

/// Where a log ends, and in which file.
#[derive(Debug)]
pub(crate) struct LogEnd {
    /// The header of the last segment.
    pub header: SegmentHeader,
    /// The highest epoch seen.
    pub epoch: u32,
    pub cursor: Cursor,
    /// Where the next batch goes. Bytes.
    pub at: u64,
    /// The last batch or header before `at`: nothing proves yet that it was synced. Bytes.
    pub unproven: Range<u64>,
    pub torn: Option<TornTail>,
}

impl Tail {
    /// The last record; 0 when there is none.
    pub fn last(&self) -> Lsn {
        self.cursor().lsn
    }

    /// The end of the last batch.
    pub fn cursor(&self) -> Cursor {
        self.end.as_ref().map_or_else(Cursor::default, |end| end.cursor)
    }

    /// The torn tail, if there is one.
    pub fn torn(&self) -> Option<&TornTail> {
        self.end.as_ref()?.torn.as_ref()
    }
}
