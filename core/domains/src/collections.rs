//! The collections domain: payments in, and stakes taken from players.
//!
//! A deposit comes from a source account, the house's or a merchant's, whose balance is what the operator is to receive from
//! that source. The results account of a game that is played elsewhere is what the game has paid to its winners.

use ledger::{AccountId, AccountKind, Domain, Owner, Rejection};
use protocol::Currency;

use crate::{
    Accounts, clearing,
    decide::{Context, Part},
    post,
};

/// The state machine of payments in and stakes taken.
pub type Collections = Accounts<Command>;

/// The commands of the domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Hands a deposit that has arrived from the source to the player's balance.
    Capture {
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
    /// Hands a deposit that has arrived in the name of a merchant to the player's balance.
    CaptureOf {
        /// The merchant.
        merchant: Owner,
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
    /// Hands what a game owes its winners to the distributions domain, which pays them.
    FundWinnings {
        /// The game.
        game: Owner,
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
    /// Takes stakes that the balance domain hands over.
    CollectStakes {
        /// The currency.
        currency: Currency,
        /// Minor units.
        amount: i128,
    },
}

impl crate::decide::Command for Command {
    const DOMAIN: Domain = Domain::Collections;

    fn decide(&self, _: &Context<'_>, part: &mut Part<'_, '_>) -> Result<(), Rejection> {
        let draft = &mut *part.draft;
        match *self {
            Command::Capture { currency, amount } => {
                let source = AccountId::house(AccountKind::Source, currency);
                post(draft, source, clearing(Domain::Balance, currency), amount)
            }
            Command::CaptureOf { merchant: owner, currency, amount } => {
                let source = AccountId { kind: AccountKind::Source, owner, currency };
                post(draft, source, clearing(Domain::Balance, currency), amount)
            }
            Command::FundWinnings { game: owner, currency, amount } => {
                let results = AccountId { kind: AccountKind::Results, owner, currency };
                post(draft, results, clearing(Domain::Distributions, currency), amount)
            }
            Command::CollectStakes { currency, amount } => {
                let stakes = AccountId::house(AccountKind::Stakes, currency);
                post(draft, clearing(Domain::Balance, currency), stakes, amount)
            }
        }
    }
}
