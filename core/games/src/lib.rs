//! Rules of play, one file a game, and fair randomness.
//!
//! `engine` opens a round, commits to a [`fair::Seed`], takes bets that [`Game::bet`] has turned into
//! [`BetCode`]s, locks, draws with [`Game::draw`] from a [`fair::Stream`], and pays what [`Game::payout`]
//! returns. Limits and phases belong to `engine`, money to `ledger`. Nothing here keeps state, reads a clock or makes
//! a random seed, so the same inputs always give the same round.
//!
//! A new game is one file that implements [`Game`] and one line in [`GAMES`]. New rules of an existing game are a new
//! type beside the old one; [`Game::earlier`] keeps naming the old one as long as a log may hold rounds of it.

pub mod fair;
pub mod roulette;

mod game;
mod returns;

pub use game::{BetCode, BetRefused, Described, DrawResult, Face, Game};
pub use returns::{ReturnBand, TheoreticalReturn};

/// Every game of the hub.
pub static GAMES: &[&dyn Game] = &[&roulette::European];

/// Finds a game by the name that configuration, log and wire use.
#[must_use]
pub fn game(name: &str) -> Option<&'static dyn Game> {
    GAMES.iter().copied().find(|game| game.name() == name)
}

/// A game with this version of its rules, the newest or one of [`Game::earlier`]; `None` for any other version.
#[must_use]
pub fn version(game: &'static dyn Game, version: u16) -> Option<&'static dyn Game> {
    if game.rules_version() == version {
        return Some(game);
    }
    game.earlier().iter().copied().find(|earlier| earlier.rules_version() == version)
}

/// The rules that a round was opened under, as its record names them.
#[must_use]
pub fn rules(name: &str, rules_version: u16) -> Option<&'static dyn Game> {
    version(game(name)?, rules_version)
}

#[cfg(test)]
mod tests;
