//! What protects players.

use std::ops::RangeInclusive;

use actors::ports::service::{DAY, Protection};
use serde::{Deserialize, Serialize};

/// An hour, milliseconds.
const HOUR: u64 = DAY / 24;

/// How long exclusions last at least or at most. A change is recorded at the next start; exclusions that stand keep their ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProtectionOptions {
    /// The longest time-out. Days; 1..=366.
    pub time_out_days_max: u32,
    /// The shortest self-exclusion. Days; 1..=36_500.
    pub self_exclusion_days_min: u32,
    /// From when a player asks to come back after a self-exclusion until play begins. Hours; 0..=8_784.
    pub cooling_off_hours: u32,
}

impl Default for ProtectionOptions {
    fn default() -> Self {
        let Protection { time_out_max, self_exclusion_min, cooling_off } = Protection::STANDARD;
        Self {
            time_out_days_max: (time_out_max / DAY) as u32,
            self_exclusion_days_min: (self_exclusion_min / DAY) as u32,
            cooling_off_hours: (cooling_off / HOUR) as u32,
        }
    }
}

impl ProtectionOptions {
    /// As the money takes it.
    #[must_use]
    pub fn protection(&self) -> Protection {
        Protection {
            time_out_max: u64::from(self.time_out_days_max) * DAY,
            self_exclusion_min: u64::from(self.self_exclusion_days_min) * DAY,
            cooling_off: u64::from(self.cooling_off_hours) * HOUR,
        }
    }

    /// Each option with its bounds.
    pub(super) fn bounds(&self) -> [(&'static str, u32, RangeInclusive<u32>); 3] {
        [
            ("protection.time_out_days_max", self.time_out_days_max, 1..=366),
            ("protection.self_exclusion_days_min", self.self_exclusion_days_min, 1..=36_500),
            ("protection.cooling_off_hours", self.cooling_off_hours, 0..=8_784),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_in_is_what_holds_while_nothing_is_recorded() {
        assert_eq!(ProtectionOptions::default().protection(), Protection::STANDARD);
    }
}
