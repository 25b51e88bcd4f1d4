//! The check that a player can run on a finished round.

use base16ct::HexDisplay;

use super::{Seed, Stream, commit};
use crate::game::{DrawResult, Game};

/// Why a round fails the check. When several reasons hold, the first in this order is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The revealed seed is not the one committed to.
    #[error(
        "the seed hashes to {:x}, but {:x} was committed to",
        HexDisplay(computed),
        HexDisplay(committed)
    )]
    Commit {
        /// What the seed hashes to.
        computed: [u8; 32],
        /// What was published before the bets.
        committed: [u8; 32],
    },
    /// Seed, mix and round give another outcome.
    #[error("the seed draws outcome {}, but {} was recorded", drawn.0, recorded.0)]
    DrawResult {
        /// What the stream draws.
        drawn: DrawResult,
        /// What the round was settled with.
        recorded: DrawResult,
    },
}

/// Checks a finished round: the seed is the one committed to, and it draws this outcome.
///
/// The mix is taken as given. A caller that has the players' shares first compares it with [`mix`](super::mix).
pub fn check(
    game: &dyn Game,
    round: &str,
    seed: &Seed,
    committed: &[u8; 32],
    mix: &[u8; 32],
    recorded: DrawResult,
) -> Result<(), Mismatch> {
    let computed = commit(seed);
    if computed != *committed {
        return Err(Mismatch::Commit { computed, committed: *committed });
    }
    let drawn = game.draw(&mut Stream::new(seed, mix, round));
    if drawn != recorded {
        return Err(Mismatch::DrawResult { drawn, recorded });
    }
    Ok(())
}
