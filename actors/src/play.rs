//! Play sessions, as the wire writes them.

use domains::play_session::{PlayFacts, PlaySum};
use protocol::play::{PlayPosition, PlayView};

use crate::currencies::Currencies;

/// What a player is told of a play session. A sum whose currency or amount cannot be written is left out.
#[must_use]
pub fn play_view(facts: &PlayFacts, currencies: &Currencies) -> PlayView {
    let position = |sum: &PlaySum| {
        let scale = currencies.spelling(sum.currency)?;
        PlayPosition::from_minor(sum.currency, sum.staked, sum.returned, scale)
    };
    PlayView {
        since: facts.since,
        ends: facts.ends,
        check: facts.check,
        start: facts.start,
        positions: facts.sums.iter().filter_map(position).collect(),
    }
}
