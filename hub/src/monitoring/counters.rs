//! What the monitoring counts of itself, for the metrics.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// Figures of the alerts. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct AlertCounters(Arc<Counted>);

#[derive(Debug, Default)]
struct Counted {
    warnings: AtomicU64,
    critical: AtomicU64,
    told: AtomicU64,
    posted: AtomicU64,
    not_posted: AtomicU64,
}

/// The figures of the alerts at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AlertFigures {
    /// Warnings that there are now.
    pub warnings: u64,
    /// Critical alerts that there are now.
    pub critical: u64,
    /// What operators were told, in log messages.
    pub told: u64,
    /// What the webhook has taken.
    pub posted: u64,
    /// What it has not.
    pub not_posted: u64,
}

impl AlertCounters {
    /// The figures now.
    #[must_use]
    pub fn now(&self) -> AlertFigures {
        let Counted { warnings, critical, told, posted, not_posted } = &*self.0;
        AlertFigures {
            warnings: warnings.load(Relaxed),
            critical: critical.load(Relaxed),
            told: told.load(Relaxed),
            posted: posted.load(Relaxed),
            not_posted: not_posted.load(Relaxed),
        }
    }

    /// So many alerts there are now.
    pub fn active(&self, warnings: u64, critical: u64) {
        self.0.warnings.store(warnings, Relaxed);
        self.0.critical.store(critical, Relaxed);
    }

    /// An operator is told of something.
    pub fn told(&self) {
        self.0.told.fetch_add(1, Relaxed);
    }

    /// The webhook has taken an alert, or not.
    pub fn posted(&self, taken: bool) {
        let counter = if taken { &self.0.posted } else { &self.0.not_posted };
        counter.fetch_add(1, Relaxed);
    }
}
