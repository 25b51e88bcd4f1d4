//! The journal's helper: a thread beside the writer that makes spare segments, notes the log's end, and checks that
//! the files are still there.
//!
//! When a file is removed, cut or replaced, or the directory is unmounted, the writer's open handle still works: writes
//! and syncs succeed, on a file that the next start will not find. So the helper looks up the names by path, once a
//! second.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

use crate::condition::Condition;
use crate::noted::{Noted, Notes};
use crate::scan::{self, segment_name};
use crate::spare::Spare;
use crate::storage::{File, FileIdentity, Storage};
use crate::{Error, Lsn};

/// Longest time between two checks of the files.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The state that the writer shares with the helper.
pub(crate) struct Present<S: Storage> {
    /// The durable end of the log.
    pub noted: Mutex<Noted>,
    /// The segment being written.
    pub segment: Mutex<OpenSegment>,
    pub notes: Notes<S::File>,
}

/// The segment that is open for writing, as it must be found under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenSegment {
    pub first: Lsn,
    pub identity: FileIdentity,
    /// Length. Bytes.
    pub bytes: u64,
}

impl OpenSegment {
    /// The segment of an open handle.
    pub fn of<S: Storage>(storage: &S, file: &S::File, first: Lsn, bytes: u64) -> Result<OpenSegment, Error> {
        let identity = file.identity().map_err(Error::io("look at", storage.path(&segment_name(first))))?;
        Ok(OpenSegment { first, identity, bytes })
    }
}

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
        spare: Spare,
        present: Arc<Present<S>>,
        condition: Condition,
    ) -> Result<Helper, Error> {
        let (wanted, requests) = mpsc::channel::<()>();
        let stop = Arc::new(AtomicBool::new(false));
        let path = storage.path("");
        let watch = Watch::new(storage.clone(), present.clone())?;
        let stopped = stop.clone();
        let work = move || Work { storage, spare, present, condition, watch, stop: stopped }.run(&requests);
        let thread = Builder::new().name("hub-journal-helper".into()).spawn(work);
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
    spare: Spare,
    present: Arc<Present<S>>,
    condition: Condition,
    watch: Watch<S>,
    stop: Arc<AtomicBool>,
}

impl<S: Storage> Work<S> {
    fn run(mut self, requests: &mpsc::Receiver<()>) {
        loop {
            match requests.recv_timeout(LOOK_EVERY) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // Copied first, so that no lock is held during a write.
            let noted = *self.present.noted.lock();
            self.present.notes.note(&noted, false);
            if let Err(error) = self.watch.look() {
                self.condition.unsound(error.with_causes());
            }
            if self.spare.make(&self.storage, || !self.stop.load(Ordering::Relaxed)).is_err() {
                tracing::debug!("no spare segment could be made; tried again in a second");
            }
        }
    }
}

/// Checks that the files of the log are still in place.
pub(crate) struct Watch<S: Storage> {
    storage: S,
    present: Arc<Present<S>>,
    directory: FileIdentity,
    /// Every segment that was seen, by its first lsn.
    segments: BTreeSet<Lsn>,
}

impl<S: Storage> Watch<S> {
    /// Remembers the directory and the segments of now.
    pub fn new(storage: S, present: Arc<Present<S>>) -> Result<Watch<S>, Error> {
        let directory = storage.identity("").map_err(Error::io("look at", storage.path("")))?;
        let segments = scan::segments(&storage)?.into_iter().collect();
        Ok(Watch { storage, present, directory, segments })
    }

    /// Checks the directory and the segments; the error says what is missing, shorter or replaced.
    pub fn look(&mut self) -> Result<(), Error> {
        let gone = |what| Error::Gone { dir: self.storage.path(""), what };
        match self.storage.identity("") {
            Ok(found) if found == self.directory => {}
            Ok(_) => return Err(gone("another directory is in its place")),
            Err(source) => return Err(Error::io("look at", self.storage.path(""))(source)),
        }
        // Repeated when the writer has changed the segment meanwhile.
        loop {
            let open = *self.present.segment.lock();
            let looked = self.look_at(&open);
            if *self.present.segment.lock() == open {
                return looked;
            }
        }
    }

    fn look_at(&mut self, open: &OpenSegment) -> Result<(), Error> {
        let names: BTreeSet<Lsn> = scan::segments(&self.storage)?.into_iter().collect();
        self.segments.insert(open.first);
        let missing = |lsn: Lsn| Error::Missing {
            place: self.storage.path(&segment_name(lsn)),
            lsn,
            what: "the file was there, and is not any more",
        };
        if let Some(lsn) = self.segments.difference(&names).next() {
            return Err(missing(*lsn));
        }
        let name = segment_name(open.first);
        let path = self.storage.path(&name);
        let file = self.storage.read(&name).map_err(Error::io("look at", &path))?;
        let (found, len) = file
            .identity()
            .and_then(|found| Ok((found, file.len()?)))
            .map_err(Error::io("look at", &path))?;
        if found != open.identity {
            let what = "another file has the name of the segment that is being written";
            return Err(Error::Damaged { file: path, offset: 0, what });
        }
        if len < open.bytes {
            let what = "the file is shorter than it was made; records are missing";
            return Err(Error::Damaged { file: path, offset: len, what });
        }
        Ok(())
    }
}
