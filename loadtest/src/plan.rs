//! The plan of a load run: read from a TOML file, or put together from flags.

use std::{fs, path::Path, time::Duration};

use protocol::TableId;
use serde::{Deserialize, Serialize};

use crate::{arrivals::Spacing, bet::Spot, fates::Required};

/// A load run. Every option has a default; `config/loadtest/smoke.toml` explains them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// Players, each with its own connection; 1..=100_000.
    pub players: usize,
    /// Connections opened a second.
    pub connects_per_second: f64,
    /// How long bets arrive. Seconds.
    pub seconds: f64,
    /// How long before that bets arrive without being measured. Seconds.
    pub warmup_seconds: f64,
    /// Longest wait for the last answers and results. Seconds; above the longest round of the tables.
    pub settle_seconds_max: f64,
    /// Whether every player follows its table's channel, as the page does; otherwise one player a table does.
    pub follow_tables: bool,
    /// Whether every player sets every limit there is, so high that none is reached, before the first bet.
    pub limits: bool,
    /// Tables to sit at, in turn; empty: all the hub has.
    pub tables: Vec<TableId>,
    /// Accepted bets that are checked by asking again with their key.
    pub samples: usize,
    /// Seed of all choices; absent: a fresh one, printed.
    pub seed: Option<u64>,
    /// When bets are due.
    pub arrivals: ArrivalPlan,
    /// What is bet.
    pub bets: BetPlan,
    /// What the run must reach.
    pub required: Required,
}

/// When bets are due.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArrivalPlan {
    /// Bets a second over all players. Ignored when `closed` is given.
    pub rate: f64,
    /// How they are spaced.
    pub spacing: Spacing,
    /// Instead of a rate: so many bets are kept under way, a new one for each answer. It finds the most a hub
    /// can do; its latencies say nothing about a rate.
    pub closed: Option<usize>,
}

/// What is bet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BetPlan {
    /// Stake of each bet, in the tables' currency.
    pub stake: String,
    /// The spots, chosen at random.
    pub spots: Vec<String>,
    /// How long before the end of betting a player stops. Milliseconds; 0: when it hears that betting is over,
    /// which makes some bets late.
    pub close_margin_ms: u64,
    /// Bets one player may have under way; at most the hub's `rate.in_flight_per_session`.
    pub in_flight_per_player_max: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            players: 50,
            connects_per_second: 100.0,
            seconds: 10.0,
            warmup_seconds: 1.0,
            settle_seconds_max: 60.0,
            follow_tables: true,
            limits: false,
            tables: Vec::new(),
            samples: 200,
            seed: None,
            arrivals: ArrivalPlan::default(),
            bets: BetPlan::default(),
            required: Required::default(),
        }
    }
}

impl Default for ArrivalPlan {
    fn default() -> Self {
        Self { rate: 100.0, spacing: Spacing::Poisson, closed: None }
    }
}

impl Default for BetPlan {
    fn default() -> Self {
        let spots = ["red", "black", "odd", "even", "low", "high", "dozen:2", "straight:17", "split:17,20"];
        Self {
            stake: "0.50".to_owned(),
            spots: spots.map(str::to_owned).to_vec(),
            close_margin_ms: 0,
            in_flight_per_player_max: 16,
        }
    }
}

/// Why a plan cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("read {path}")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not a plan.
    #[error("understand {path}")]
    Toml {
        /// The file.
        path: String,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A value is out of bounds.
    #[error("{0}")]
    Value(String),
}

impl Plan {
    /// Reads and checks a plan.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = || path.display().to_string();
        let text = fs::read_to_string(path).map_err(|source| Error::Read { path: name(), source })?;
        let plan: Self =
            toml::from_str(&text).map_err(|source| Error::Toml { path: name(), source: Box::new(source) })?;
        plan.checked()
    }

    /// The plan, if every value is within its bounds.
    pub fn checked(self) -> Result<Self, Error> {
        let wrong = |text: &str| Err(Error::Value(text.to_owned()));
        let rates = [self.connects_per_second, self.arrivals.rate];
        let times = [self.seconds, self.warmup_seconds, self.settle_seconds_max];
        if !(1..=100_000).contains(&self.players) {
            return wrong("players must be 1 to 100_000");
        }
        if !rates.iter().all(|rate| rate.is_finite() && *rate > 0.0) {
            return wrong("connects_per_second and arrivals.rate must be above 0");
        }
        if !times.iter().all(|time| (0.0..=1e6).contains(time)) || self.seconds == 0.0 {
            return wrong("seconds must be above 0, warmup_seconds and settle_seconds_max at least 0");
        }
        if self.arrivals.closed == Some(0) || self.bets.in_flight_per_player_max == 0 {
            return wrong("arrivals.closed and bets.in_flight_per_player_max must be at least 1");
        }
        if self.bets.stake.parse::<protocol::Amount>().is_err() {
            return wrong("bets.stake must be an amount such as \"0.50\"");
        }
        let shares = [self.required.accepted_share_min, self.required.late_share_max];
        if !shares.iter().all(|share| (0.0..=1.0).contains(share)) {
            return wrong("required.accepted_share_min and required.late_share_max must be 0 to 1");
        }
        self.spots().map_err(Error::Value)?;
        Ok(self)
    }

    /// The spots to bet on.
    pub fn spots(&self) -> Result<Vec<Spot>, String> {
        if self.bets.spots.is_empty() {
            return Err("bets.spots must name at least one bet".to_owned());
        }
        self.bets.spots.iter().map(|text| Spot::parse(text)).collect()
    }

    /// Bets and warm-up together.
    #[must_use]
    pub fn length(&self) -> Duration {
        Duration::from_secs_f64(self.seconds + self.warmup_seconds)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn the_plans_that_are_shipped_are_valid() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/loadtest");
        for name in ["smoke.toml", "canonical.toml"] {
            Plan::read(&folder.join(name)).unwrap();
        }
    }

    /// The lengths of the rounds of a hub's tables, and how many tables have each. Milliseconds.
    fn rounds(name: &str) -> Vec<(i64, i64)> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/loadtest").join(name);
        let hub: toml::Table = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let length = |table: &toml::Value| {
            let number = |key: &str| table.get(key).map_or(0, |value| value.as_integer().unwrap());
            (number("betting_ms") + number("locked_ms") + number("pause_ms"), number("copies").max(1))
        };
        hub["tables"].as_array().unwrap().iter().map(length).collect()
    }

    #[test]
    fn the_hub_under_load_settles_one_table_at_a_time_and_the_worst_case_five() {
        let mut usual = rounds("hub.toml");
        assert!(usual.len() == 20 && usual.iter().all(|(_, copies)| *copies == 1), "{usual:?}");
        usual.sort_unstable();
        assert!(usual.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 100), "they drift apart: {usual:?}");
        let lockstep = rounds("lockstep.toml");
        assert!(lockstep.len() == 4 && lockstep.iter().all(|(_, copies)| *copies == 5), "{lockstep:?}");
    }

    #[test]
    fn a_wrong_key_or_value_is_named() {
        let error = |text: &str| -> String {
            match toml::from_str::<Plan>(text) {
                Ok(plan) => plan.checked().unwrap_err().to_string(),
                Err(error) => error.to_string(),
            }
        };
        assert!(error("player = 5").contains("player"));
        assert!(error("players = 0").contains("players"));
        assert!(error("[bets]\nstake = \"1e3\"").contains("stake"));
        assert!(error("[bets]\nspots = []").contains("spots"));
        assert!(error("[bets]\nspots = [\"split:a\"]").contains("split:a"));
        assert!(error("[arrivals]\nrate = -1.0").contains("rate"));
        assert!(error("[required]\naccepted_share_min = 99.0").contains("accepted_share_min"));
        assert!(error("[arrivals]\nspacing = \"random\"").contains("spacing"));
    }
}
