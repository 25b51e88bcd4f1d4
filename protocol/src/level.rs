//! How high a balance is, by the operator's thresholds.

use serde::{Deserialize, Serialize};

/// What a balance is by the thresholds of the operator. Low is what is available, high is what there is with what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BalanceLevel {
    /// Below the critical threshold.
    CriticalLow,
    /// Below the threshold of a warning.
    Low,
    /// Between all thresholds.
    #[default]
    Normal,
    /// Above the threshold of a warning.
    High,
    /// Above the critical threshold.
    CriticalHigh,
}

impl BalanceLevel {
    /// Every level, from the lowest to the highest.
    pub const ALL: [BalanceLevel; 5] = [
        BalanceLevel::CriticalLow,
        BalanceLevel::Low,
        BalanceLevel::Normal,
        BalanceLevel::High,
        BalanceLevel::CriticalHigh,
    ];

    /// The name on the wire and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            BalanceLevel::CriticalLow => "critical_low",
            BalanceLevel::Low => "low",
            BalanceLevel::Normal => "normal",
            BalanceLevel::High => "high",
            BalanceLevel::CriticalHigh => "critical_high",
        }
    }

    /// Whether it is beyond a critical threshold.
    #[must_use]
    pub fn is_critical(self) -> bool {
        matches!(self, BalanceLevel::CriticalLow | BalanceLevel::CriticalHigh)
    }
}
