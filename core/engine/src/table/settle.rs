//! Computes the outcome and the payouts of a locked round. Used live, by `hub verify` and by the simulation.

use domains::PlayerSettlement;
use games::{DrawResult, Game, fair};
use protocol::RoundId;

use super::{OpenRound, Stage};

/// The result of a draw. Anyone can repeat the draw with the revealed seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// The outcome.
    pub outcome: DrawResult,
    /// The seed, to be revealed.
    pub seed: [u8; 32],
}

/// Draws a locked round. `None` when it is not locked, or the seed is not the committed one.
#[must_use]
pub fn draw(game: &dyn Game, round: RoundId, open: &OpenRound, seed: [u8; 32]) -> Option<Draw> {
    let Stage::Locked { mix } = open.stage else { return None };
    let secret = fair::Seed(seed);
    if fair::commit(&secret) != open.commit {
        return None;
    }
    let outcome = game.draw(&mut fair::Stream::new(&secret, &mix, &round.to_string()));
    Some(Draw { outcome, seed })
}

/// The stakes and the payout of each player of a round, in the order of their ids. The payout is computed once for the
/// sum of a player's stakes on a bet, because payouts are additive in the stake. `None` when the game does not have a
/// bet, or a payout is out of range.
#[must_use]
pub fn settlement(game: &dyn Game, open: &OpenRound, outcome: DrawResult) -> Option<Vec<PlayerSettlement>> {
    let share = |(player, bets): (&protocol::PlayerId, &super::PlayerBets)| {
        let mut returned = 0_i128;
        for (code, stake) in bets.stakes() {
            returned = returned.checked_add(game.payout(*code, *stake, outcome)?)?;
        }
        Some(PlayerSettlement { player: *player, holds: bets.holds(), staked: bets.staked(), returned })
    };
    open.bets.players().iter().map(share).collect()
}

/// As [`settlement`], for a void round: each player gets the stakes back. They are added up from the single bets, not
/// taken from the sums, because wrong sums may be the reason why the table failed.
#[must_use]
pub fn void_settlement(open: &OpenRound) -> Vec<PlayerSettlement> {
    let shares = open.bets.players().iter().map(|(player, bets)| {
        let staked = bets.placed().iter().flat_map(|placed| &placed.bets).map(|(_, stake)| stake).sum();
        PlayerSettlement { player: *player, holds: bets.holds(), staked, returned: staked }
    });
    shares.collect()
}
