//! The follower that keeps the state store: a copy of the state follows the log, and what has changed in it is committed
//! every one to ten seconds.
//!
//! Play never waits for it: it reads what is durable on a thread of its own. Like replay it refuses a record that does
//! not fit, and a digest that differs from its own; so it notices when the live state differs from the log. That ends
//! the process. A panic does not: the copy goes back to the last commit, and on from there.

use std::{
    error::Error as _,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use engine::Parted;
use journal::{Condition, Entry, Journal, Lsn};

use super::{
    Progress,
    runner::{CpuShare, Follower, Next, Running},
};
use crate::{
    messages::output::Output,
    stored::{ADVICE, Keeper, Stored, UNCOMMITTED_MAX},
};

/// How long it waits after a failure to read or write.
const RETRY: Duration = Duration::from_secs(10);

/// Shortest time between two commits: each costs a few syncs of the disk that the log is on.
const COMMIT_AFTER: Duration = Duration::from_secs(1);

/// How long it rests after a piece of a merge, as a multiple of the time that the piece took: merges take a quarter of a
/// core at most.
const REST_OF_MERGES: u32 = 3;

/// Longest rest after a piece: one that took long, for instance because the disk was busy, does not let merges fall behind.
const REST_MAX: Duration = Duration::from_millis(250);

/// With more merges due than this it does not rest between them.
const MERGES_BEHIND: u64 = 64;

/// Longest time that a record waits for its commit, however few there are.
const COMMIT_WITHIN: Duration = Duration::from_secs(10);

/// How often somebody who waits for a commit looks whether it is there.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The running follower. Stops when dropped.
pub struct StateStore {
    running: Running,
    stored: Progress,
    wanted: Wanted,
}

/// The last record that somebody waits for to be committed. Clones share it.
type Wanted = Arc<AtomicU64>;

/// Asks the follower for a commit now.
#[derive(Debug, Clone)]
pub struct CommitNow {
    wanted: Wanted,
    stored: Progress,
    follower: Thread,
}

impl CommitNow {
    /// Waits until the store stands for this record or a later one, which is durable, at most so long. Returns whether it
    /// does.
    #[must_use]
    pub fn reaches(&self, lsn: Lsn, within: Duration) -> bool {
        let began = Instant::now();
        self.wanted.fetch_max(lsn.0, Relaxed);
        self.follower.unpark();
        while self.stored.lsn() < lsn {
            if began.elapsed() >= within {
                return false;
            }
            thread::sleep(LOOK_EVERY);
        }
        true
    }
}

impl StateStore {
    /// Starts to follow `journal` from where the store stands, and commits about every so many records. Each commit is told
    /// to `committed`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        keeper: Keeper,
        journal: Journal<Output>,
        every: u64,
        committed: impl Fn(Stored) + Send + 'static,
    ) -> io::Result<Self> {
        let stored = Progress::at(keeper.cursor().lsn);
        let keeping = Keeping {
            keeper,
            every,
            last: Instant::now(),
            log: journal.condition().clone(),
            committed: Box::new(committed),
            stored: stored.clone(),
            durable: Lsn(0),
            halted: None,
            wanted: Wanted::default(),
        };
        let wanted = keeping.wanted.clone();
        Ok(Self { running: Running::start(keeping, journal)?, stored, wanted })
    }

    /// A way to ask for a commit.
    #[must_use]
    pub fn commit_now(&self) -> CommitNow {
        let (wanted, stored) = (self.wanted.clone(), self.stored.clone());
        CommitNow { wanted, stored, follower: self.running.thread() }
    }

    /// The last record that the copy has taken, as it goes on.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.running.progress()
    }

    /// The last record that the store stands for, as it goes on.
    #[must_use]
    pub fn stored(&self) -> Progress {
        self.stored.clone()
    }
}

/// The copy with its store.
struct Keeping {
    keeper: Keeper,
    every: u64,
    /// When it was committed last.
    last: Instant,
    log: Condition,
    committed: Box<dyn Fn(Stored) + Send>,
    stored: Progress,
    /// The last durable record when the follower looked last.
    durable: Lsn,
    /// The store cannot be read: nothing more is taken, of the same batch neither.
    halted: Option<Halt>,
    wanted: Wanted,
}

/// Why the copy takes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Halt {
    /// An operation of the system failed, such as opening a file when too many are open.
    ForNow,
    /// The store is damaged.
    ForGood,
}

impl Keeping {
    fn is_due(&self, stopping: bool) -> bool {
        let (waiting, since) = (self.keeper.uncommitted(), self.last.elapsed());
        let due = waiting >= UNCOMMITTED_MAX
            || waiting >= self.every && since >= COMMIT_AFTER
            || since >= COMMIT_WITHIN
            || self.is_wanted()
            || stopping;
        due && waiting > 0
    }

    /// Whether somebody waits for a commit of a record that the copy may have taken.
    fn is_wanted(&self) -> bool {
        self.keeper.cursor().lsn < Lsn(self.wanted.load(Relaxed))
    }

    /// The time until a commit is due, if no more records come.
    fn due_in(&self) -> Duration {
        let after = match self.keeper.uncommitted() {
            0 => return Duration::MAX,
            _ if self.is_wanted() => Duration::ZERO,
            waiting if waiting >= self.every => COMMIT_AFTER,
            _ => COMMIT_WITHIN,
        };
        after.saturating_sub(self.last.elapsed())
    }

    /// The store cannot be used. Without it nothing is known of old keys.
    fn breaks(&mut self, why: &str) {
        self.halted = Some(Halt::ForGood);
        self.log.unsound(format!("{why}; {ADVICE}"));
    }
}

impl Follower for Keeping {
    const NAME: &'static str = "the state store";
    const THREAD: &'static str = "hub-state";
    const SHARE: CpuShare = CpuShare::Small;
    const FINISHES: bool = true; // so that an orderly stop is committed
    const GATHER: Duration = Duration::from_millis(100);

    fn cursor(&self) -> Lsn {
        self.keeper.lsn()
    }

    fn limit(&mut self, durable: Lsn) -> Lsn {
        self.durable = durable;
        self.stored.moves_to(self.keeper.cursor().lsn, durable);
        if self.halted.is_some() {
            return self.keeper.lsn();
        }
        // A table that waits for its quarantine forbids a commit, and its record is still to be read.
        let most =
            if self.keeper.settled() { self.keeper.cursor().lsn.0 + UNCOMMITTED_MAX } else { u64::MAX };
        durable.min(Lsn(most)).max(self.keeper.lsn())
    }

    fn take(&mut self, entry: &Entry<'_>) -> Option<Duration> {
        if self.halted.is_some() {
            return None;
        }
        match self.keeper.take(entry.bytes) {
            Ok(_) => {}
            Err(Parted::Store(unreadable)) if unreadable.damaged => self.breaks(&unreadable.to_string()),
            Err(Parted::Store(unreadable)) => {
                tracing::error!(fault = %unreadable, "the state store is not kept; tried again in a while");
                self.halted = Some(Halt::ForNow);
            }
            Err(misfit) => {
                // The live state differs from its log: every bet taken from here on would be lost.
                let cause = misfit.source().map(ToString::to_string).unwrap_or_default();
                tracing::error!(fault = %misfit, cause, "the log does not stand for the live state; the hub stops");
                std::process::abort();
            }
        }
        None
    }

    fn reached(&mut self, at: &journal::Cursor, stopping: bool) -> Result<Next, journal::Error> {
        match self.halted {
            Some(Halt::ForGood) => return Ok(Next::Restart(RETRY)),
            Some(Halt::ForNow) => {
                // The copy may have a part of the record.
                if self.again().is_ok() {
                    self.halted = None;
                }
                return Ok(Next::Restart(RETRY));
            }
            None => {}
        }
        if self.is_due(stopping) {
            self.last = Instant::now();
            match self.keeper.commit(*at) {
                Ok(Some(stored)) => {
                    tracing::debug!(lsn = at.lsn.0, "the state store has a new commit");
                    self.stored.moves_to(at.lsn, self.durable);
                    (self.committed)(stored);
                }
                Ok(None) => {}
                Err(error) => return Ok(self.failed_to_write(&error)),
            }
        }
        if stopping {
            return Ok(Next::Rest(Duration::ZERO));
        }
        let begun = Instant::now();
        match self.keeper.merge_step() {
            Ok(true) if self.keeper.merges_due() > MERGES_BEHIND => Ok(Next::Read),
            Ok(true) => Ok(Next::ReadAfter(rest_after(begun.elapsed()))),
            Ok(false) => Ok(Next::Rest(self.due_in())),
            Err(error) => Ok(self.failed_to_write(&error)),
        }
    }

    fn failed(&mut self, error: &journal::Error) -> Duration {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        tracing::error!(fault = %error, cause, "the state store is not kept; tried again in a while");
        RETRY
    }

    fn again(&mut self) -> Result<(), String> {
        // What cannot be read again is damaged: nothing of the system can fail in it, so another attempt would fail as well.
        self.keeper.again().map_err(|error| error.to_string()).inspect_err(|why| self.breaks(why))
    }
}

impl Keeping {
    /// A commit or a merge that failed is tried again in a while, for instance when the disk has room again.
    fn failed_to_write(&mut self, error: &store::Error) -> Next {
        if error.needs_a_new_store() {
            self.breaks(&error.with_causes());
        } else {
            tracing::error!(
                fault = error.with_causes(),
                "the state store is not kept; tried again in a while"
            );
        }
        Next::Restart(RETRY)
    }
}

/// How long to rest after a piece of a merge that took so long.
fn rest_after(took: Duration) -> Duration {
    (took * REST_OF_MERGES).min(REST_MAX)
}

#[cfg(test)]
mod tests;
