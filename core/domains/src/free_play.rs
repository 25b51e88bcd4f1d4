//! The free-play domain: bonus money, kept apart from cash.
//!
//! A player's bonus is an account of its own, with a floor like cash. A converted bonus becomes cash over the clearing
//! towards the balance domain: what is converted leaves the player's bonus, and nobody can convert more than there is.

use ledger::{AccountId, AccountKind, Domain, Draft, Rejection};
use protocol::{Currency, PlayerId};

use crate::{Accounts, clearing, open, post};

/// Bonus money.
pub type FreePlay = Accounts<Command>;

/// What the domain can be told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Gives a player bonus money of the house; opens the bonus account when it is the first.
    Grant {
        /// The player.
        player: PlayerId,
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
    /// Turns a player's bonus money whose terms are met into cash of the player's balance.
    Convert {
        /// The player.
        player: PlayerId,
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
}

impl crate::Command for Command {
    const DOMAIN: Domain = Domain::FreePlay;

    fn draft(&self, draft: &mut Draft<'_>) -> Result<(), Rejection> {
        match *self {
            Command::Grant { player, currency, amount } => {
                let bonus = AccountId::bonus(player, currency);
                open(draft, bonus)?;
                post(draft, AccountId::house(AccountKind::Grants, currency), bonus, amount)
            }
            Command::Convert { player, currency, amount } => {
                let bonus = AccountId::bonus(player, currency);
                post(draft, bonus, clearing(Domain::Balance, currency), amount)
            }
        }
    }
}
