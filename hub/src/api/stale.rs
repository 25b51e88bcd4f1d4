//! An answer that is kept for a while: one that is older is still given while a new one is made.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long an answer is given without making another.
const FRESH: Duration = Duration::from_secs(1);
/// How long an older one is given while another is made; then everybody waits.
const GIVEN: Duration = Duration::from_secs(10);

/// What somebody who asks is to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look<T> {
    /// Give this answer.
    Give(T),
    /// Give this answer, and have another made.
    GiveAndMake(T),
    /// Make one, and wait for it.
    Make,
}

/// The newest answer.
pub(super) struct Stale<T>(Mutex<Kept<T>>);

struct Kept<T> {
    newest: Option<(Instant, T)>,
    /// Since when another one is made by somebody who does not wait for it.
    making: Option<Instant>,
}

impl<T> Default for Stale<T> {
    fn default() -> Self {
        Self(Mutex::new(Kept { newest: None, making: None }))
    }
}

impl<T: Clone> Stale<T> {
    /// What to do now.
    pub fn look(&self, now: Instant) -> Look<T> {
        let mut kept = self.0.lock();
        let Some((made, answer)) = kept.newest.clone() else { return Look::Make };
        let age = now.saturating_duration_since(made);
        if age < FRESH {
            return Look::Give(answer);
        }
        if age >= GIVEN {
            return Look::Make;
        }
        // One that was to make another and never did is not waited for.
        if kept.making.is_some_and(|since| now.saturating_duration_since(since) < GIVEN) {
            return Look::Give(answer);
        }
        kept.making = Some(now);
        Look::GiveAndMake(answer)
    }

    /// Keeps an answer. `None` when none could be made: the old one stays.
    pub fn keep(&self, now: Instant, answer: Option<T>) {
        let mut kept = self.0.lock();
        kept.making = None;
        if let Some(answer) = answer {
            kept.newest = Some((now, answer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_answer_is_given_while_one_caller_has_another_made() {
        let (stale, began) = (Stale::default(), Instant::now());
        let at = |ms| began + Duration::from_millis(ms);
        assert_eq!(stale.look(at(0)), Look::Make);
        stale.keep(at(0), Some(1));
        assert_eq!(stale.look(at(999)), Look::Give(1));
        assert_eq!(stale.look(at(1_000)), Look::GiveAndMake(1));
        assert_eq!(stale.look(at(1_500)), Look::Give(1), "one is enough");
        stale.keep(at(1_600), Some(2));
        assert_eq!(stale.look(at(2_599)), Look::Give(2));
        assert_eq!(stale.look(at(2_600)), Look::GiveAndMake(2));
        stale.keep(at(2_700), None);
        assert_eq!(stale.look(at(2_800)), Look::GiveAndMake(2), "it failed, and is tried again");
        assert_eq!(stale.look(at(11_599)), Look::Give(2));
        assert_eq!(stale.look(at(11_600)), Look::Make, "too old to be given");
    }
}
