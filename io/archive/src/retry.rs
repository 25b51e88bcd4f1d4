//! A call is repeated after errors that may pass, with full jitter, until its time is over.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::Error;

/// How a failed call is repeated. The wait before the n-th repetition is random, between zero and `first` times 2^(n-1), but
/// not above `longest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryRule {
    /// Upper bound of the first wait.
    pub first: Duration,
    /// Upper bound of each wait.
    pub longest: Duration,
    /// No repetition begins later than this after the first failure, however long the call took that failed: the sending of a large
    /// anchor is repeated as well.
    pub within: Duration,
    /// Deadline of one call to the store.
    pub call: Duration,
}

impl Default for RetryRule {
    fn default() -> RetryRule {
        RetryRule {
            first: Duration::from_millis(200),
            longest: Duration::from_secs(20),
            within: Duration::from_secs(120),
            call: Duration::from_secs(60),
        }
    }
}

impl RetryRule {
    /// The upper bound of the wait before a repetition; the first is 0.
    fn bound(&self, repetition: u32) -> Duration {
        self.first.saturating_mul(1_u32.checked_shl(repetition).unwrap_or(u32::MAX)).min(self.longest)
    }

    /// Calls `attempt` until it succeeds, fails for good, or the time is over.
    pub(crate) async fn run<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut failing = None;
        for repetition in 0.. {
            let error = match attempt().await {
                Err(error) if error.may_pass() => error,
                done => return done,
            };
            let wait = self.bound(repetition).mul_f64(fastrand::f64());
            let now = Instant::now();
            let since = *failing.get_or_insert(now);
            if now.duration_since(since) + wait > self.within {
                return Err(error);
            }
            tracing::debug!(%error, wait_ms = wait.as_millis() as u64, "a call to the archive failed; it is repeated");
            tokio::time::sleep(wait).await;
        }
        unreachable!("the loop has no end")
    }

    /// Waits for one call to the store, at most until its deadline.
    pub(crate) async fn call<T>(
        &self,
        (action, object): (&'static str, &str),
        call: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.call, call).await {
            Ok(answer) => answer.map_err(|source| Error::Store { action, object: object.to_owned(), source }),
            Err(_) => Err(Error::Late { action, object: object.to_owned(), after: self.call }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn waits_grow_to_their_bound_and_never_overflow() {
        let retry = RetryRule::default();
        let bounds: Vec<u64> =
            [0, 1, 2, 6, 7, 31, 32, 1_000].map(|n| retry.bound(n).as_millis() as u64).into();
        assert_eq!(bounds, [200, 400, 800, 12_800, 20_000, 20_000, 20_000, 20_000]);
    }

    #[test]
    fn the_time_for_repetitions_begins_with_the_first_failure_however_late_that_comes() {
        // No time at all: the first failure is repeated at once, and the second comes later than that.
        let none = Duration::ZERO;
        let rule = RetryRule { first: none, longest: none, within: none, call: none };
        let tasks = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let calls = Cell::new(0);
        let result = |failures: u32| {
            calls.set(0);
            tasks.block_on(rule.run(|| async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                calls.set(calls.get() + 1);
                let late = Error::Late { action: "put", object: String::new(), after: none };
                if calls.get() > failures { Ok(()) } else { Err(late) }
            }))
        };
        assert!(result(1).is_ok() && calls.get() == 2, "{} calls", calls.get());
        assert!(result(2).is_err() && calls.get() == 2, "{} calls", calls.get());
    }
}
