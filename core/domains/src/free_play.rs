//! The free-play domain: bonus money, kept apart from cash.
//!
//! A player's bonus is an account of its own, with a floor of zero as cash has. Converting moves bonus money over the
//! clearing account into the balance domain's cash; no more can be converted than the bonus account has. No recipe
//! uses this domain yet.

use ledger::{AccountId, AccountKind, Domain, Rejection};
use protocol::{Currency, PlayerId};

use crate::{
    Accounts, clearing,
    decide::{Context, Part},
    open, post,
};

/// The state machine of bonus money.
pub type FreePlay = Accounts<Command>;

/// The commands of the domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Gives a player bonus money of the operator; opens the bonus account with the first grant.
    Grant {
        /// The player.
        player: PlayerId,
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
    /// Turns a player's bonus money into cash of the player's balance. The caller has checked that its terms are met.
    Convert {
        /// The player.
        player: PlayerId,
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
}

impl crate::decide::Command for Command {
    const DOMAIN: Domain = Domain::FreePlay;

    fn decide(&self, _: &Context<'_>, part: &mut Part<'_, '_>) -> Result<(), Rejection> {
        let draft = &mut *part.draft;
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
