//! The watermarks of the log's disk: below the first one the operator is warned, below the second one no requests are taken.
//!
//! The helper asks once a second how much is free. A log without watermarks is not asked about.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// What is free is not known.
const UNKNOWN: u64 = u64::MAX;

/// The watermarks, and what was free when it was asked last.
#[derive(Debug)]
pub(crate) struct Watermarks {
    warn: AtomicU64,
    refuse: AtomicU64,
    free: AtomicU64,
    /// What was told last: whether it was low, and whether it was full. The marks may change in between.
    told: Mutex<(bool, bool)>,
}

impl Default for Watermarks {
    fn default() -> Watermarks {
        Watermarks {
            warn: AtomicU64::new(0),
            refuse: AtomicU64::new(0),
            free: AtomicU64::new(UNKNOWN),
            told: Mutex::default(),
        }
    }
}

/// How much room there is on the log's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskRoom {
    /// Free for the hub; `None` when it is not known. Bytes.
    pub free: Option<u64>,
    /// Whether it is below the first watermark.
    pub is_low: bool,
    /// Whether it is below the second one.
    pub is_full: bool,
}

impl Watermarks {
    pub fn set(&self, warn: u64, refuse: u64) {
        self.warn.store(warn, Ordering::Relaxed);
        self.refuse.store(refuse, Ordering::Relaxed);
    }

    /// Notes what is free. Returns whether it was low and whether it was full when this was called last, and how it is now.
    pub fn note(&self, free: Option<u64>) -> ((bool, bool), DiskRoom) {
        self.free.store(free.unwrap_or(UNKNOWN), Ordering::Relaxed);
        let now = self.disk();
        (std::mem::replace(&mut *self.told.lock(), (now.is_low, now.is_full)), now)
    }

    pub fn disk(&self) -> DiskRoom {
        let free = Some(self.free.load(Ordering::Relaxed)).filter(|free| *free != UNKNOWN);
        let below = |mark: &AtomicU64| free.is_some_and(|free| free < mark.load(Ordering::Relaxed));
        DiskRoom { free, is_low: below(&self.warn), is_full: below(&self.refuse) }
    }
}
