//! The spare: the next segment's file, made ahead of need, filled with zeros and synced.
//!
//! A write into blocks that are already allocated and written needs no commit of the file system's journal, which
//! nearly doubles the rate of small syncs. Filling a segment only when it is needed would delay every reply meanwhile.
//! When the spare is not ready in time, the writer continues in a file whose room is only reserved: each sync is
//! slower, but nothing waits. When there is no room for a spare, requests are refused before the current segment is
//! full.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::Error;
use crate::condition::Condition;
use crate::storage::{self, Storage};

/// Name of a spare that is still being made; removed after a crash.
pub(crate) const PARTIAL: &str = "spare.partial";
/// Name of a spare that is filled with zeros and synced.
pub(crate) const READY: &str = "spare.ready";
/// One part in this many of a segment is kept free, for requests under way when there is no room for another segment.
const RESERVE_PART: u64 = 16;

/// The next segment's file, ready or being made. Clones share it.
#[derive(Clone)]
pub(crate) struct Spare {
    shared: Arc<Shared>,
    /// Length of a spare. Bytes.
    bytes: u64,
    condition: Condition,
}

struct Shared {
    ready: AtomicBool,
    /// Whether the last attempt to make one failed.
    failed: AtomicBool,
    /// Whether a spare was ever ready. Before that, the room in the current segment does not count.
    had_one: AtomicBool,
    /// Room in the current segment. Bytes.
    left: AtomicU64,
}

impl Spare {
    /// Uses a spare that an earlier process left if it has the right length; otherwise removes it.
    pub fn new<S: Storage>(
        storage: &S,
        bytes: u64,
        names: &[String],
        condition: Condition,
    ) -> Result<Spare, Error> {
        use crate::storage::File as _;
        let left = names.iter().any(|name| name == READY);
        let len = || storage.read(READY)?.len();
        let ready = left && len().map_err(Error::io("read", storage.path(READY)))? == bytes;
        if left && !ready {
            storage.remove(READY).map_err(Error::io("remove", storage.path(READY)))?;
        }
        let shared = Shared {
            ready: AtomicBool::new(ready),
            failed: AtomicBool::new(false),
            had_one: AtomicBool::new(ready),
            left: AtomicU64::new(0),
        };
        Ok(Spare { shared: Arc::new(shared), bytes, condition })
    }

    /// Makes a spare, unless one is ready. `false` when `go_on` stopped it.
    pub fn make<S: Storage>(&self, storage: &S, go_on: impl Fn() -> bool) -> Result<bool, Error> {
        if self.is_ready() {
            self.judge("");
            return Ok(true);
        }
        let made = make(storage, self.bytes, go_on);
        self.shared.ready.store(matches!(made, Ok(true)), Ordering::Release);
        self.shared.failed.store(made.is_err(), Ordering::Release);
        if matches!(made, Ok(true)) {
            self.shared.had_one.store(true, Ordering::Release);
        }
        match &made {
            Ok(_) => self.judge(""),
            Err(error) => self.judge(&error.with_causes()),
        }
        made
    }

    /// Whether a spare is ready.
    pub fn is_ready(&self) -> bool {
        self.shared.ready.load(Ordering::Acquire)
    }

    /// Takes the spare; `false` when none is ready.
    pub fn take(&self) -> bool {
        self.shared.ready.swap(false, Ordering::AcqRel)
    }

    /// Sets the room left in the current segment, bytes.
    pub fn room_left(&self, bytes: u64) {
        self.shared.left.store(bytes, Ordering::Release);
        if bytes < self.reserve() && self.shared.failed.load(Ordering::Acquire) {
            self.judge("the next segment cannot be made");
        }
    }

    /// The room that is kept free in the current segment. Bytes.
    fn reserve(&self) -> u64 {
        self.bytes / RESERVE_PART
    }

    /// Updates the condition: whether there is room enough to take requests.
    fn judge(&self, why: &str) {
        let room = self.shared.had_one.load(Ordering::Acquire)
            && self.shared.left.load(Ordering::Acquire) >= self.reserve();
        if self.is_ready() || (room && self.shared.failed.load(Ordering::Acquire)) {
            self.condition.ready();
        } else if self.shared.failed.load(Ordering::Acquire) {
            self.condition.no_room(why.to_owned());
        }
    }
}

fn make<S: Storage>(storage: &S, bytes: u64, go_on: impl Fn() -> bool) -> Result<bool, Error> {
    let partial = storage.path(PARTIAL);
    let file = storage.create(PARTIAL).map_err(Error::io("create", &partial))?;
    let filled = storage::fill(&file, bytes, go_on).map_err(Error::io("fill", &partial));
    if !matches!(filled, Ok(true)) {
        // An incomplete file would only use up space.
        let _ = storage.remove(PARTIAL);
        return filled;
    }
    storage.rename(PARTIAL, READY).map_err(Error::io("rename", &partial))?;
    storage.sync_names().map_err(Error::io("sync directory", storage.path("")))?;
    Ok(true)
}
