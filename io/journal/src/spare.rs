//! The spare: the next segment's file, made ahead of need, filled with zeros and synced.
//!
//! A write into blocks that are already allocated and written needs no commit of the file system's journal, which
//! nearly doubles the rate of small syncs. Filling a segment only when it is needed would delay every reply meanwhile.
//! When the spare is not ready in time, the writer continues in a file whose room is only reserved: each sync is
//! slower, but nothing waits. When there is no room for a spare, requests are refused before the current segment is
//! full.
//!
//! The helper makes a spare when there is none. The writer takes it with its open file, renames it to a segment's name,
//! and only then allows another: made earlier, a new spare would replace the file that the writer is about to rename.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::Error;
use crate::condition::Condition;
use crate::scan;
use crate::storage::{self, File, Storage};

/// Name of a spare that is still being made; removed after a crash.
pub(crate) const PARTIAL: &str = "spare.partial";
/// Name of a spare that is filled with zeros and synced.
pub(crate) const READY: &str = "spare.ready";
/// One part in this many of a segment is kept free, for requests under way when there is no room for another segment.
const RESERVE_PART: u64 = 16;
/// Longest wait before a spare is tried again that could not be filled: each attempt writes part of a segment and
/// removes it.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The next segment's file, ready or being made. Clones share it.
pub(crate) struct Spare<F> {
    shared: Arc<Shared<F>>,
    /// Length of a spare. Bytes.
    bytes: u64,
    condition: Condition,
}

struct Shared<F> {
    next: Mutex<Next<F>>,
    /// Why the last attempt to make one failed, if it did.
    failed: Mutex<Option<Failure>>,
    /// Whether a spare was ever ready. Before that, the room in the current segment does not count.
    had_one: AtomicBool,
    /// Room in the current segment. Bytes.
    left: AtomicU64,
}

/// What the name [`READY`] stands for.
enum Next<F> {
    /// No file: the helper may make one.
    None,
    /// A whole spare.
    Ready(F),
    /// The spare that the writer has taken and not yet renamed.
    Taken,
}

struct Failure {
    error: Error,
    /// When it may be tried again.
    until: Instant,
    /// The wait before `until`.
    wait: Duration,
}

impl<F> Clone for Spare<F> {
    fn clone(&self) -> Self {
        Spare { shared: self.shared.clone(), bytes: self.bytes, condition: self.condition.clone() }
    }
}

impl<F: File> Spare<F> {
    /// Uses a spare that an earlier process left if it has the right length and is all zeros; otherwise removes it.
    pub fn new<S: Storage<File = F>>(
        storage: &S,
        bytes: u64,
        names: &[String],
        condition: Condition,
    ) -> Result<Self, Error> {
        let mut next = Next::None;
        if names.iter().any(|name| name == READY) {
            let file = storage.open(READY).map_err(Error::io("open", storage.path(READY)))?;
            let zero = || Ok(file.len()? == bytes && scan::last_nonzero(&file, 0)?.is_none());
            if zero().map_err(Error::io("read", storage.path(READY)))? {
                next = Next::Ready(file);
            } else {
                storage.remove(READY).map_err(Error::io("remove", storage.path(READY)))?;
            }
        }
        let shared = Shared {
            had_one: AtomicBool::new(matches!(next, Next::Ready(_))),
            next: Mutex::new(next),
            failed: Mutex::new(None),
            left: AtomicU64::new(0),
        };
        Ok(Spare { shared: Arc::new(shared), bytes, condition })
    }

    /// Makes a spare, unless there is one or the wait after a failure has not ended. `go_on` is called before each
    /// chunk; `false` stops the work.
    pub fn make<S: Storage<File = F>>(&self, storage: &S, go_on: impl FnMut() -> bool) {
        let wanted = matches!(*self.shared.next.lock(), Next::None);
        let waiting =
            self.shared.failed.lock().as_ref().is_some_and(|failure| Instant::now() < failure.until);
        if wanted && !waiting {
            match make(storage, self.bytes, go_on) {
                Ok(Some(file)) => {
                    *self.shared.next.lock() = Next::Ready(file);
                    self.shared.had_one.store(true, Ordering::Release);
                    *self.shared.failed.lock() = None;
                }
                Ok(None) => return,
                Err(unmade) => self.failed(unmade),
            }
        }
        self.judge();
    }

    fn failed(&self, Unmade { error, filled }: Unmade) {
        let error = error.or_not_made();
        let mut failed = self.shared.failed.lock();
        if failed.is_none() {
            tracing::warn!(error = error.with_causes(), "no spare segment could be made; it is tried again");
        }
        // An attempt that wrote nothing costs nothing, and needs no wait.
        let before = failed.as_ref().map_or(Duration::ZERO, |failure| failure.wait);
        let wait = if filled { (before * 2).clamp(Duration::from_secs(1), WAIT_MAX) } else { Duration::ZERO };
        *failed = Some(Failure { error, until: Instant::now() + wait, wait });
    }

    /// Why the last attempt to make a spare failed, if it did; it is forgotten.
    pub fn failure(&self) -> Option<Error> {
        self.shared.failed.lock().take().map(|failure| failure.error)
    }

    /// Takes the spare; `None` when none is ready. The caller calls [`Spare::used`] once it is renamed.
    pub fn take(&self) -> Option<F> {
        let mut next = self.shared.next.lock();
        match std::mem::replace(&mut *next, Next::Taken) {
            Next::Ready(file) => Some(file),
            before => {
                *next = before;
                None
            }
        }
    }

    /// The spare that was taken is renamed, durably: another one may be made.
    pub fn used(&self) {
        *self.shared.next.lock() = Next::None;
    }

    /// Sets the room left in the current segment, bytes.
    pub fn room_left(&self, bytes: u64) {
        self.shared.left.store(bytes, Ordering::Release);
        if bytes < self.reserve() {
            self.judge();
        }
    }

    /// The room that is kept free in the current segment. Bytes.
    fn reserve(&self) -> u64 {
        self.bytes / RESERVE_PART
    }

    /// Updates the condition: whether there is room enough to take requests.
    fn judge(&self) {
        let is_ready = matches!(*self.shared.next.lock(), Next::Ready(_));
        let failed = self.shared.failed.lock();
        let room = self.shared.had_one.load(Ordering::Acquire)
            && self.shared.left.load(Ordering::Acquire) >= self.reserve();
        match &*failed {
            _ if is_ready => self.condition.ready(),
            Some(_) if room => self.condition.ready(),
            Some(failure) => self.condition.not_made(&failure.error),
            None => {}
        }
    }
}

/// Why there is no spare.
struct Unmade {
    error: Error,
    /// Whether a part of the file was written.
    filled: bool,
}

fn make<S: Storage>(storage: &S, bytes: u64, go_on: impl FnMut() -> bool) -> Result<Option<S::File>, Unmade> {
    let partial = storage.path(PARTIAL);
    let early = |error| Unmade { error, filled: false };
    let late = |error| Unmade { error, filled: true };
    let file = storage.create(PARTIAL).map_err(Error::io("create", &partial)).map_err(early)?;
    // Reserved first, so that a full disk is noticed before anything is written.
    let reserved = file.reserve(bytes).map_err(Error::io("reserve room for", &partial)).map_err(early);
    let filled = reserved
        .and_then(|()| storage::fill(&file, bytes, go_on).map_err(Error::io("fill", &partial)).map_err(late));
    if !matches!(filled, Ok(true)) {
        // An incomplete file would only use up space.
        let _ = storage.remove(PARTIAL);
        return filled.map(|_| None);
    }
    storage.rename(PARTIAL, READY).map_err(Error::io("rename", &partial)).map_err(late)?;
    storage.sync_names().map_err(Error::io("sync directory", storage.path(""))).map_err(late)?;
    Ok(Some(file))
}
