//! Moves, and legs made of moves.

use std::sync::Arc;

use crate::{AccountId, Hold, HoldId, Transfer};

/// One change of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Opens an account that must be opened.
    Open(AccountId),
    /// Posts a transfer at once.
    Post(Transfer),
    /// Reserves money under an id.
    Hold(HoldId, Arc<Hold>),
    /// Posts what is held.
    PostHold(HoldId),
    /// Drops what is held.
    VoidHold(HoldId),
}

/// All that one transaction changes in one domain's ledger. Made by a [`crate::Draft`], and decoded from the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leg {
    /// The moves, in order.
    pub moves: Vec<Move>,
}
