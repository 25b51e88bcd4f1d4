//! What the rules of games return in the long run, for reports.

pub use games::{ReturnBand, TheoreticalReturn};

/// The long-run return of a game under one version of its rules; `None` when this release does not have them.
#[must_use]
pub fn theoretical_return(game: &str, rules: u16) -> Option<TheoreticalReturn> {
    games::rules(game, rules).and_then(TheoreticalReturn::of)
}
