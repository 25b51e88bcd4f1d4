//! Which games there are, and what their rules return in the long run, for reports.

pub use games::{ReturnBand, TheoreticalReturn};

/// Whether this release has a game of this name.
#[must_use]
pub fn is_game(name: &str) -> bool {
    games::game(name).is_some()
}

/// The long-run return of a game under one version of its rules; `None` when this release does not have them.
#[must_use]
pub fn theoretical_return(game: &str, rules: u16) -> Option<TheoreticalReturn> {
    games::rules(game, rules).and_then(TheoreticalReturn::of)
}
