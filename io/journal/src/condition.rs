//! Whether the log takes records: shared by the writer, its helper, the followers and the admission of requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::Mutex;

/// Whether the log takes records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The first spare segment is being made.
    Preparing,
    /// It does.
    Ready,
    /// There is no room for another segment: what is asked must be asked again later.
    NoRoom,
    /// It is not what was written any more, or not where it was: nothing more is released until a start has read it.
    /// Never left.
    Unsound,
}

/// The state of a log and the reason for it. Clones share it. Asking costs one load.
#[derive(Debug, Clone, Default)]
pub struct Condition {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: AtomicU8,
    why: Mutex<String>,
}

impl Condition {
    /// A log that takes records, for whoever has none.
    pub fn always_ready() -> Condition {
        let condition = Condition::default();
        condition.enter(State::Ready, String::new());
        condition
    }

    /// The state now.
    pub fn state(&self) -> State {
        match self.shared.state.load(Ordering::Acquire) {
            0 => State::Preparing,
            1 => State::Ready,
            2 => State::NoRoom,
            _ => State::Unsound,
        }
    }

    /// Whether records are taken.
    pub fn is_ready(&self) -> bool {
        self.state() == State::Ready
    }

    /// What is the matter, for people; empty where nothing is.
    pub fn why(&self) -> String {
        self.shared.why.lock().clone()
    }

    /// Damage was found, or the files are gone: from now on nothing is released.
    pub fn unsound(&self, why: String) {
        if self.enter(State::Unsound, why.clone()) {
            tracing::error!(
                why,
                "the log is not sound any more; nothing more is answered until a restart has read it"
            );
        }
    }

    pub(crate) fn no_room(&self, why: String) {
        if self.enter(State::NoRoom, why.clone()) {
            tracing::error!(why, "no room for the log's next segment; requests are refused until there is");
        }
    }

    pub(crate) fn ready(&self) {
        let before = self.state();
        if self.enter(State::Ready, String::new()) && before == State::NoRoom {
            tracing::info!("there is room for the log again; requests are taken");
        }
    }

    /// Changes the state; `false` where that is no change.
    fn enter(&self, state: State, because: String) -> bool {
        let mut why = self.shared.why.lock();
        let before = self.state();
        if before == State::Unsound || before == state {
            return false;
        }
        *why = because;
        let number = match state {
            State::Preparing => 0,
            State::Ready => 1,
            State::NoRoom => 2,
            State::Unsound => 3,
        };
        self.shared.state.store(number, Ordering::Release);
        true
    }
}
