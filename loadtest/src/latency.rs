//! Latencies in a histogram of high dynamic range: no averages, no sampling, every value counted.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Values of one kind, microseconds inside.
pub struct Latency(Histogram<u64>);

/// The percentiles of the values. Milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Percentiles {
    /// How many values.
    pub count: u64,
    /// Smallest.
    pub min_ms: f64,
    /// Median.
    pub p50_ms: f64,
    /// 90 % are at most this.
    pub p90_ms: f64,
    /// 99 %.
    pub p99_ms: f64,
    /// 99.9 %.
    pub p999_ms: f64,
    /// Largest.
    pub max_ms: f64,
}

impl Default for Latency {
    fn default() -> Self {
        let hour = 3_600_000_000;
        Self(Histogram::new_with_bounds(1, hour, 3).expect("the bounds are in order"))
    }
}

impl Latency {
    /// Counts a value; more than an hour counts as an hour.
    pub fn record(&mut self, value: Duration) {
        self.0.saturating_record(u64::try_from(value.as_micros()).unwrap_or(u64::MAX));
    }

    /// The percentiles of everything counted.
    #[must_use]
    pub fn percentiles(&self) -> Percentiles {
        let ms = |microseconds: u64| microseconds as f64 / 1_000.0;
        let at = |quantile| ms(self.0.value_at_quantile(quantile));
        Percentiles {
            count: self.0.len(),
            min_ms: ms(self.0.min()),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: ms(self.0.max()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact_to_three_digits() {
        let mut latency = Latency::default();
        (1..=1_000).for_each(|ms| latency.record(Duration::from_millis(ms)));
        let percentiles = latency.percentiles();
        assert_eq!(percentiles.count, 1_000);
        for (value, expected) in [
            (percentiles.p50_ms, 500.0),
            (percentiles.p90_ms, 900.0),
            (percentiles.p99_ms, 990.0),
            (percentiles.p999_ms, 999.0),
            (percentiles.max_ms, 1_000.0),
        ] {
            assert!((value / expected - 1.0).abs() < 0.001, "{value} instead of {expected}");
        }
    }
}
