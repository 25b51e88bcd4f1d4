//! The checkpoint writer: a second copy of the world that follows the log and writes itself down.
//!
//! Play never waits for it: it reads what is durable on a thread of its own. It refuses, like replay, a record
//! that does not fit and a digest that is not its own, so a live state that has parted from the log is found here.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use engine::{Record, World, checkpoint};
use journal::{Journal, Lsn, Reader};

use crate::gate::Release;

/// How long the follower rests when it has read all there is, milliseconds.
const REST_MS: u64 = 200;

/// A running checkpoint writer. Stops when dropped.
pub struct CheckpointWriter {
    stop: Arc<AtomicBool>,
    progress: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// Why the follower ended.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("failed to read or write")]
    Journal(#[from] journal::Error),
    #[error("record {lsn} cannot be read")]
    Record { lsn: u64, source: engine::DecodeError },
    #[error("record {lsn} does not fit the copy")]
    Broken { lsn: u64, source: engine::Broken },
}

impl CheckpointWriter {
    /// Starts to follow `journal` from where `world` stands, and writes a checkpoint every so many records after
    /// `written`, the last one there is.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        directory: PathBuf,
        journal: Journal<Release>,
        world: World,
        every: u64,
        written: u64,
    ) -> std::io::Result<Self> {
        let (stop, progress) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let thread = {
            let (stop, progress) = (stop.clone(), progress.clone());
            thread::Builder::new().name("hub-checkpoint".into()).spawn(move || {
                let mut follower = Follower { directory, journal, world, every, written };
                if let Err(fault) = follower.run(&stop, &progress) {
                    let cause =
                        std::error::Error::source(&fault).map(ToString::to_string).unwrap_or_default();
                    tracing::error!(%fault, cause, "no more checkpoints are written; the log itself goes on");
                }
            })?
        };
        Ok(Self { stop, progress, thread: Some(thread) })
    }

    /// The last record the copy has applied.
    #[must_use]
    pub fn progress(&self) -> u64 {
        self.progress.load(Relaxed)
    }
}

impl Drop for CheckpointWriter {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the checkpoint writer panicked");
            }
        }
    }
}

struct Follower {
    directory: PathBuf,
    journal: Journal<Release>,
    world: World,
    every: u64,
    written: u64,
}

impl Follower {
    fn run(&mut self, stop: &AtomicBool, progress: &AtomicU64) -> Result<(), Fault> {
        let mut reader = Reader::open(&self.directory, Lsn(self.world.books.lsn()))?;
        loop {
            // Asked before reading: what was accepted before the stop is read, so an orderly stop is written down.
            let stopping = stop.load(Relaxed);
            self.read(&mut reader)?;
            let lsn = self.world.books.lsn();
            progress.store(lsn, Relaxed);
            let due = if stopping { self.every.div_ceil(10) } else { self.every };
            if lsn >= self.written + due {
                let bytes = checkpoint::encode(&self.world);
                journal::checkpoint::write(&self.directory, Lsn(lsn), reader.hash(), &bytes)?;
                tracing::info!(lsn, bytes = bytes.len(), "checkpoint written");
                self.written = lsn;
            } else if stopping {
                return Ok(());
            } else if lsn >= self.journal.durable().0 {
                thread::park_timeout(Duration::from_millis(REST_MS));
            }
        }
    }

    /// Applies what is durable, up to the next checkpoint.
    fn read(&mut self, reader: &mut Reader) -> Result<(), Fault> {
        let limit = self.journal.durable().min(Lsn(self.written + self.every));
        while let Some(entry) = reader.next(limit)? {
            let lsn = entry.lsn.0;
            let record = Record::decode(entry.bytes).map_err(|source| Fault::Record { lsn, source })?;
            self.world.apply(&record).map_err(|source| Fault::Broken { lsn, source })?;
        }
        Ok(())
    }
}
