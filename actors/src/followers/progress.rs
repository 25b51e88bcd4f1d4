//! Where a follower stands, for whoever watches it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use journal::Lsn;

/// Where a follower stands, as it goes on. Clones share it.
#[derive(Debug, Clone)]
pub struct Progress(Arc<Figures>);

#[derive(Debug)]
struct Figures {
    made: Instant,
    cursor: AtomicU64,
    /// Since when there have been durable records that it has not taken: milliseconds after `made`, and 1 more; 0 when it had
    /// all of them when it looked last.
    behind_since: AtomicU64,
    panics: AtomicU64,
}

impl Progress {
    /// A follower that stands at a record, and is not behind.
    #[must_use]
    pub fn at(cursor: Lsn) -> Self {
        let (behind_since, panics) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Figures {
            made: Instant::now(),
            cursor: AtomicU64::new(cursor.0),
            behind_since,
            panics,
        }))
    }

    /// The last record that it has taken.
    #[must_use]
    pub fn lsn(&self) -> Lsn {
        Lsn(self.0.cursor.load(Relaxed))
    }

    /// For how long there have been records that it has not taken. Zero when it has taken all there are.
    #[must_use]
    pub fn age(&self) -> Duration {
        match self.0.behind_since.load(Relaxed) {
            0 => Duration::ZERO,
            since => self.0.made.elapsed().saturating_sub(Duration::from_millis(since - 1)),
        }
    }

    /// How often it has panicked, and has begun again from its cursor.
    #[must_use]
    pub fn panics(&self) -> u64 {
        self.0.panics.load(Relaxed)
    }

    /// It has taken the records up to `lsn`, and those up to `durable` were there when it looked last. It is behind until it
    /// has taken all of these: a step that is not the last one does not make its age shorter.
    pub fn moves_to(&self, lsn: Lsn, durable: Lsn) {
        self.0.cursor.store(lsn.0, Relaxed);
        if lsn >= durable {
            self.0.behind_since.store(0, Relaxed);
        } else {
            let now = u64::try_from(self.0.made.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
            let _ = self.0.behind_since.compare_exchange(0, now + 1, Relaxed, Relaxed);
        }
    }

    /// It has panicked.
    pub fn panicked(&self) {
        self.0.panics.fetch_add(1, Relaxed);
    }
}
