//! Errors and panics of the last thirty days, each once: first, last, how often, and what the last one said.
//!
//! Pure: what was noted and times come in. The book is bounded; when it is full, what was seen longest ago goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::telemetry::noted::NotedError;

/// How long an error is kept after it was seen last. Milliseconds.
const KEPT_MS: u64 = 30 * 24 * 3_600_000;
/// Most errors that are kept apart.
const ERRORS_MAX: usize = 500;

/// An error that was seen once or more often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookedError {
    /// Whether it was a panic.
    pub panic: bool,
    /// What it said: the words of the log message.
    pub message: String,
    /// The part of the code that said it.
    pub place: String,
    /// When it was seen first, milliseconds since 1970.
    pub first_ms: u64,
    /// When it was seen last.
    pub last_ms: u64,
    /// How often it was seen.
    pub count: u64,
    /// The fields of the last one, cut. They name nobody.
    pub sample: String,
}

/// Every error that is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBook {
    errors: BTreeMap<String, BookedError>,
}

impl ErrorBook {
    /// Takes an error.
    pub fn take(&mut self, noted: NotedError) {
        let NotedError { panic, message, place, sample, at_ms } = noted;
        // A panic may say something else each time, at one place.
        let key = if panic { format!("panic at {place}") } else { format!("{place}: {message}") };
        if let Some(known) = self.errors.get_mut(&key) {
            known.count += 1;
            (known.first_ms, known.last_ms) = (known.first_ms.min(at_ms), known.last_ms.max(at_ms));
            (known.message, known.sample) = (message, sample);
            return;
        }
        if self.errors.len() >= ERRORS_MAX {
            let oldest =
                self.errors.iter().min_by_key(|(_, error)| error.last_ms).map(|(key, _)| key.clone());
            oldest.map(|key| self.errors.remove(&key));
        }
        let error = BookedError { panic, message, place, first_ms: at_ms, last_ms: at_ms, count: 1, sample };
        self.errors.insert(key, error);
    }

    /// Forgets what was not seen for thirty days.
    pub fn forget(&mut self, now_ms: u64) {
        self.errors.retain(|_, error| error.last_ms.saturating_add(KEPT_MS) > now_ms);
    }

    /// Every error, the one that was seen last first.
    #[must_use]
    pub fn errors(&self) -> Vec<&BookedError> {
        let mut errors: Vec<_> = self.errors.values().collect();
        errors.sort_by_key(|error| std::cmp::Reverse(error.last_ms));
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(message: &str, place: &str, panic: bool, at_ms: u64) -> NotedError {
        let (message, place) = (message.to_owned(), place.to_owned());
        NotedError { panic, message, place, sample: format!("at={at_ms}"), at_ms }
    }

    #[test]
    fn an_error_is_kept_once_with_its_first_and_last_time_and_a_sample() {
        let mut book = ErrorBook::default();
        for (message, place, panic, at_ms) in [
            ("the disk is full", "journal", false, 10),
            ("the disk is full", "journal", false, 30),
            ("the disk is full", "people", false, 20),
            ("index 7", "a.rs:1", true, 40),
            ("index 8", "a.rs:1", true, 50),
        ] {
            book.take(noted(message, place, panic, at_ms));
        }
        let told: Vec<_> = book
            .errors()
            .into_iter()
            .map(|error| {
                (error.message.as_str(), error.count, error.first_ms, error.last_ms, error.sample.as_str())
            })
            .collect();
        assert_eq!(
            told,
            [
                ("index 8", 2, 40, 50, "at=50"),
                ("the disk is full", 2, 10, 30, "at=30"),
                ("the disk is full", 1, 20, 20, "at=20"),
            ]
        );
    }

    #[test]
    fn an_error_is_forgotten_thirty_days_after_it_was_seen_last_and_the_book_is_bounded() {
        const DAY_MS: u64 = 24 * 3_600_000;
        let mut book = ErrorBook::default();
        book.take(noted("a", "x", false, 0));
        book.take(noted("a", "x", false, DAY_MS));
        book.forget(31 * DAY_MS - 1);
        assert_eq!(book.errors().len(), 1);
        book.forget(31 * DAY_MS);
        assert_eq!(book.errors().len(), 0);
        for number in 0..600 {
            book.take(noted(&number.to_string(), "x", false, number));
        }
        let kept = book.errors();
        assert_eq!((kept.len(), kept[0].last_ms, kept[499].last_ms), (500, 599, 100));
    }
}
