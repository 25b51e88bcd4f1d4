//! How a locked round becomes an outcome and payments. Used live, by `hub verify` and by the simulation.

use domains::PlayerSettlement;
use games::{DrawResult, Game, fair};
use protocol::RoundId;

use super::{OpenRound, Stage};

/// A draw, as anyone can repeat it from the revealed seed.
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

/// What each player of a round staked and is paid, in the order of their ids. A player's stakes on one bet are paid
/// as one: a payout is additive in the stake. `None` when a bet is not one of the game, or a payment is out of range.
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

/// The same for a round that is void: everyone is returned what they staked. It is added up from the bets as they
/// were placed, not taken from the sums beside them: a table that has failed may have failed over those.
#[must_use]
pub fn void_settlement(open: &OpenRound) -> Vec<PlayerSettlement> {
    let shares = open.bets.players().iter().map(|(player, bets)| {
        let staked = bets.placed().iter().flat_map(|placed| &placed.bets).map(|(_, stake)| stake).sum();
        PlayerSettlement { player: *player, holds: bets.holds(), staked, returned: staked }
    });
    shares.collect()
}
