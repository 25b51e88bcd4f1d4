//! The journal's helper: a thread beside the writer that makes spare segments, notes the log's end, and checks that
//! the files are still there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crate::Error;
use crate::condition::Condition;
use crate::spare::Spare;
use crate::storage::Storage;
use crate::watch::{Present, Watch};

/// Longest time between two checks of the files, also while a spare is filled.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The running helper. Dropping it waits until the thread has ended and writes no more.
pub(crate) struct Helper {
    stop: Arc<AtomicBool>,
    wanted: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Helper {
    /// Starts the thread, and asks for the first spare.
    pub fn start<S: Storage>(
        storage: S,
        spare: Spare<S::File>,
        present: Arc<Present<S>>,
        condition: Condition,
    ) -> Result<Helper, Error> {
        let (wanted, requests) = mpsc::channel::<()>();
        let stop = Arc::new(AtomicBool::new(false));
        let path = storage.path("");
        let watch = Watch::new(storage.clone(), present.clone())?;
        let guard = Guard {
            storage: storage.clone(),
            present,
            condition,
            watch,
            checked: Instant::now(),
            refused: false,
        };
        let work = Work { storage, spare, guard, stop: stop.clone() };
        let thread = Builder::new().name("hub-journal-helper".into()).spawn(move || work.run(&requests));
        let thread = thread.map_err(Error::io("start the helper's thread for", path))?;
        let helper = Helper { stop, wanted: Some(wanted), thread: Some(thread) };
        helper.ask();
        Ok(helper)
    }

    /// Asks for another spare, after the last one was renamed.
    pub fn ask(&self) {
        if let Some(wanted) = &self.wanted {
            // This fails only if the helper panicked; then segments are made when they are needed.
            let _ = wanted.send(());
        }
    }
}

impl Drop for Helper {
    /// Waits for the helper: it must not write once the lock is released.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wanted = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Work<S: Storage> {
    storage: S,
    spare: Spare<S::File>,
    guard: Guard<S>,
    stop: Arc<AtomicBool>,
}

impl<S: Storage> Work<S> {
    fn run(mut self, requests: &mpsc::Receiver<()>) {
        loop {
            match requests.recv_timeout(CHECK_EVERY) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.guard.check();
            let (guard, stop) = (&mut self.guard, &self.stop);
            self.spare.make(&self.storage, || {
                if guard.checked.elapsed() >= CHECK_EVERY {
                    guard.check();
                }
                !stop.load(Ordering::Relaxed)
            });
        }
    }
}

/// Notes the log's end, and stops the log when its files are gone.
struct Guard<S: Storage> {
    storage: S,
    present: Arc<Present<S>>,
    condition: Condition,
    watch: Watch<S>,
    /// When the files were checked last.
    checked: Instant,
    /// Whether the system refused the last check.
    refused: bool,
}

impl<S: Storage> Guard<S> {
    fn check(&mut self) {
        // Copied first, so that no lock is held during a write.
        let noted = *self.present.noted.lock();
        self.present.notes.note(&noted, false);
        // A disk that cannot be asked is not known to be full.
        self.condition.has_free(self.storage.free().unwrap_or_default());
        let checked = self.watch.check();
        self.checked = Instant::now();
        self.refused = match checked {
            Ok(()) => false,
            Err(error) if error.tells_of_loss() => {
                self.condition.lost(&error);
                false
            }
            Err(error) => {
                if !self.refused {
                    let error = error.with_causes();
                    tracing::warn!(error, "the files of the log cannot be checked; it is tried again");
                }
                true
            }
        };
    }
}
