//! The condition of a log, that is whether it takes records: shared by the writer, its helper, the followers and the
//! admission of requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::Error;
use crate::disk::{DiskRoom, Watermarks};

/// Whether the log takes records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The first spare segment is being made.
    Preparing,
    /// The log takes records.
    Ready,
    /// There is no room for another segment: requests are refused, and may be retried later.
    NoRoom,
    /// The next segment's file cannot be made, for another reason than room: requests are refused, and may be retried
    /// later.
    NoSegment,
    /// The files are damaged or gone: nothing more is released by this process. Final: only a new start can read the
    /// log again.
    Unsound,
}

/// The state of a log, and the reason for it. Clones share it. Reading the state is a few atomic loads.
#[derive(Debug, Clone, Default)]
pub struct Condition {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: AtomicU8,
    why: Mutex<String>,
    watermarks: Watermarks,
    /// Told at every change; waits with `why`.
    changed: Condvar,
}

impl Condition {
    /// A condition that is always ready, for code that runs without a log.
    pub fn always_ready() -> Condition {
        let condition = Condition::default();
        condition.enter(State::Ready, String::new());
        condition
    }

    /// The current state. A log that takes records has no room for them when its disk is below the second watermark.
    pub fn state(&self) -> State {
        match self.of_the_files() {
            State::Ready if self.shared.watermarks.disk().is_full => State::NoRoom,
            state => state,
        }
    }

    /// Keeps room on the log's disk for others: with less than `warn` bytes free the operator is warned, with less than
    /// `refuse` no requests are taken until there is more. 0: none is kept.
    pub fn keep_free(&self, warn: u64, refuse: u64) {
        self.shared.watermarks.set(warn, refuse);
    }

    /// The room on the log's disk, as it was asked about within the last second or so.
    pub fn disk(&self) -> DiskRoom {
        self.shared.watermarks.disk()
    }

    /// Notes the room on the disk; a watermark that is passed is logged.
    pub(crate) fn has_free(&self, free: Option<u64>) {
        // Under the lock with which others wait for a change of the state.
        let why = self.shared.why.lock();
        let ((was_low, was_full), now) = self.shared.watermarks.note(free);
        drop(why);
        self.shared.changed.notify_all();
        let free = now.free.unwrap_or_default();
        if now.is_full && !was_full {
            tracing::error!(
                free,
                "the log's disk is below journal.disk_refuse_bytes; requests are refused until there is room"
            );
        } else if now.is_low && !was_low {
            tracing::warn!(free, "the log's disk is below journal.disk_warn_bytes");
        }
        if was_full && !now.is_full {
            tracing::info!(free, "the log's disk has room again; requests are taken");
        }
    }

    /// The state by the files alone.
    fn of_the_files(&self) -> State {
        match self.shared.state.load(Ordering::Acquire) {
            0 => State::Preparing,
            1 => State::Ready,
            2 => State::NoRoom,
            3 => State::NoSegment,
            _ => State::Unsound,
        }
    }

    /// Whether records are taken.
    pub fn is_ready(&self) -> bool {
        self.state() == State::Ready
    }

    /// Blocks the thread while the state is one that is not wanted, but not for longer than `at_most`. Returns the state.
    pub fn wait_while(&self, unwanted: impl Fn(State) -> bool, at_most: Duration) -> State {
        let mut why = self.shared.why.lock();
        self.shared.changed.wait_while_for(&mut why, |_| unwanted(self.state()), at_most);
        self.state()
    }

    /// The reason for the state, as a text for people; empty when the log takes records.
    pub fn why(&self) -> String {
        let why = self.shared.why.lock().clone();
        match self.of_the_files() {
            State::Ready if self.shared.watermarks.disk().is_full => {
                let free = self.shared.watermarks.disk().free.unwrap_or_default();
                format!("{free} bytes are free on the disk of the log, fewer than journal.disk_refuse_bytes")
            }
            _ => why,
        }
    }

    /// Reports damaged or missing files: from now on nothing is released.
    pub fn unsound(&self, why: String) {
        if self.enter(State::Unsound, why.clone()) {
            tracing::error!(
                why,
                "the log is not sound any more; nothing more is answered until a restart has read it"
            );
        }
    }

    /// The files are not where they were, or not what they were.
    pub(crate) fn lost(&self, error: &Error) {
        self.unsound(error.with_causes());
    }

    /// The next segment's file cannot be made.
    pub(crate) fn not_made(&self, error: &Error) {
        let why = error.with_causes();
        if matches!(error, Error::NoRoom { .. }) {
            if self.enter(State::NoRoom, why.clone()) {
                tracing::error!(
                    why,
                    "no room for the log's next segment; requests are refused until there is"
                );
            }
        } else if self.enter(State::NoSegment, why.clone()) {
            tracing::error!(why, "the log's next segment cannot be made; requests are refused until it can");
        }
    }

    /// Records are taken from now on, unless the log is unsound.
    pub fn ready(&self) {
        let before = self.of_the_files();
        if self.enter(State::Ready, String::new()) && matches!(before, State::NoRoom | State::NoSegment) {
            tracing::info!("the log has its next segment again; requests are taken");
        }
    }

    /// Changes the state; `false` when it does not change. [`State::Unsound`] never changes.
    fn enter(&self, state: State, because: String) -> bool {
        let mut why = self.shared.why.lock();
        let before = self.of_the_files();
        if before == State::Unsound || before == state {
            return false;
        }
        *why = because;
        let number = match state {
            State::Preparing => 0,
            State::Ready => 1,
            State::NoRoom => 2,
            State::NoSegment => 3,
            State::Unsound => 4,
        };
        self.shared.state.store(number, Ordering::Release);
        self.shared.changed.notify_all();
        true
    }
}
