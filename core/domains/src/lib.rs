//! The state machines of the five money domains, and the recipes that span them.
//!
//! A domain owns its ledger and decides its commands on it: `decide(&self, commands) -> Result<Drafted, Rejection>`,
//! then `apply(&mut self, &Leg)`. One file a domain holds its commands; all else stands once, here. A [`Recipe`] is one business event: it says which commands each domain gets.
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

use std::marker::PhantomData;

use ledger::{AccountId, AccountKind, Domain, Draft, Drafted, Ledger, Leg, Move, Rejection, Transfer};
use protocol::Currency;

pub use balance::Balance;
pub use notice::{Funds, Notice, What};
pub use recipe::{Effects, PlayerSettlement, Recipe};

/// What a domain can be told to do.
pub trait Command {
    /// Whose command it is.
    const DOMAIN: Domain;

    /// Drafts the moves that it stands for.
    ///
    /// # Errors
    /// The first rule of the ledger that one of them breaks.
    fn draft(&self, draft: &mut Draft<'_>) -> Result<(), Rejection>;
}

/// What every domain's state machine can do.
pub trait StateMachine: Default {
    /// What this domain can be told to do.
    type Command: Command;

    /// Which domain this is.
    const DOMAIN: Domain = <Self::Command as Command>::DOMAIN;

    /// Decides commands as one, on the applied state. Nothing changes.
    ///
    /// # Errors
    /// The first rule that a command breaks; then none of them is done.
    fn decide(&self, commands: &[Self::Command]) -> Result<Drafted, Rejection> {
        let mut draft = self.ledger().draft();
        commands.iter().try_for_each(|command| command.draft(&mut draft))?;
        Ok(draft.finish())
    }

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

/// A domain that keeps nothing but its accounts: all it adds to a ledger is what it can be told to do.
#[derive(Debug, Clone)]
pub struct Accounts<C> {
    ledger: Ledger,
    command: PhantomData<fn(C)>,
}

impl<C> Default for Accounts<C> {
    fn default() -> Self {
        Self { ledger: Ledger::default(), command: PhantomData }
    }
}

impl<C: Command> StateMachine for Accounts<C> {
    type Command = C;

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }
}

/// Posts an amount, minor units, from one account to another.
fn post(draft: &mut Draft<'_>, debit: AccountId, credit: AccountId, amount: i128) -> Result<(), Rejection> {
    draft.add(Move::Post(Transfer { debit, credit, amount }))
}

/// Opens a player's account unless it is open.
fn open(draft: &mut Draft<'_>, account: AccountId) -> Result<(), Rejection> {
    match draft.account(&account) {
        Some(_) => Ok(()),
        None => draft.add(Move::Open(account)),
    }
}

/// The account of a domain towards another.
fn clearing(with: Domain, currency: Currency) -> AccountId {
    AccountId::house(AccountKind::Clearing(with), currency)
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
