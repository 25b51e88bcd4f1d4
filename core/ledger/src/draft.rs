//! Deciding and posting of a leg: every rule of the ledger is checked here, on copies of the accounts it touches.
//!
//! Deciding and applying run the moves through the same code. A [`Draft`] decides which moves are allowed;
//! [`Ledger::apply`] checks every move again, and takes the copies over only when all moves are allowed.

use std::sync::Arc;

use crate::{
    Account, AccountId, Changes, Drafted, Hold, HoldId, Ledger, Leg, Move, Rejection, SUM_MAX, Transfer,
    changes::Change,
};

/// Decides one transaction's leg on a ledger, without changing it. Later moves see the earlier ones.
#[derive(Debug)]
pub struct Draft<'a> {
    copies: Copies<'a>,
    leg: Leg,
}

/// What the moves so far have changed.
#[derive(Debug)]
pub(crate) struct Copies<'a> {
    ledger: &'a Ledger,
    changes: Changes,
}

impl Ledger {
    /// Starts to decide a transaction's leg.
    #[must_use]
    pub fn draft(&self) -> Draft<'_> {
        self.draft_with_room(0)
    }

    /// The same with room for so many accounts, with a hold each: a large leg then need not grow.
    #[must_use]
    pub fn draft_with_room(&self, accounts: usize) -> Draft<'_> {
        let copies = Copies { ledger: self, changes: Changes::with_room(accounts) };
        Draft { copies, leg: Leg { moves: Vec::with_capacity(2 * accounts) } }
    }

    /// What a recorded leg changes. Checks every rule again: the shape of the transfers, which accounts exist, `L2`, `L3`,
    /// the range. The ledger is not changed yet.
    ///
    /// # Errors
    /// When the leg breaks a rule: then it was not decided on this state.
    pub fn changes_of(&self, leg: &Leg) -> Result<Changes, Rejection> {
        let mut copies = Copies { ledger: self, changes: Changes::default() };
        leg.moves.iter().try_for_each(|change| copies.make(change))?;
        Ok(copies.finish())
    }

    /// Posts a leg that was decided on exactly this state.
    ///
    /// # Errors
    /// As [`Ledger::changes_of`]. The ledger is unchanged; the caller stops (live) or refuses the log (replay).
    pub fn apply(&mut self, leg: &Leg) -> Result<(), Rejection> {
        self.take_over(self.changes_of(leg)?);
        Ok(())
    }
}

impl<'a> Draft<'a> {
    /// The account as it stands after the moves so far.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<Account> {
        self.copies.account(id)
    }

    /// Adds a move. A refused move leaves the draft as it was.
    ///
    /// # Errors
    /// The first rule of [`Rejection`] that the move breaks.
    pub fn add(&mut self, change: Move) -> Result<(), Rejection> {
        self.copies.make(&change)?;
        self.leg.moves.push(change);
        Ok(())
    }

    /// The decided leg, and what it changes.
    #[must_use]
    pub fn finish(self) -> Drafted {
        Drafted { leg: self.leg, changes: self.copies.changes }
    }
}

impl<'a> Copies<'a> {
    /// Makes one move. A refused move changes nothing.
    pub fn make(&mut self, change: &Move) -> Result<(), Rejection> {
        match change {
            Move::Open(id) => {
                if !id.fits() {
                    return Err(Rejection::OwnerUnfit);
                }
                if self.account(id).is_some() {
                    return Err(Rejection::AccountExists);
                }
                self.changes.accounts.put(*id, Change { before: None, after: Account::default() });
                Ok(())
            }
            Move::Post(transfer) => self.new_debit(transfer, |debit, credit| {
                debit.debits += transfer.amount;
                credit.credits += transfer.amount;
            }),
            Move::Hold(id, hold) => {
                hold.check()?;
                if self.changes.holds.get(id).is_some() || self.ledger.hold(*id).is_some() {
                    return Err(Rejection::HoldExists);
                }
                for (place, transfer) in hold.transfers().enumerate() {
                    let reserved = self.new_debit(&transfer, |debit, credit| {
                        debit.debits_pending += transfer.amount;
                        credit.credits_pending += transfer.amount;
                    });
                    if let Err(rejection) = reserved {
                        hold.transfers()
                            .take(place)
                            .try_for_each(|made| self.end_pending(&made, |_, _, _| {}))?;
                        return Err(rejection);
                    }
                }
                self.changes.holds.put(*id, Some(hold.clone()));
                Ok(())
            }
            Move::PostHold(id) => self.end_hold(*id, |amount, debit, credit| {
                debit.debits += amount;
                credit.credits += amount;
            }),
            Move::VoidHold(id) => self.end_hold(*id, |_, _, _| {}),
        }
    }

    pub fn finish(self) -> Changes {
        self.changes
    }

    fn account(&self, id: &AccountId) -> Option<Account> {
        match self.changes.account(id) {
            Some(change) => Some(change.after),
            None => self.ledger.account(id),
        }
    }

    /// Ends a hold once (`L3`): takes its amounts out of the pending sums (`L4`), then runs `then` for each of them.
    fn end_hold(
        &mut self,
        id: HoldId,
        then: impl Fn(i128, &mut Account, &mut Account),
    ) -> Result<(), Rejection> {
        let hold: Option<&Arc<Hold>> = match self.changes.holds.get(&id) {
            Some(changed) => changed.as_ref(),
            None => self.ledger.hold(id),
        };
        let hold = hold.ok_or(Rejection::HoldNotOpen)?.clone();
        hold.transfers().try_for_each(|transfer| self.end_pending(&transfer, &then))?;
        self.changes.holds.put(id, None);
        Ok(())
    }

    fn end_pending(
        &mut self,
        transfer: &Transfer,
        then: impl Fn(i128, &mut Account, &mut Account),
    ) -> Result<(), Rejection> {
        self.change(transfer, |debit, credit| {
            debit.debits_pending -= transfer.amount;
            credit.credits_pending -= transfer.amount;
            then(transfer.amount, debit, credit);
            Ok(())
        })
    }

    /// Makes a new debit, after the checks: shape, both accounts, available balance (`L2`), range.
    fn new_debit(
        &mut self,
        transfer: &Transfer,
        change: impl FnOnce(&mut Account, &mut Account),
    ) -> Result<(), Rejection> {
        transfer.check()?;
        self.change(transfer, |debit, credit| {
            let floor = transfer.debit.kind.floor();
            if floor.is_some_and(|floor| debit.available() - floor < transfer.amount) {
                return Err(Rejection::InsufficientFunds);
            }
            if transfer.amount > SUM_MAX {
                return Err(Rejection::TooLarge);
            }
            change(debit, credit);
            Ok(())
        })
    }

    /// Changes both accounts of a transfer, or neither.
    fn change(
        &mut self,
        transfer: &Transfer,
        change: impl FnOnce(&mut Account, &mut Account) -> Result<(), Rejection>,
    ) -> Result<(), Rejection> {
        let (debit, credit) = (self.copy(&transfer.debit)?, self.copy(&transfer.credit)?);
        let (debit, credit) = self.changes.accounts.pair(debit, credit);
        let (debit, credit) = (&mut debit.after, &mut credit.after);
        let before = (*debit, *credit);
        let changed = change(debit, credit)
            .and_then(|()| if debit.fits() && credit.fits() { Ok(()) } else { Err(Rejection::TooLarge) });
        if changed.is_err() {
            (*debit, *credit) = before;
        }
        changed
    }

    /// The place of an account's copy. The operator's accounts are opened by their first use.
    fn copy(&mut self, id: &AccountId) -> Result<usize, Rejection> {
        self.changes.accounts.place_or(*id, || match self.ledger.account(id) {
            Some(account) => Ok(Change { before: Some(account), after: account }),
            None if id.kind.is_opened() => Err(Rejection::AccountNotFound),
            None => Ok(Change { before: None, after: Account::default() }),
        })
    }
}
