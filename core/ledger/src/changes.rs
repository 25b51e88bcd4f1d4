//! What a leg changes: every account it touches, before and after it, and the holds it makes and ends.
//!
//! A draft that decides and a ledger that applies both end in [`Changes`], so that whoever proves a leg, or tells a
//! player of it, reads the same figures that are posted.

use crate::{Account, AccountId, HoldId, Leg, Transfer, touched::Touched};

/// What a draft has decided.
#[derive(Debug)]
pub struct Drafted {
    /// The moves, as they are recorded.
    pub leg: Leg,
    /// What they change.
    pub changes: Changes,
}

/// What a leg changes, to be taken over by its ledger.
#[derive(Debug, Default)]
pub struct Changes {
    pub(crate) accounts: Touched<AccountId, Change>,
    /// Holds that are made (`Some`) or end (`None`).
    pub(crate) holds: Touched<HoldId, Option<Transfer>>,
}

/// An account before a leg and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Before; none where the leg opens the account, or is the first to use it.
    pub before: Option<Account>,
    /// After.
    pub after: Account,
}

impl Changes {
    /// What becomes of an account; none where the leg does not touch it.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&Change> {
        self.accounts.get(id)
    }

    /// Every account that the leg touches, in the order in which it first does.
    pub fn accounts(&self) -> impl Iterator<Item = &(AccountId, Change)> {
        self.accounts.entries().iter()
    }
}
