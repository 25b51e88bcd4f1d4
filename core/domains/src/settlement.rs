//! What follows from a table's state when its round ends.

use ledger::{HoldId, Ledger, Rejection};
use protocol::PlayerId;

/// One player's share in a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayerSettlement {
    /// The player.
    pub player: PlayerId,
    /// The holds of the player's bets.
    pub holds: Vec<HoldId>,
    /// Sum of the stakes, minor units.
    pub staked: i128,
    /// The payout, stakes included, minor units.
    pub returned: i128,
}

impl PlayerSettlement {
    /// Checks that its holds reserve what the player has staked. Otherwise two domains would move different amounts.
    ///
    /// # Errors
    /// When they do not.
    pub(crate) fn check(&self, ledger: &Ledger) -> Result<(), Rejection> {
        let held = self.holds.iter().filter_map(|hold| ledger.hold(*hold));
        let sum = held.fold(0_i128, |sum, hold| sum.saturating_add(hold.amount()));
        if sum == self.staked { Ok(()) } else { Err(Rejection::HoldNotOpen) }
    }
}
