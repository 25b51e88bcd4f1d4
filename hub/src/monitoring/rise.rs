//! How much a figure has risen within a while: for counters, whose value alone says nothing.

use std::collections::VecDeque;

/// Most samples of a window: older ones stand apart by this part of it.
const SAMPLES_MAX: u64 = 60;

/// The samples of one figure within a window.
#[derive(Debug, Clone, Default)]
pub struct RiseWindow {
    /// Time, milliseconds, and value; the oldest first.
    samples: VecDeque<(u64, f64)>,
}

impl RiseWindow {
    /// The window of a counter that begins at zero now, as the counters of a process do with it: what it has counted before
    /// it is looked at for the first time is a rise.
    #[must_use]
    pub fn of_counter(now_ms: u64) -> Self {
        Self { samples: VecDeque::from([(now_ms, 0.0)]) }
    }

    /// Takes a value, and says how much the figure has risen within the last `within_ms`; since the first value, when there
    /// is none as old. A figure that has fallen has begun anew at zero, as counters do at a start.
    pub fn take(&mut self, value: f64, now_ms: u64, within_ms: u64) -> f64 {
        if self.samples.back().is_some_and(|(_, last)| value < *last) {
            self.samples.clear();
            self.samples.push_back((now_ms, 0.0));
        }
        let apart = within_ms / SAMPLES_MAX;
        if self.samples.back().is_none_or(|(last_ms, _)| now_ms.saturating_sub(*last_ms) >= apart) {
            self.samples.push_back((now_ms, value));
        }
        // The newest one that is as old as the window is where it begins.
        while self.samples.get(1).is_some_and(|(at, _)| now_ms.saturating_sub(*at) >= within_ms) {
            self.samples.pop_front();
        }
        value - self.samples.front().map_or(value, |(_, first)| *first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_is_that_within_the_window_and_a_restart_begins_at_zero() {
        let mut window = RiseWindow::default();
        for (second, value, expected) in [
            (0, 100.0, 0.0),
            (5, 103.0, 3.0),
            (9, 110.0, 10.0),
            (10, 110.0, 10.0),
            (15, 110.0, 7.0),
            (20, 110.0, 0.0),
            (21, 4.0, 4.0),
            (25, 6.0, 6.0),
            (31, 6.0, 6.0),
            (36, 6.0, 0.0),
        ] {
            assert_eq!(window.take(value, second * 1_000, 10_000), expected, "second {second}");
        }
    }

    #[test]
    fn what_a_counter_has_counted_before_the_first_look_is_a_rise() {
        let mut window = RiseWindow::of_counter(0);
        for (second, value, expected) in [(5, 3.0, 3.0), (9, 4.0, 4.0), (15, 4.0, 1.0), (25, 4.0, 0.0)] {
            assert_eq!(window.take(value, second * 1_000, 10_000), expected, "second {second}");
        }
    }

    #[test]
    fn a_window_takes_a_bounded_number_of_samples() {
        let mut window = RiseWindow::default();
        for second in 0..100_000_u64 {
            let rise = window.take(second as f64, second * 1_000, 3_600_000);
            assert!(second < 3_660 || (3_600.0..=3_660.0).contains(&rise), "{second}: {rise}");
        }
        assert!(window.samples.len() <= 62, "{}", window.samples.len());
    }
}
