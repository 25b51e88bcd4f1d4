//! What the hub finds out about itself.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// How the hub judges itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Monitoring {
    /// What each check counts in the health score.
    pub weights: Weights,
}

/// What each check counts in the health score, beside the others. 0..=1_000; not all of them 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// The log takes records and releases them.
    pub journal: u32,
    /// The threads of tables answer.
    pub tables: u32,
    /// The five domains answer, each a fifth of it.
    pub domains: u32,
    /// The hub takes work; less of it, the fuller the hub is.
    pub admission: u32,
    /// New people get an id.
    pub people: u32,
    /// The backplane works.
    pub channels: u32,
    /// The state store keeps up with the log.
    pub state_store: u32,
    /// The read model answers and keeps up; left out when none is kept.
    pub read_model: u32,
    /// The archive keeps up; left out when there is none.
    pub archive: u32,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            journal: 30,
            tables: 10,
            domains: 25,
            admission: 10,
            people: 5,
            channels: 5,
            state_store: 5,
            read_model: 5,
            archive: 5,
        }
    }
}

impl Weights {
    /// Every weight with its option and the values that it may have.
    pub(super) fn bounds(&self) -> impl Iterator<Item = (&'static str, u32, RangeInclusive<u32>)> {
        [
            ("monitoring.weights.journal", self.journal),
            ("monitoring.weights.tables", self.tables),
            ("monitoring.weights.domains", self.domains),
            ("monitoring.weights.admission", self.admission),
            ("monitoring.weights.people", self.people),
            ("monitoring.weights.channels", self.channels),
            ("monitoring.weights.state_store", self.state_store),
            ("monitoring.weights.read_model", self.read_model),
            ("monitoring.weights.archive", self.archive),
        ]
        .into_iter()
        .map(|(key, value)| (key, value, 0..=1_000))
    }
}
