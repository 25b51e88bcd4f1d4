//! The state machine that all domains share: a ledger, and when it is to be asked next.

use std::marker::PhantomData;

use ledger::{AccountId, AccountKind, Domain, Draft, Ledger, Leg, Move, Rejection, Transfer};
use protocol::Currency;

use crate::decide::Command;

/// The state machine of a domain.
pub trait StateMachine: Default {
    /// The commands of this domain.
    type Command: Command;

    /// Which domain this is.
    const DOMAIN: Domain = <Self::Command as Command>::DOMAIN;

    /// Applies a leg that was decided on this state.
    ///
    /// # Errors
    /// When the leg was not decided on this state; see [`Ledger::apply`].
    fn apply(&mut self, leg: &Leg) -> Result<(), Rejection> {
        self.ledger_mut().apply(leg)
    }

    /// When the domain is to be asked next, milliseconds since 1970; `None` when nothing waits for a time.
    fn due(&self) -> Option<u64> {
        self.ledger().next_expiry().map(|(time, _)| time)
    }

    /// The domain's accounts.
    fn ledger(&self) -> &Ledger;

    /// The domain's accounts, to apply and to restore.
    fn ledger_mut(&mut self) -> &mut Ledger;
}

/// A domain that keeps only its accounts: a ledger, with the commands of the domain.
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

/// A domain's clearing account towards another domain.
pub(crate) fn clearing(with: Domain, currency: Currency) -> AccountId {
    AccountId::house(AccountKind::Clearing(with), currency)
}
