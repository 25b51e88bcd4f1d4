//! The server's clock, converted to the local one.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Converts server times, milliseconds since 1970, to moments of the local monotonic clock.
#[derive(Debug)]
pub struct Clock {
    base: Instant,
    base_unix_ms: f64,
    /// How far the server is ahead. Every sample is too small by the time its message travelled, so the largest
    /// one is the best.
    ahead_ms: Option<f64>,
}

impl Clock {
    /// A clock that takes the server's time for this machine's until a message with a time comes.
    #[must_use]
    pub fn new() -> Self {
        let base = Instant::now();
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { base, base_unix_ms: unix.as_secs_f64() * 1_000.0, ahead_ms: None }
    }

    /// Takes a time that the server has sent. Half a millisecond is added: what its rounding takes away on average.
    pub fn heard(&mut self, time_ms: u64, now: Instant) {
        let local = self.base_unix_ms + now.saturating_duration_since(self.base).as_secs_f64() * 1_000.0;
        let ahead = time_ms as f64 + 0.5 - local;
        self.ahead_ms = Some(self.ahead_ms.map_or(ahead, |best| best.max(ahead)));
    }

    /// The local moment of a server time.
    #[must_use]
    pub fn local(&self, time_ms: u64) -> Instant {
        let after_base = time_ms as f64 - self.ahead_ms.unwrap_or(0.0) - self.base_unix_ms;
        self.base + Duration::try_from_secs_f64(after_base / 1_000.0).unwrap_or_default()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_that_travelled_least_sets_the_clock() {
        let mut clock = Clock::new();
        let server = |local: Instant| {
            (clock.base_unix_ms + (local - clock.base).as_secs_f64() * 1_000.0 + 5_000.0) as u64
        };
        let sent = clock.base + Duration::from_secs(1);
        let (first, second) = (server(sent), server(sent + Duration::from_secs(1)));
        clock.heard(first, sent + Duration::from_millis(90));
        clock.heard(second, sent + Duration::from_millis(1_010));
        let third = second + 3_000;
        let local = clock.local(third);
        let expected = sent + Duration::from_secs(4);
        let error = local.max(expected) - local.min(expected);
        assert!(error < Duration::from_millis(12), "{error:?}");
    }
}
