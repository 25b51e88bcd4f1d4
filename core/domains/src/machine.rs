//! The state machine of every domain: a ledger, and commands that draft moves on it.

use std::marker::PhantomData;

use ledger::{AccountId, AccountKind, Domain, Draft, Drafted, Ledger, Leg, Move, Rejection, Transfer};
use protocol::Currency;

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
pub(crate) fn post(
    draft: &mut Draft<'_>,
    debit: AccountId,
    credit: AccountId,
    amount: i128,
) -> Result<(), Rejection> {
    draft.add(Move::Post(Transfer { debit, credit, amount }))
}

/// Opens a player's account unless it is open.
pub(crate) fn open(draft: &mut Draft<'_>, account: AccountId) -> Result<(), Rejection> {
    match draft.account(&account) {
        Some(_) => Ok(()),
        None => draft.add(Move::Open(account)),
    }
}

/// The account of a domain towards another.
pub(crate) fn clearing(with: Domain, currency: Currency) -> AccountId {
    AccountId::house(AccountKind::Clearing(with), currency)
}
