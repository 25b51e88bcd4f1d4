//! Orphaned tables: tables of the log that are not in the configuration any more. Their stakes are returned.

use std::sync::Arc;

use protocol::TableId;

use super::{
    TableState, VoidReason,
    live::{LiveTable, TableConfig},
};
use crate::turn::Envelope;

/// The envelopes to submit, in this order, so that the stakes of the table's open round are returned; none when no
/// round is open. A table that a record did not fit is quarantined first, as a live table would be. `scale`: decimals
/// of the round's currency. `now`: milliseconds since 1970.
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
    // No round is played or shown, so it does not matter which game this is.
    let mut live = LiveTable::new(id, Arc::new(config), games::GAMES[0], state);
    let quarantine = unfit.then(|| live.quarantine());
    quarantine.into_iter().chain([live.void(VoidReason::TableGone, now)]).collect()
}
