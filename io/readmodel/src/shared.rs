//! What the writer tells the readers, and they it.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use crate::files::{ModelFiles, WhichFile};

/// What writer and readers share.
#[derive(Debug)]
pub(crate) struct ModelStanding {
    places: ModelFiles,
    /// Rises when another file is read.
    generation: AtomicU64,
    builds: AtomicBool,
    damaged: AtomicBool,
    lsn: AtomicU64,
    bytes: AtomicU64,
    wal_bytes: AtomicU64,
}

impl ModelStanding {
    pub fn new(places: ModelFiles) -> Self {
        Self {
            places,
            generation: AtomicU64::new(0),
            builds: AtomicBool::new(true),
            damaged: AtomicBool::new(false),
            lsn: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            wal_bytes: AtomicU64::new(0),
        }
    }

    pub fn stands(&self, lsn: u64, builds: bool, bytes: u64, wal_bytes: u64) {
        self.lsn.store(lsn, Relaxed);
        self.bytes.store(bytes, Relaxed);
        self.wal_bytes.store(wal_bytes, Relaxed);
        self.builds.store(builds, Relaxed);
    }

    pub fn replaced(&self) {
        self.generation.fetch_add(1, Relaxed);
        self.damaged.store(false, Relaxed);
    }

    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Relaxed)
    }

    /// A reader has met damage.
    pub fn is_found_damaged(&self) {
        self.damaged.store(true, Relaxed);
    }

    pub fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }

    pub fn builds(&self) -> bool {
        self.builds.load(Relaxed)
    }

    pub fn lsn(&self) -> u64 {
        self.lsn.load(Relaxed)
    }

    /// Length of the file and of its WAL file.
    pub fn bytes(&self) -> (u64, u64) {
        (self.bytes.load(Relaxed), self.wal_bytes.load(Relaxed))
    }

    pub fn path(&self, file: WhichFile) -> PathBuf {
        self.places.path(file)
    }
}
