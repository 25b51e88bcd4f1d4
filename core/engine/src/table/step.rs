//! The envelopes of what a table does by itself: the steps of a round, each under its own name.

use domains::Recipe;
use protocol::{RoundId, TableId};

use super::{OpenRound, TableLeg, VoidReason, void_settlement};
use crate::{
    keys::TxId,
    turn::{Envelope, Tx},
};

/// A step, with the money that moves with it.
///
/// # Panics
/// For what a player does: that is no step.
pub(super) fn step(table: TableId, recipe: Recipe, leg: TableLeg) -> Envelope {
    let round = RoundId { table, number: leg.round() };
    let id = TxId::of_round(round, leg.step().expect("what the round does by itself is a step"));
    Envelope::Run(Tx { id, key: None, recipe, table: Some((table, leg)) })
}

/// Returns every stake of a round. `deadline`: when the next one may open, milliseconds since 1970.
pub(super) fn void(round: RoundId, open: &OpenRound, reason: VoidReason, deadline: u64) -> Envelope {
    let leg = TableLeg::Voided { round: round.number, deadline, reason };
    let (currency, players) = (open.currency, void_settlement(open));
    step(round.table, Recipe::RoundVoid { round, currency, players }, leg)
}
