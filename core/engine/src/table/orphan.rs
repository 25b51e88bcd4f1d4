//! Orphaned tables: tables of the log that are not in the configuration any more. Nothing of them stays open.

use domains::recipes::TableOnly;
use protocol::{RoundId, TableId};

use super::{TableLeg, TableState, VoidReason, step};
use crate::{books::Books, turn::Envelope};

/// The envelopes to submit for such a table, in this order; none when nothing is open. A table that a record did not fit
/// is quarantined first, as a live table would be, with an open round or without: until that is recorded, the state store
/// is not committed. Then the stakes of its open round are returned that are held in `books`, on which the envelopes are to be
/// decided. `now`: milliseconds since 1970.
#[must_use]
pub fn close_orphan(id: TableId, mut state: TableState, books: &Books, now: u64) -> Vec<Envelope> {
    let mut envelopes = Vec::new();
    if state.unfit {
        // As it will be recorded: the round may have ended long ago.
        state = state.to_quarantine();
        books.keep_held(&mut state);
        let leg = TableLeg::Quarantined { state: Box::new(state.clone()) };
        envelopes.push(step::step(id, TableOnly.into(), Vec::new(), leg));
    }
    if let Some(open) = &state.open {
        let round = RoundId { table: id, number: state.round };
        envelopes.push(step::void(round, open, VoidReason::TableGone, now));
    }
    envelopes
}
