//! What the writer has counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What the writer has counted since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Batches written; each is one write and one sync.
    pub batches: u64,
    /// Records in these batches.
    pub records: u64,
    /// Length of the batches on disk, padding included. Bytes.
    pub bytes: u64,
    /// Time of the last write and sync, without the wait for room before it. Microseconds.
    pub sync_us_last: u64,
    /// Longest time of a write and sync. Microseconds.
    pub sync_us_max: u64,
    /// Time of all writes and syncs together. Microseconds.
    pub sync_us_total: u64,
}

/// The same, being counted.
#[derive(Default)]
pub(crate) struct WriterCounters {
    batches: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
    sync_us_last: AtomicU64,
    sync_us_max: AtomicU64,
    sync_us_total: AtomicU64,
}

impl WriterCounters {
    /// Counts a batch of so many records and bytes, whose write and sync took so long.
    pub fn count(&self, records: u64, bytes: u64, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.sync_us_last.store(us, Ordering::Relaxed);
        self.sync_us_max.fetch_max(us, Ordering::Relaxed);
        self.sync_us_total.fetch_add(us, Ordering::Relaxed);
    }

    /// The counters as they are now.
    pub fn read(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            batches: read(&self.batches),
            records: read(&self.records),
            bytes: read(&self.bytes),
            sync_us_last: read(&self.sync_us_last),
            sync_us_max: read(&self.sync_us_max),
            sync_us_total: read(&self.sync_us_total),
        }
    }
}
