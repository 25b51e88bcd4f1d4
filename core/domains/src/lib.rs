//! The state machines of the five money domains, and the recipes that span them.
//!
//! A domain owns its ledger and decides its commands on it: `decide(&self, commands) -> Result<Leg, Rejection>`,
//! then `apply(&mut self, &Leg)`. A [`Recipe`] is one business event: it says which commands each domain gets.
//! Money crosses from one domain to another over a pair of clearing accounts that mirror each other, so each
//! domain's ledger balances by itself and all clearing nets to zero.
//!
//! Pure: the actors that host these state machines live in `actors`, the turn that runs a recipe in `engine`.

pub mod adjustment;
pub mod balance;
pub mod collections;
pub mod distributions;
pub mod free_play;
mod notice;
mod recipe;

use ledger::{Domain, Ledger, Leg, Rejection};

pub use notice::{Funds, Notice, What};
pub use recipe::{Effects, PlayerSettlement, Recipe};

/// What every domain's state machine can do.
pub trait StateMachine: Default {
    /// What this domain can be told to do.
    type Command;

    /// Which domain this is.
    const DOMAIN: Domain;

    /// Decides commands as one, on the applied state. Nothing changes.
    ///
    /// # Errors
    /// The first rule that a command breaks; then none of them is done.
    fn decide(&self, commands: &[Self::Command]) -> Result<Leg, Rejection>;

    /// Applies a leg that this state has decided.
    ///
    /// # Errors
    /// When the leg was not decided on this state; see [`Ledger::apply`].
    fn apply(&mut self, leg: &Leg) -> Result<(), Rejection> {
        self.ledger_mut().apply(leg)
    }

    /// The domain's accounts.
    fn ledger(&self) -> &Ledger;

    /// The domain's accounts, to apply and to restore.
    fn ledger_mut(&mut self) -> &mut Ledger;
}

/// The five domains together, as the turn, replay and the simulation hold them.
#[derive(Debug, Clone, Default)]
pub struct Domains {
    /// Player accounts.
    pub balance: balance::Balance,
    /// Payments in, and stakes taken.
    pub collections: collections::Collections,
    /// Winnings and payouts.
    pub distributions: distributions::Distributions,
    /// Bonus money.
    pub free_play: free_play::FreePlay,
    /// Corrections.
    pub adjustment: adjustment::Adjustment,
}

impl Domains {
    /// The ledger of a domain.
    #[must_use]
    pub fn ledger(&self, domain: Domain) -> &Ledger {
        match domain {
            Domain::Balance => self.balance.ledger(),
            Domain::Collections => self.collections.ledger(),
            Domain::Distributions => self.distributions.ledger(),
            Domain::FreePlay => self.free_play.ledger(),
            Domain::Adjustment => self.adjustment.ledger(),
        }
    }

    /// The ledger of a domain, to apply and to restore.
    pub fn ledger_mut(&mut self, domain: Domain) -> &mut Ledger {
        match domain {
            Domain::Balance => self.balance.ledger_mut(),
            Domain::Collections => self.collections.ledger_mut(),
            Domain::Distributions => self.distributions.ledger_mut(),
            Domain::FreePlay => self.free_play.ledger_mut(),
            Domain::Adjustment => self.adjustment.ledger_mut(),
        }
    }
}
