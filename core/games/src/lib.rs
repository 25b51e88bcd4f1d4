//! Rules of play, one file a game, and fair randomness.
//!
//! `engine` opens a round, commits to a [`fair::Seed`], takes bets that [`Game::bet`] has turned into
//! [`BetCode`]s, locks, draws with [`Game::draw`] from a [`fair::Stream`], and pays what [`Game::payout`]
//! says. Limits, phases and money are the engine's and the ledger's; nothing here keeps state, reads a clock
//! or makes a random seed, so the same inputs give the same round for ever.
//!
//! A new game is one file that implements [`Game`] and one line in [`GAMES`].

pub mod fair;
pub mod roulette;

mod game;

pub use game::{BetCode, BetRefused, Described, DrawResult, Face, Game};

/// Every game the hub can play: one line a game.
pub static GAMES: &[&dyn Game] = &[&roulette::European];

/// Finds a game by the name that configuration, log and wire use.
#[must_use]
pub fn game(name: &str) -> Option<&'static dyn Game> {
    GAMES.iter().copied().find(|game| game.name() == name)
}

#[cfg(test)]
mod tests;
