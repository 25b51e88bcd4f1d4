//! The followers' runner: a thread that reads the log behind its writer and hands each record to one follower.
//!
//! The runner puts the thread behind play, opens the log, waits until more is durable, opens the log again after
//! a failure or a panic, reads what was removed from the log in the archive where there is one, reports damage to the
//! journal's condition, and ends when it is dropped. A follower says where it begins, what it does with a record, and
//! what comes when it has read enough. Play never waits for either.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle, Thread},
    time::Duration,
};

use journal::{Entry, Journal, Lsn, RecordReader};
use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy, unix};

use super::progress::Progress;
use crate::messages::output::Output;

/// What one follower does with the log.
pub trait Follower: Send + 'static {
    /// Its name in the log of the process, for instance `the scrub`.
    const NAME: &'static str;
    /// Name of its thread, at most 15 bytes.
    const THREAD: &'static str;
    /// How far its thread stands behind play where there are fewer cores than work.
    const SHARE: CpuShare;
    /// Whether it still reads, after it is told to end, what was accepted before. Otherwise it ends within a record.
    const FINISHES: bool;
    /// How long it lets records gather when it was woken by one: it is woken no more often than this.
    const GATHER: Duration;
    /// How long it waits after a panic before it goes on from its cursor.
    const AGAIN_AFTER: Duration = Duration::from_secs(10);

    /// The last record it needs no more: whenever the log is opened, it is read from the one after.
    fn cursor(&self) -> Lsn;

    /// Opens the log where it goes on. One that reads whatever the log still has overrides this.
    ///
    /// # Errors
    /// When the log cannot be read there.
    fn open(&self, journal: &Journal<Output>) -> Result<Box<dyn RecordReader>, journal::Error> {
        journal.read(self.cursor())
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

    /// Goes back to what it was at its last durable cursor: it has panicked, and nothing since then is to be believed.
    ///
    /// # Errors
    /// When it cannot; why.
    fn again(&mut self) -> Result<(), String>;
}

/// What a follower's thread gets of a machine that has fewer cores than work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CpuShare {
    /// About a tenth of what a thread of play gets: a nice value of 10.
    Small,
    /// What nobody else wants: every other thread that wakes up runs at once instead (Linux's `SCHED_IDLE`).
    Leftover,
}

impl CpuShare {
    /// Gives the calling thread this share. Whether the kernel agrees.
    fn take(self) -> bool {
        match self {
            // On Linux, "this process" is the calling thread.
            Self::Small => rustix::process::setpriority_process(None, 10).is_ok(),
            Self::Leftover => unix::set_thread_priority_and_policy(
                unix::thread_native_id(),
                ThreadPriority::Min,
                ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle),
            )
            .is_ok(),
        }
    }
}

/// What comes after the limit. Unless more is to be read, a follower that is told to end ends here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// More is read at once.
    Read,
    /// More is read after this time.
    ReadAfter(Duration),
    /// More is read from here as soon as there is more, and at the latest after this time.
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
    /// Starts a follower of `journal`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start<F: Follower>(follower: F, journal: Journal<Output>) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let progress = Progress::at(follower.cursor());
        let mut run = Run { follower, journal, stop: stop.clone(), progress: progress.clone() };
        let thread = thread::Builder::new().name(F::THREAD.into()).spawn(move || {
            if !F::SHARE.take() {
                tracing::debug!(follower = F::NAME, "a follower keeps the priority of play");
            }
            run.until_stopped();
        })?;
        Ok(Self { stop, progress, thread: Some(thread) })
    }

    /// Its thread: unparked, it looks at once what is to be done.
    ///
    /// # Panics
    /// Never: the thread is there until this is dropped.
    #[must_use]
    pub fn thread(&self) -> Thread {
        self.thread.as_ref().expect("it is taken only when this is dropped").thread().clone()
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
            // A panic in the thread was logged when it happened.
            let _ = thread.join();
        }
    }
}

struct Run<F> {
    follower: F,
    journal: Journal<Output>,
    stop: Arc<AtomicBool>,
    progress: Progress,
}

impl<F: Follower> Run<F> {
    fn until_stopped(&mut self) {
        let mut panicked = false;
        while !self.ends_at_once() {
            if panicked {
                if self.is_stopping() {
                    return;
                }
                thread::park_timeout(F::AGAIN_AFTER);
            }
            match catch_unwind(AssertUnwindSafe(|| self.follow(panicked))) {
                Ok(Ok(())) => return,
                Ok(Err(Interrupted::Log(error))) => {
                    panicked = false;
                    if self.is_stopping() {
                        return;
                    }
                    if matches!(error, journal::Error::Removed { .. }) && self.journal.reads_removed() {
                        continue; // What was removed meanwhile is read elsewhere.
                    }
                    if error.tells_of_damage() {
                        return self.journal.condition().unsound(error.with_causes());
                    }
                    thread::park_timeout(self.follower.failed(&error));
                }
                Ok(Err(Interrupted::StillBroken(why))) => {
                    tracing::error!(
                        follower = F::NAME,
                        why,
                        "a follower cannot go on after a panic; tried again in a while"
                    );
                }
                Err(_) => {
                    panicked = true;
                    self.progress.panicked();
                    tracing::error!(
                        follower = F::NAME,
                        "a follower has panicked; play goes on, and the follower goes on from its cursor in a while"
                    );
                }
            }
        }
    }

    /// Reads until the follower is told to end.
    fn follow(&mut self, panicked: bool) -> Result<(), Interrupted> {
        if panicked {
            self.follower.again().map_err(Interrupted::StillBroken)?;
        }
        let mut reader = self.follower.open(&self.journal)?;
        loop {
            if self.ends_at_once() {
                return Ok(());
            }
            // Loaded before the log is read: everything that was accepted before the stop is then read.
            let stopping = self.is_stopping();
            let durable = self.journal.durable();
            self.progress.moves_to(self.follower.cursor(), durable);
            let limit = self.follower.limit(durable);
            while let Some(entry) = reader.next(limit)? {
                if let Some(pause) = self.follower.take(&entry) {
                    thread::park_timeout(pause);
                }
                if self.ends_at_once() {
                    return Ok(());
                }
            }
            let cursor = self.follower.cursor();
            self.progress.moves_to(cursor, durable);
            match self.follower.reached(&reader.cursor(), stopping)? {
                Next::Read => {}
                Next::ReadAfter(time) => thread::park_timeout(time),
                Next::Rest(_) | Next::Restart(_) if stopping => return Ok(()),
                Next::Rest(longest) => self.rest(cursor, longest),
                Next::Restart(time) => {
                    thread::park_timeout(time);
                    if self.ends_at_once() {
                        return Ok(());
                    }
                    reader = self.follower.open(&self.journal)?;
                }
            }
        }
    }

    /// Waits until there is more behind the cursor, and then lets some more gather.
    fn rest(&self, cursor: Lsn, longest: Duration) {
        if cursor < self.journal.durable() {
            return;
        }
        self.journal.wait_for_more(cursor, longest);
        if !self.is_stopping() {
            thread::park_timeout(F::GATHER);
        }
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Relaxed)
    }

    fn ends_at_once(&self) -> bool {
        !F::FINISHES && self.is_stopping()
    }
}

/// Why a follower has stopped to read.
enum Interrupted {
    /// The log cannot be read, or a file of the follower.
    Log(journal::Error),
    /// It has panicked, and cannot go back to its cursor.
    StillBroken(String),
}

impl From<journal::Error> for Interrupted {
    fn from(error: journal::Error) -> Self {
        Self::Log(error)
    }
}

#[cfg(test)]
mod tests;
