//! Play sessions of players: when one is over, how often a player acknowledges how they play, and how fast rounds follow each
//! other.

use actors::ports::service::SessionRules;
use serde::{Deserialize, Serialize};

/// What the hub keeps of play sessions. A change is recorded at the next start, and holds from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlaySessionOptions {
    /// So long without a bet, and a play session is over. Seconds; 0..=86_400, in production from 60. 0: none are kept.
    pub pause_seconds: u32,
    /// After so much play no bet is taken until the player has acknowledged it. Seconds; 0..=86_400, in production from 60.
    /// 0: never. An hour is what the strictest rules known to us ask for, and a player who acknowledges plays on at once.
    pub reality_check_seconds: u32,
    /// From a player's first bet in a round until they may begin with another one. Milliseconds; 0..=60_000. 0: no such time.
    pub round_start_ms_min: u32,
}

impl Default for PlaySessionOptions {
    fn default() -> Self {
        Self { pause_seconds: 1_800, reality_check_seconds: 3_600, round_start_ms_min: 0 }
    }
}

impl PlaySessionOptions {
    /// As the money takes it.
    #[must_use]
    pub fn rules(&self) -> SessionRules {
        SessionRules {
            pause_min: u64::from(self.pause_seconds) * 1_000,
            check_every: u64::from(self.reality_check_seconds) * 1_000,
            start_min: self.round_start_ms_min.into(),
        }
    }
}
