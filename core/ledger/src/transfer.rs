//! Transfers between two accounts.

use crate::{AccountId, Rejection};

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
    /// Checks the rules that need no state (`L1`). Deciding, applying and reading the state store all use it.
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
        if !self.debit.fits() || !self.credit.fits() {
            return Err(Rejection::OwnerUnfit);
        }
        Ok(())
    }
}
