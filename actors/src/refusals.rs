//! The budget of recorded refusals: bytes of log and memory for each player.
//!
//! A refusal that is recorded under its key stays for ever, so without a bound a player without money could fill log
//! and memory. Within the budget it is recorded; above it the request is answered `rate_limited`, nothing is recorded,
//! and the same key is decided afresh later.

use protocol::PlayerId;
use rustc_hash::FxHashMap;

use crate::bucket::{Bucket, Refill};

/// What one recorded refusal is charged: some 60 bytes of the log, and its key in memory twice, live and in the checkpoint
/// writer's copy.
pub const REFUSAL_BYTES: u64 = 512;

/// Players known before those with a full budget are forgotten.
const FORGET_ABOVE: usize = 4_096;

/// Bounds of what a player's recorded refusals cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusalBudget {
    /// Bytes in the long run, each second. At least 1.
    pub bytes_per_second: u32,
    /// Bytes that can be saved up.
    pub burst_bytes: u32,
}

/// The budgets of the players with recent refusals.
#[derive(Debug)]
pub struct Refusals {
    budget: RefusalBudget,
    players: FxHashMap<PlayerId, Bucket>,
    forget_above: usize,
}

impl Refusals {
    /// Full budgets for everybody.
    #[must_use]
    pub fn new(budget: RefusalBudget) -> Self {
        Self { budget, players: FxHashMap::default(), forget_above: FORGET_ABOVE }
    }

    /// Charges a player for a refusal that is to be recorded.
    ///
    /// # Errors
    /// The milliseconds to wait, when the player has not that much left; nothing is charged.
    pub fn charge(&mut self, player: PlayerId, now_ms: u64) -> Result<(), u64> {
        let RefusalBudget { bytes_per_second: per_second, burst_bytes: burst } = self.budget;
        let refill = Refill { per_second, burst };
        if self.players.len() >= self.forget_above {
            self.players.retain(|_, bucket| !bucket.is_full(refill, now_ms));
            // One pass over all players is followed by at least as many new players before the next.
            self.forget_above = FORGET_ABOVE.max(2 * self.players.len());
        }
        let bucket = self.players.entry(player).or_insert_with(|| Bucket::full(refill, now_ms));
        bucket.take(REFUSAL_BYTES, refill, now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAYER: PlayerId = PlayerId(7);

    fn refusals(bytes_per_second: u32, refusals: u32) -> Refusals {
        Refusals::new(RefusalBudget { bytes_per_second, burst_bytes: refusals * REFUSAL_BYTES as u32 })
    }

    #[test]
    fn a_player_may_burst_and_then_keeps_to_the_rate_and_others_have_their_own() {
        let mut refusals = refusals(128, 3);
        for _ in 0..3 {
            assert_eq!(refusals.charge(PLAYER, 1_000), Ok(()));
        }
        assert_eq!(refusals.charge(PLAYER, 1_000), Err(4_000), "512 bytes at 128 a second");
        assert_eq!(refusals.charge(PlayerId(8), 1_000), Ok(()));
        assert_eq!(refusals.charge(PLAYER, 4_999), Err(1));
        assert_eq!(refusals.charge(PLAYER, 5_000), Ok(()));
        assert_eq!(refusals.charge(PLAYER, 4_000), Err(4_000), "a clock that goes back gives nothing away");
        for _ in 0..3 {
            assert_eq!(refusals.charge(PLAYER, u64::MAX), Ok(()));
        }
        assert!(refusals.charge(PLAYER, u64::MAX).is_err(), "a pause saves up no more than the burst");
    }

    #[test]
    fn players_without_recent_refusals_are_forgotten() {
        let mut refusals = refusals(512, 2);
        for player in 0..3 * FORGET_ABOVE as u128 {
            let now_ms = player as u64;
            assert_eq!(refusals.charge(PlayerId(player), now_ms), Ok(()));
            // Each is full again after a second.
            assert!(refusals.players.len() <= FORGET_ABOVE.max(2 * 1_001), "{}", refusals.players.len());
        }
    }
}
