//! Makes the next segment's file ahead of need: zeros, synced, under a name of its own.
//!
//! A write into blocks that are allocated and written needs no file-system journal commit, which nearly
//! doubles the rate of small syncs; filling a segment at the moment it is needed would stall every reply for
//! its whole length. When the spare is late, the writer goes on in a file that grows (slower per sync, never
//! a stall).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{Builder, JoinHandle};

use crate::Error;
use crate::storage::{self, File, Storage};

/// A file still being made; of no use after a crash.
pub(crate) const PARTIAL: &str = "spare.partial";
/// A file wholly zero and synced.
pub(crate) const READY: &str = "spare.ready";

/// The next segment's file: there, or being made.
pub(crate) struct Spare {
    shared: Arc<Shared>,
    helper: Option<Helper>,
}

struct Shared {
    ready: AtomicBool,
    stop: AtomicBool,
}

struct Helper {
    wanted: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Spare {
    /// Adopts a spare of an earlier life where it has the right length, else removes it.
    pub fn new<S: Storage>(storage: &S, bytes: u64, names: &[String]) -> Result<Spare, Error> {
        let left = names.iter().any(|name| name == READY);
        let len = || storage.read(READY)?.len();
        let ready = left && len().map_err(Error::io("read", storage.path(READY)))? == bytes;
        if left && !ready {
            storage.remove(READY).map_err(Error::io("remove", storage.path(READY)))?;
        }
        let shared = Shared { ready: AtomicBool::new(ready), stop: AtomicBool::new(false) };
        Ok(Spare { shared: Arc::new(shared), helper: None })
    }

    /// Starts the thread that makes spares, and asks for the first.
    pub fn start<S: Storage>(&mut self, storage: S, bytes: u64) {
        let (wanted, requests) = mpsc::channel::<()>();
        let shared = self.shared.clone();
        let work = move || {
            for () in requests {
                if shared.ready.load(Ordering::Acquire) {
                    continue;
                }
                match make(&storage, bytes, || !shared.stop.load(Ordering::Relaxed)) {
                    Ok(made) => shared.ready.store(made, Ordering::Release),
                    Err(error) => {
                        let cause = std::error::Error::source(&error).map(ToString::to_string);
                        tracing::warn!(%error, cause, "no spare segment; the log goes on in a growing one");
                    }
                }
            }
        };
        // Without the thread the log still works, in growing segments.
        match Builder::new().name("hub-journal-spare".into()).spawn(work) {
            Ok(thread) => self.helper = Some(Helper { wanted: Some(wanted), thread: Some(thread) }),
            Err(error) => {
                tracing::warn!(%error, "no thread for spare segments; the log goes on in growing ones")
            }
        }
        self.ask();
    }

    /// Makes a spare here and now, where none is ready.
    pub fn make_now<S: Storage>(&mut self, storage: &S, bytes: u64) -> Result<(), Error> {
        if !self.shared.ready.load(Ordering::Acquire) {
            let made = make(storage, bytes, || true)?;
            self.shared.ready.store(made, Ordering::Release);
        }
        Ok(())
    }

    /// Whether a spare is there; the caller uses it up.
    pub fn take(&mut self) -> bool {
        self.shared.ready.swap(false, Ordering::AcqRel)
    }

    /// Asks for another, once the last one's name is gone.
    pub fn ask(&self) {
        if let Some(wanted) = self.helper.as_ref().and_then(|helper| helper.wanted.as_ref()) {
            // The helper outlives this sender unless it panicked; then segments grow.
            let _ = wanted.send(());
        }
    }
}

impl Drop for Spare {
    /// Waits for the helper: it must not write once the lock is released.
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(helper) = &mut self.helper {
            helper.wanted = None;
            if let Some(thread) = helper.thread.take() {
                let _ = thread.join();
            }
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
