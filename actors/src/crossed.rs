//! Balances that cross a threshold of the operator: counted, and the critical ones logged now and then.

use domains::balance_rule::Crossing;
use engine::Told;

use crate::telemetry::Metrics;

/// The least time between two lines of the log, milliseconds. What is between them is counted only.
const LOG_EVERY: u64 = 1_000;

/// Counts what crosses thresholds.
#[derive(Debug, Default)]
pub struct Crossed {
    /// When a line was logged last, milliseconds since 1970.
    logged: u64,
}

impl Crossed {
    /// Counts the thresholds that a transaction has crossed, at a time: milliseconds since 1970.
    pub fn count(&mut self, told: &[Told], now: u64, metrics: &Metrics) {
        for Told { notice, crossing, .. } in told {
            let Some(Crossing { level, .. }) = crossing.filter(|crossing| crossing.warns()) else { continue };
            metrics.crossed(level);
            if level.is_critical() && now >= self.logged.saturating_add(LOG_EVERY) {
                self.logged = now;
                tracing::warn!(
                    player = %notice.player,
                    currency = %notice.currency,
                    level = level.name(),
                    "a balance is beyond a critical threshold"
                );
            }
        }
    }
}
