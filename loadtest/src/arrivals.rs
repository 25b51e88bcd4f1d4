//! A timetable of arrivals: when each request is due, whatever the server does.
//!
//! An open loop keeps its timetable however slow the answers are, and latency counts from the time in the
//! timetable. A generator that waits for answers before it asks again hides exactly the delays it should find.

use std::time::{Duration, Instant};

use fastrand::Rng;
use serde::{Deserialize, Serialize};

/// How arrivals are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// Independent arrivals, as from many players: exponential gaps.
    Poisson,
    /// Equal gaps.
    Fixed,
}

/// A timetable of arrivals from a start to an end.
#[derive(Debug)]
pub struct Arrivals {
    start: Instant,
    end: Duration,
    rate: f64,
    spacing: Spacing,
    next: f64,
    random: Rng,
}

impl Arrivals {
    /// `rate` arrivals a second for `length` from `start`. A rate that is not positive gives none.
    #[must_use]
    pub fn new(start: Instant, length: Duration, rate: f64, spacing: Spacing, random: Rng) -> Self {
        let mut arrivals = Self { start, end: length, rate, spacing, next: 0.0, random };
        arrivals.advance();
        arrivals
    }

    /// The time of the next arrival, `None` after the end.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        let after = Duration::try_from_secs_f64(self.next).ok().filter(|after| *after < self.end)?;
        Some(self.start + after)
    }

    /// Takes the next arrival if it is due.
    pub fn take_due(&mut self, now: Instant) -> Option<Instant> {
        let due = self.next_due().filter(|due| *due <= now)?;
        self.advance();
        Some(due)
    }

    fn advance(&mut self) {
        let gap = match self.spacing {
            Spacing::Poisson => -(1.0 - self.random.f64()).ln() / self.rate,
            Spacing::Fixed => 1.0 / self.rate,
        };
        self.next = if self.rate > 0.0 { self.next + gap } else { f64::INFINITY };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn all(rate: f64, length: Duration, spacing: Spacing) -> Vec<f64> {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start, length, rate, spacing, Rng::with_seed(1));
        let far = start + length * 2;
        std::iter::from_fn(|| arrivals.take_due(far)).map(|due| (due - start).as_secs_f64()).collect()
    }

    #[test]
    fn fixed_arrivals_stand_at_equal_gaps_before_the_end() {
        assert_eq!(all(4.0, SECOND, Spacing::Fixed), [0.25, 0.5, 0.75]);
    }

    #[test]
    fn poisson_arrivals_have_the_mean_and_the_spread_of_an_exponential_gap() {
        let due = all(1_000.0, SECOND * 20, Spacing::Poisson);
        assert!((19_400..20_600).contains(&due.len()), "{}", due.len());
        let gaps: Vec<f64> = due.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!(
            (0.95..1.05).contains(&(variance.sqrt() / mean)),
            "an exponential gap varies as much as its mean"
        );
    }

    #[test]
    fn a_late_generator_gets_every_arrival_with_its_own_time() {
        let start = Instant::now();
        let mut arrivals = Arrivals::new(start, SECOND, 10.0, Spacing::Fixed, Rng::with_seed(1));
        assert_eq!(arrivals.take_due(start), None);
        let late = start + Duration::from_millis(350);
        let due: Vec<Instant> = std::iter::from_fn(|| arrivals.take_due(late)).collect();
        assert_eq!(due.len(), 3);
        assert!(due[0] - start < Duration::from_millis(101));
        assert_eq!(all(0.0, SECOND, Spacing::Poisson).len(), 0);
    }
}
