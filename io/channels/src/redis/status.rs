//! The state of a connection, for the health page, and the pause before the next attempt to connect.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use tokio::time::Instant;

use crate::LinkOptions;

/// The state of one connection, which is down at first.
#[derive(Debug)]
pub(super) struct Status {
    up: Cell<bool>,
    since: Cell<Instant>,
    /// What failed last; empty while up.
    reason: RefCell<String>,
}

impl Status {
    pub(super) fn new() -> Self {
        Self {
            up: Cell::new(false),
            since: Cell::new(Instant::now()),
            reason: RefCell::new("not connected yet".into()),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.up.get()
    }

    pub(super) fn since(&self) -> Instant {
        self.since.get()
    }

    pub(super) fn reason(&self) -> String {
        self.reason.borrow().clone()
    }

    pub(super) fn set_up(&self) {
        self.set(true, String::new());
    }

    pub(super) fn set_down(&self, reason: &str) {
        self.set(false, reason.into());
    }

    fn set(&self, up: bool, reason: String) {
        if self.up.replace(up) != up {
            self.since.set(Instant::now());
        }
        self.reason.replace(reason);
    }
}

/// The pauses between attempts, which double from the shortest to the longest.
#[derive(Debug)]
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(options: &LinkOptions) -> Self {
        // A pause of zero would spin on a server that refuses at once.
        let min = Duration::from_millis(options.backoff_min_ms.max(1));
        let max = Duration::from_millis(options.backoff_max_ms).max(min);
        Self { min, max, next: min }
    }

    /// The pause after a failure.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.max);
        pause
    }

    /// Starts again with the shortest pause after a connection that was up for at least the longest pause. A shorter
    /// one counts as a failure, so that a server that accepts and closes connections gets few attempts.
    pub(super) fn stood(&mut self, stood: Duration) {
        if stood >= self.max {
            self.next = self.min;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew_after_a_lasting_connection() {
        let options = LinkOptions { backoff_min_ms: 100, backoff_max_ms: 500, ..LinkOptions::default() };
        let mut backoff = Backoff::new(&options);
        let mut pauses = |count| (0..count).map(|_| backoff.next().as_millis()).collect::<Vec<_>>();
        assert_eq!(pauses(5), [100, 200, 400, 500, 500]);
        backoff.stood(Duration::from_millis(499));
        assert_eq!(backoff.next().as_millis(), 500);
        backoff.stood(Duration::from_millis(500));
        assert_eq!(backoff.next().as_millis(), 100);
    }
}
