//! The envelopes of what a table does by itself: the steps of a round, each under its own name.

use domains::{Intent, PlayerSettlement, Principal, recipes};
use protocol::{RoundId, TableId};

use super::{OpenRound, TableLeg, VoidReason, void_settlement};
use crate::turn::{Envelope, Tx};

/// A step, with the money that moves with it.
///
/// # Panics
/// For what a player does: that is no step.
pub(super) fn step(table: TableId, intent: Intent, shares: Vec<PlayerSettlement>, leg: TableLeg) -> Envelope {
    let id = leg.step_id(table).expect("what the table does by itself is a step");
    Envelope::Run(Tx { id, principal: Principal::HUB, key: None, intent, shares, table: Some((table, leg)) })
}

/// Returns every stake of a round. `deadline`: when the next one may open, milliseconds since 1970.
pub(super) fn void(round: RoundId, open: &OpenRound, reason: VoidReason, deadline: u64) -> Envelope {
    let leg = TableLeg::Voided { round: round.number, deadline, reason };
    let intent = recipes::RoundVoid { round, currency: open.currency }.into();
    step(round.table, intent, void_settlement(open), leg)
}
