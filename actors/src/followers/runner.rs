//! The followers' runner: a thread that reads the log behind its writer and hands each record to one follower.
//!
//! The runner lowers the priority of the thread, opens the log, rests while there is nothing to read, opens the log
//! again after a failure, reports damage to the journal's condition, and ends when it is dropped. A follower says where
//! it begins, what it does with a record, and what comes when it has read enough. Play never waits for either.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use journal::{Entry, Journal, Lsn, Reader};
use rustix::process::setpriority_process;

use crate::{messages::output::Output, panics::AbortOnPanic};

/// Where a follower stands: its cursor, as it goes on.
pub type Progress = Arc<AtomicU64>;

/// What one follower does with the log.
pub trait Follower: Send + 'static {
    /// Its name in the log of the process, for instance `the scrub`.
    const NAME: &'static str;
    /// Name of its thread, at most 15 bytes.
    const THREAD: &'static str;
    /// Scheduling priority of its thread: above 0, so that play goes first where there are fewer cores than work.
    const NICE: i32;
    /// Whether it still reads, after it is told to end, what was accepted before. Otherwise it ends within a record.
    const FINISHES: bool;

    /// The last record it needs no more: whenever the log is opened, it is read from the one after.
    fn cursor(&self) -> Lsn;

    /// Opens the log where it goes on. One that reads whatever the log still has overrides this.
    ///
    /// # Errors
    /// When the log cannot be read there.
    fn open(&self, directory: &Path) -> Result<Reader, journal::Error> {
        Reader::open(directory, self.cursor())
    }

    /// The last record it wants now; never above `durable`. The batch of that record is read to its end.
    fn limit(&mut self, durable: Lsn) -> Lsn;

    /// Takes the next record. Returns how long to pause after it, if at all.
    fn take(&mut self, entry: &Entry<'_>) -> Option<Duration>;

    /// Everything up to the limit was taken, and the rest of its batch. `at` is the end of that batch.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    fn reached(&mut self, at: &journal::Cursor, stopping: bool) -> Result<Next, journal::Error>;

    /// A file could not be read or written, and it is no damage. Logs it, and says when to try again.
    fn failed(&mut self, error: &journal::Error) -> Duration;
}

/// What comes after the limit. Unless more is to be read, a follower that is told to end ends here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// More is read at once.
    Read,
    /// More is read after this time.
    ReadAfter(Duration),
    /// More is read from here; after this time, if the cursor is at the end of the log.
    Rest(Duration),
    /// The log is read from the cursor again, after this time.
    Restart(Duration),
}

/// A running follower. Told to end when dropped, and waited for.
pub struct Running {
    stop: Arc<AtomicBool>,
    progress: Progress,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts a follower of `journal`, whose files are in `directory`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start<F: Follower>(follower: F, directory: PathBuf, journal: Journal<Output>) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let progress = Arc::new(AtomicU64::new(follower.cursor().0));
        let mut run = Run { follower, directory, journal, stop: stop.clone(), progress: progress.clone() };
        let thread = thread::Builder::new().name(F::THREAD.into()).spawn(move || {
            let _guard = AbortOnPanic(F::NAME);
            step_back::<F>();
            run.until_stopped();
        })?;
        Ok(Self { stop, progress, thread: Some(thread) })
    }

    /// Where it stands, as it goes on.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // The thread has not panicked: a panic in it ends the process.
            let _ = thread.join();
        }
    }
}

/// Lowers the priority of the calling thread, so that play goes first when there are too few cores. On Linux, "this
/// process" is the calling thread.
fn step_back<F: Follower>() {
    if setpriority_process(None, F::NICE).is_err() {
        tracing::debug!(follower = F::NAME, "a follower keeps the priority of play");
    }
}

struct Run<F> {
    follower: F,
    directory: PathBuf,
    journal: Journal<Output>,
    stop: Arc<AtomicBool>,
    progress: Progress,
}

impl<F: Follower> Run<F> {
    fn until_stopped(&mut self) {
        while !self.ends_at_once()
            && let Err(error) = self.follow()
        {
            if self.is_stopping() {
                return;
            }
            if error.tells_of_damage() {
                return self.journal.condition().unsound(error.with_causes());
            }
            thread::park_timeout(self.follower.failed(&error));
        }
    }

    /// Reads until the follower is told to end.
    fn follow(&mut self) -> Result<(), journal::Error> {
        let mut reader = self.follower.open(&self.directory)?;
        loop {
            if self.ends_at_once() {
                return Ok(());
            }
            // Loaded before the log is read: everything that was accepted before the stop is then read.
            let stopping = self.is_stopping();
            let limit = self.follower.limit(self.journal.durable());
            while let Some(entry) = reader.next(limit)? {
                if let Some(pause) = self.follower.take(&entry) {
                    thread::park_timeout(pause);
                }
                if self.ends_at_once() {
                    return Ok(());
                }
            }
            let cursor = self.follower.cursor();
            self.progress.store(cursor.0, Relaxed);
            match self.follower.reached(&reader.cursor(), stopping)? {
                Next::Read => {}
                Next::ReadAfter(time) => thread::park_timeout(time),
                Next::Rest(_) | Next::Restart(_) if stopping => return Ok(()),
                Next::Rest(time) => {
                    if cursor >= self.journal.durable() {
                        thread::park_timeout(time);
                    }
                }
                Next::Restart(time) => {
                    thread::park_timeout(time);
                    if self.ends_at_once() {
                        return Ok(());
                    }
                    reader = self.follower.open(&self.directory)?;
                }
            }
        }
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Relaxed)
    }

    fn ends_at_once(&self) -> bool {
        !F::FINISHES && self.is_stopping()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Sender};

    use super::*;
    use crate::followers::log;

    /// Tells every record it takes, and rests until it is woken when there are no more.
    struct Listener<const FINISHES: bool> {
        cursor: Lsn,
        heard: Sender<(u64, usize)>,
    }

    impl<const FINISHES: bool> Follower for Listener<FINISHES> {
        const NAME: &'static str = "a listener";
        const THREAD: &'static str = "listener";
        const NICE: i32 = 1;
        const FINISHES: bool = FINISHES;

        fn cursor(&self) -> Lsn {
            self.cursor
        }

        fn limit(&mut self, durable: Lsn) -> Lsn {
            durable
        }

        fn take(&mut self, entry: &Entry<'_>) -> Option<Duration> {
            self.cursor = entry.lsn;
            self.heard.send((entry.lsn.0, entry.bytes.len())).expect("the test listens");
            (!FINISHES).then_some(Duration::MAX)
        }

        fn reached(&mut self, _: &journal::Cursor, _: bool) -> Result<Next, journal::Error> {
            Ok(Next::Rest(Duration::from_millis(1)))
        }

        fn failed(&mut self, error: &journal::Error) -> Duration {
            panic!("{error}")
        }
    }

    #[test]
    fn each_record_behind_the_cursor_is_taken_once_and_so_are_those_accepted_before_the_stop() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = log::filled(&directory, 3);
        let (heard, listened) = mpsc::channel();
        let follower = Listener::<true> { cursor: Lsn(1), heard };
        let running =
            Running::start(follower, directory.path().to_owned(), journal.clone()).expect("a thread");
        let first: Vec<_> = listened.iter().take(2).collect();
        assert_eq!(first, [(2, 100), (3, 100)]);
        for length in [1, 2] {
            journal.append(vec![0; length], Output::Nothing);
        }
        journal.stop();
        let progress = running.progress();
        drop(running);
        assert_eq!(listened.try_iter().collect::<Vec<_>>(), [(4, 1), (5, 2)]);
        assert_eq!(progress.load(Relaxed), 5);
    }

    #[test]
    fn one_that_does_not_finish_ends_in_its_pause() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = log::filled(&directory, 3);
        let (heard, listened) = mpsc::channel();
        let follower = Listener::<false> { cursor: Lsn(0), heard };
        let running =
            Running::start(follower, directory.path().to_owned(), journal.clone()).expect("a thread");
        assert_eq!(listened.recv(), Ok((1, 100)));
        drop(running);
        assert_eq!(listened.try_iter().count(), 0);
    }

    #[test]
    fn a_follower_that_meets_damage_makes_the_log_unsound_and_ends() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = log::filled(&directory, 3);
        log::flip(&directory, 600);
        let (heard, listened) = mpsc::channel();
        let follower = Listener::<true> { cursor: Lsn(0), heard };
        let running =
            Running::start(follower, directory.path().to_owned(), journal.clone()).expect("a thread");
        log::becomes_unsound(&journal, "at offset 512");
        drop(running);
        assert!(listened.try_iter().count() < 3);
    }
}
