//! How long to wait before the next attempt: exponential with full jitter.
//!
//! After a restart of the hub all clients reconnect. Each waits a random share of the limit, not the limit itself, so
//! that their attempts are spread.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use crate::Error;

/// The longest wait, in the place of one without an end.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// The moment after a wait of any length: some waits come from the wire.
pub(crate) fn moment_after(wait: Duration) -> Instant {
    Instant::now() + wait.min(FOR_EVER)
}

/// Waits of one series of attempts.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    max: Duration,
    attempt: u32,
    random: Rng,
}

impl Backoff {
    /// Waits at most `base`, twice that, four times … and never more than `max`. Fails without random numbers.
    pub fn new(base: Duration, max: Duration) -> Result<Self, Error> {
        Ok(Self::seeded(base, max, getrandom::u64().map_err(Error::Random)?))
    }

    /// The same with a given seed, for tests that repeat.
    #[must_use]
    pub fn seeded(base: Duration, max: Duration, seed: u64) -> Self {
        Self { base, max, attempt: 0, random: Rng::with_seed(seed) }
    }

    /// The next wait: uniform between nothing and the limit of this attempt.
    pub fn next_wait(&mut self) -> Duration {
        let limit = self.base.saturating_mul(1 << self.attempt.min(20)).min(self.max);
        self.attempt = self.attempt.saturating_add(1);
        let nanoseconds = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.random.u64(..=nanoseconds))
    }

    /// Something worked: the next series starts from the beginning.
    pub fn succeeded(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_secs(5);

    #[test]
    fn waits_stay_below_a_limit_that_doubles_up_to_the_maximum() {
        for seed in 0..200 {
            let mut backoff = Backoff::seeded(BASE, MAX, seed);
            for attempt in 0..40 {
                let limit = BASE.saturating_mul(1 << attempt.min(20)).min(MAX);
                assert!(backoff.next_wait() <= limit, "attempt {attempt} of seed {seed}");
            }
        }
    }

    #[test]
    fn waits_of_many_clients_are_spread_over_the_whole_limit() {
        let mut tenths = [0_u32; 10];
        for seed in 0..10_000 {
            let wait = Backoff::seeded(BASE, MAX, seed).next_wait();
            tenths[(wait.as_micros() / 10_000).min(9) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (800..1_200).contains(count)), "{tenths:?}");
    }

    #[test]
    fn success_starts_the_series_afresh() {
        let mut backoff = Backoff::seeded(BASE, MAX, 7);
        (0..10).for_each(|_| {
            backoff.next_wait();
        });
        backoff.succeeded();
        assert!(backoff.next_wait() <= BASE);
    }
}
