//! The distributions domain: winnings paid to players.
//!
//! Winnings, stakes included, are an expense of the operator. The stakes in collections less these winnings are the
//! operator's margin. Winnings of a game that is played elsewhere are funded by collections, out of the game's results.

use ledger::{AccountId, AccountKind, Domain, Rejection};
use protocol::Currency;

use crate::{
    Accounts, clearing,
    decide::{Context, Part},
    post,
};

/// The state machine of winnings.
pub type Distributions = Accounts<Command>;

/// The commands of the domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Pays winnings, stakes included, to the player's balance.
    PayWinnings {
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
    /// Takes over what the collections domain hands over for winnings that are paid.
    TakeFunds {
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
}

impl crate::decide::Command for Command {
    const DOMAIN: Domain = Domain::Distributions;

    fn decide(&self, _: &Context<'_>, part: &mut Part<'_, '_>) -> Result<(), Rejection> {
        let draft = &mut *part.draft;
        match *self {
            Command::PayWinnings { currency, amount } => {
                let winnings = AccountId::house(AccountKind::Winnings, currency);
                post(draft, winnings, clearing(Domain::Balance, currency), amount)
            }
            Command::TakeFunds { currency, amount } => {
                let winnings = AccountId::house(AccountKind::Winnings, currency);
                post(draft, clearing(Domain::Collections, currency), winnings, amount)
            }
        }
    }
}
