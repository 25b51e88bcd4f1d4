//! The next segment's file, made ahead of need: zeros, synced, under a name of its own.
//!
//! A write into blocks that are allocated and written needs no file-system journal commit, which nearly
//! doubles the rate of small syncs; filling a segment at the moment it is needed would stall every reply for
//! its whole length. When the spare is late, the writer goes on in a file whose room is only reserved (slower per
//! sync, never a stall). When there is no room for it, requests are refused before the present segment is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::Error;
use crate::condition::Condition;
use crate::storage::{self, Storage};

/// A file still being made; of no use after a crash.
pub(crate) const PARTIAL: &str = "spare.partial";
/// A file wholly zero and synced.
pub(crate) const READY: &str = "spare.ready";
/// The part of a segment that is kept free for what is under way when there is no room for another.
const RESERVE_PART: u64 = 16;

/// The next segment's file: there, or being made. Clones share it.
#[derive(Clone)]
pub(crate) struct Spare {
    shared: Arc<Shared>,
    /// Length of a spare. Bytes.
    bytes: u64,
    condition: Condition,
}

struct Shared {
    ready: AtomicBool,
    /// The last attempt to make one failed.
    failed: AtomicBool,
    /// Until the first one is there, the present segment's room does not count.
    had_one: AtomicBool,
    /// What the present segment has room for. Bytes.
    left: AtomicU64,
}

impl Spare {
    /// Adopts a spare of an earlier life where it has the right length, else removes it.
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

    /// Makes a spare, where none is ready. `false`: `go_on` ended it.
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
            Err(error) => {
                let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
                self.judge(&format!("{error}: {cause}"));
            }
        }
        made
    }

    /// Whether a spare is there.
    pub fn is_ready(&self) -> bool {
        self.shared.ready.load(Ordering::Acquire)
    }

    /// Whether a spare is there; the caller uses it up.
    pub fn take(&self) -> bool {
        self.shared.ready.swap(false, Ordering::AcqRel)
    }

    /// The present segment has room for so many bytes more.
    pub fn room_left(&self, bytes: u64) {
        self.shared.left.store(bytes, Ordering::Release);
        if bytes < self.reserve() && self.shared.failed.load(Ordering::Acquire) {
            self.judge("the next segment cannot be made");
        }
    }

    /// What is kept free in the present segment. Bytes.
    fn reserve(&self) -> u64 {
        self.bytes / RESERVE_PART
    }

    /// Says whether there is room enough to take requests.
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
        // Space held by half a file would only bring the next failure nearer.
        let _ = storage.remove(PARTIAL);
        return filled;
    }
    storage.rename(PARTIAL, READY).map_err(Error::io("rename", &partial))?;
    storage.sync_names().map_err(Error::io("sync directory", storage.path("")))?;
    Ok(true)
}
