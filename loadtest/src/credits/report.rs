//! What the measurement has found.

use std::fmt;

use serde::Serialize;

use crate::latency::Percentiles;

/// Faults that are kept as text.
const FAULTS_MAX: usize = 20;

/// What was wrong.
#[derive(Debug, Default, Serialize)]
pub struct Faults {
    /// The first ones as text.
    first: Vec<String>,
    /// All of them.
    total: u64,
}

impl Faults {
    pub(super) fn add(&mut self, text: String) {
        self.total += 1;
        if self.first.len() < FAULTS_MAX {
            self.first.push(text);
        }
    }

    /// How many.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }
}

/// The result of a measurement.
#[derive(Debug, Serialize)]
pub struct Credits {
    /// Connections.
    pub clients: usize,
    /// Players that were credited.
    pub players: usize,
    /// Credits in the measured time.
    pub credits: u64,
    /// Credits a second.
    pub per_second: f64,
    /// From when a request was due to its answer, which comes when the credit is on disk.
    pub answered: Percentiles,
    /// Balances that were compared with what was credited.
    pub compared: usize,
    /// Requests that were sent again.
    pub again: usize,
    /// What was wrong.
    pub faults: Faults,
}

impl fmt::Display for Credits {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clients, credits, per_second, compared, again, faults, .. } = self;
        let Percentiles { p50_ms, p90_ms, p99_ms, p999_ms, max_ms, .. } = self.answered;
        writeln!(out, "{credits} credits from {clients} clients: {per_second:.0} a second")?;
        writeln!(out, "  milliseconds       p50       p90       p99     p99.9       max")?;
        writeln!(
            out,
            "  answered     {p50_ms:>9.3} {p90_ms:>9.3} {p99_ms:>9.3} {p999_ms:>9.3} {max_ms:>9.3}"
        )?;
        match faults.total {
            0 => write!(
                out,
                "{compared} balances are what was credited, and {again} requests sent again brought their first answers"
            ),
            total => {
                write!(out, "{total} FAULTS")?;
                faults.first.iter().try_for_each(|fault| write!(out, "\n  {fault}"))
            }
        }
    }
}
