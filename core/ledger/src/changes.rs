//! What a leg changes: every account it touches, before and after it, and the holds it makes and ends.
//!
//! Deciding (a draft) and applying (a ledger) both produce [`Changes`]. So the proof of a leg and the notices to
//! players use the same figures that are posted.

use std::sync::Arc;

use crate::{Account, AccountId, Hold, HoldId, Leg, touched::Touched};

/// A finished draft: the leg it decided, and what the leg changes.
#[derive(Debug)]
pub struct Drafted {
    /// The moves, as they are recorded.
    pub leg: Leg,
    /// What they change.
    pub changes: Changes,
}

/// What a leg changes, to be taken over by its ledger with [`Ledger::take_over`](crate::Ledger::take_over).
#[derive(Debug, Default)]
pub struct Changes {
    pub(crate) accounts: Touched<AccountId, Change>,
    /// Holds that are made (`Some`) or end (`None`).
    pub(crate) holds: Touched<HoldId, Option<Arc<Hold>>>,
}

/// An account before a leg and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Before the leg; `None` when the leg opens the account, or is the first to use it.
    pub before: Option<Account>,
    /// After the leg.
    pub after: Account,
}

impl Changes {
    /// No changes yet, and room for so many accounts, with a hold each.
    pub(crate) fn with_room(accounts: usize) -> Self {
        Self { accounts: Touched::with_room(accounts), holds: Touched::with_room(accounts) }
    }

    /// The change of one account; `None` when the leg does not touch it.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&Change> {
        self.accounts.get(id)
    }

    /// Every hold that the leg makes (`Some`) or ends (`None`); in the order in which it first does.
    pub fn holds(&self) -> impl ExactSizeIterator<Item = &(HoldId, Option<Arc<Hold>>)> {
        self.holds.entries().iter()
    }

    /// Every account that the leg touches, in the order in which it first does.
    pub fn accounts(&self) -> impl Iterator<Item = &(AccountId, Change)> {
        self.accounts.entries().iter()
    }
}
