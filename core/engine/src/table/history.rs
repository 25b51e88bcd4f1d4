//! The last rounds of a table in memory: none until somebody looks at them, then all that are shown, until they are dropped
//! again. A table that nobody is at costs nothing for its past.
//!
//! They are read elsewhere ([`last_rounds`](crate::last_rounds)), and rounds may end meanwhile: those are kept here, and
//! put before what was read.

use std::collections::VecDeque;

use super::past::{PAST_ROUNDS_MAX, PastRound};

/// The last rounds of a table, newest first, as far as they are in memory.
#[derive(Debug, Clone, Default)]
pub struct History(Shown);

#[derive(Debug, Clone, Default)]
enum Shown {
    #[default]
    Absent,
    /// They are being read; these have ended since, newest first.
    Asked(VecDeque<PastRound>),
    /// All of them, at most [`PAST_ROUNDS_MAX`].
    Present(VecDeque<PastRound>),
}

impl History {
    /// The rounds, newest first; `None` while they are not here.
    #[must_use]
    pub fn rounds(&self) -> Option<&VecDeque<PastRound>> {
        match &self.0 {
            Shown::Present(rounds) => Some(rounds),
            Shown::Absent | Shown::Asked(_) => None,
        }
    }

    /// Somebody looks. Returns whether the rounds are to be read now, up to the last one that has ended: not when they are
    /// here, or are being read.
    #[must_use]
    pub fn ask(&mut self) -> bool {
        let absent = matches!(self.0, Shown::Absent);
        if absent {
            self.0 = Shown::Asked(VecDeque::new());
        }
        absent
    }

    /// A round has ended.
    pub fn ended(&mut self, past: PastRound) {
        match &mut self.0 {
            Shown::Absent => {}
            Shown::Asked(rounds) | Shown::Present(rounds) => {
                rounds.truncate(PAST_ROUNDS_MAX - 1);
                rounds.push_front(past);
            }
        }
    }

    /// The rounds were read, newest first. They may have some that have ended since they were asked for.
    pub fn read(&mut self, rounds: Vec<PastRound>) {
        let mut all = match std::mem::take(&mut self.0) {
            Shown::Absent => VecDeque::new(),
            Shown::Asked(since) | Shown::Present(since) => since,
        };
        let oldest = all.back().map_or(u64::MAX, |past| past.number);
        all.extend(rounds.into_iter().filter(|past| past.number < oldest));
        all.truncate(PAST_ROUNDS_MAX);
        self.0 = Shown::Present(all);
    }

    /// The rounds could not be read: they are asked for again when somebody looks again.
    pub fn unread(&mut self) {
        self.0 = Shown::Absent;
    }

    /// Drops the rounds, unless they are being read: then somebody waits for them.
    pub fn forget(&mut self) {
        if let Shown::Present(_) = self.0 {
            self.0 = Shown::Absent;
        }
    }
}
