//! The adjustment domain: corrections.
//!
//! It stands with its accounts and its clearing towards the balance domain, in both directions.

use ledger::{AccountId, AccountKind, Domain, Draft, Rejection};
use protocol::Currency;

use crate::{Accounts, clearing, post};

/// Corrections.
pub type Adjustment = Accounts<Command>;

/// What the domain can be told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Gives to a player's balance.
    Give {
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
    /// Takes from a player's balance.
    Take {
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
}

impl crate::Command for Command {
    const DOMAIN: Domain = Domain::Adjustment;

    fn draft(&self, draft: &mut Draft<'_>) -> Result<(), Rejection> {
        match *self {
            Command::Give { currency, amount } => {
                let corrections = AccountId::house(AccountKind::Corrections, currency);
                post(draft, corrections, clearing(Domain::Balance, currency), amount)
            }
            Command::Take { currency, amount } => {
                let corrections = AccountId::house(AccountKind::Corrections, currency);
                post(draft, clearing(Domain::Balance, currency), corrections, amount)
            }
        }
    }
}
