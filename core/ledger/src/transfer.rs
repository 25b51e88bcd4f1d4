//! Transfers, the moves made of them, and legs made of moves.

use crate::{AccountId, Rejection};

/// The id of a hold, never used again: the id of the transaction that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldId(pub u128);

/// A debit of one account and a credit of another by the same amount, in one currency (`L1`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// The account that is debited.
    pub debit: AccountId,
    /// The account that is credited.
    pub credit: AccountId,
    /// Minor units, above zero.
    pub amount: i128,
}

impl Transfer {
    /// Checks the rules that need no state (`L1`). Deciding, applying and reading a checkpoint all use it.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self) -> Result<(), Rejection> {
        if self.amount <= 0 {
            return Err(Rejection::AmountNotPositive);
        }
        if self.debit == self.credit {
            return Err(Rejection::SameAccount);
        }
        if self.debit.currency != self.credit.currency {
            return Err(Rejection::CurrencyDiffers);
        }
        Ok(())
    }
}

/// One change of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Opens a player's account.
    Open(AccountId),
    /// Posts a transfer at once.
    Post(Transfer),
    /// Reserves a transfer under an id.
    Hold(HoldId, Transfer),
    /// Posts a held transfer.
    PostHold(HoldId),
    /// Drops a held transfer.
    VoidHold(HoldId),
}

/// All that one transaction changes in one domain's ledger. Made by a [`crate::Draft`], and decoded from the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leg {
    /// The moves, in order.
    pub moves: Vec<Move>,
}
