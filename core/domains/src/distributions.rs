//! The distributions domain: winnings paid to players.
//!
//! What was won, stakes included, is an expense of the house; set against the stakes in collections it gives the margin.

use ledger::{AccountId, AccountKind, Domain, Draft, Rejection};
use protocol::Currency;

use crate::{Accounts, clearing, post};

/// Winnings and payouts.
pub type Distributions = Accounts<Command>;

/// What the domain can be told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Pays winnings, stakes included, to the player's balance.
    PayWinnings {
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
}

impl crate::Command for Command {
    const DOMAIN: Domain = Domain::Distributions;

    fn draft(&self, draft: &mut Draft<'_>) -> Result<(), Rejection> {
        match *self {
            Command::PayWinnings { currency, amount } => {
                let winnings = AccountId::house(AccountKind::Winnings, currency);
                post(draft, winnings, clearing(Domain::Balance, currency), amount)
            }
        }
    }
}
