//! A table that is in the log and not in the configuration any more: its stakes are returned.

use std::sync::Arc;

use protocol::TableId;

use super::{
    TableState, VoidReason,
    live::{LiveTable, TableConfig},
};
use crate::turn::Envelope;

/// What to submit so that the stakes of the table's open round go back, in this order; nothing without one. A table that
/// a record did not fit is quarantined first, as it would be at work. `scale`: decimals of the round's currency.
#[must_use]
pub fn void_orphan(id: TableId, state: TableState, scale: u32, now: u64) -> Vec<Envelope> {
    let Some(open) = &state.open else { return Vec::new() };
    let config = TableConfig {
        name: id.to_string(),
        game: open.game.to_string(),
        currency: open.currency,
        scale,
        betting_ms: 0,
        locked_ms: 0,
        pause_ms: 0,
        limits: Vec::new(),
        round_max: 0,
        seats_max: 0,
        places_max: 0,
    };
    let unfit = state.unfit;
    // Nothing is played or shown: the game is of no consequence.
    let mut live = LiveTable::new(id, Arc::new(config), games::GAMES[0], state);
    let quarantine = unfit.then(|| live.quarantine());
    quarantine.into_iter().chain([live.void(VoidReason::TableGone, now)]).collect()
}
