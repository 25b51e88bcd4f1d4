//! The adjustment domain: corrections of players' balances.
//!
//! It has its accounts, and clearing towards the balance domain in both directions. `CREDIT` and `DEBIT` use it.

use ledger::{AccountId, AccountKind, Domain, Rejection};
use protocol::Currency;

use crate::{
    Accounts, clearing,
    decide::{Context, Part},
    post,
};

/// The state machine of corrections.
pub type Adjustment = Accounts<Command>;

/// The commands of the domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Pays a correction to a player's balance.
    Give {
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
    /// Takes a correction from a player's balance.
    Take {
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
}

impl crate::decide::Command for Command {
    const DOMAIN: Domain = Domain::Adjustment;

    fn decide(&self, _: &Context<'_>, part: &mut Part<'_, '_>) -> Result<(), Rejection> {
        let draft = &mut *part.draft;
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
