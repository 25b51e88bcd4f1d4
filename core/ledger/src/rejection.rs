//! Why a ledger refuses.

/// The order is the order of precedence: the first that holds is the one returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Rejection {
    /// A transfer moves something.
    #[error("the amount is not above zero")]
    AmountNotPositive,
    /// A transfer has two sides.
    #[error("debit and credit are the same account")]
    SameAccount,
    /// A transfer has one currency.
    #[error("the accounts have different currencies")]
    CurrencyDiffers,
    /// A hold is made once.
    #[error("the hold exists already")]
    HoldExists,
    /// The hold never was, or has ended (`L3`).
    #[error("the hold is not open")]
    HoldNotOpen,
    /// An account is opened once.
    #[error("the account is open already")]
    AccountExists,
    /// A player's account must be opened first.
    #[error("the account does not exist")]
    AccountNotFound,
    /// No debits while frozen.
    #[error("the account is frozen")]
    AccountFrozen,
    /// `L2`.
    #[error("the available balance is below the amount")]
    InsufficientFunds,
    /// A sum would leave the range the ledger keeps.
    #[error("the balance would be too large")]
    TooLarge,
}
