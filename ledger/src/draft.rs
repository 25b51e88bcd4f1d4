//! A leg in the making: every rule is checked here, on copies of the accounts it touches.

use rustc_hash::FxHashMap;

use crate::{Account, AccountId, HoldId, Ledger, Leg, Move, Rejection, SUM_MAX, Transfer};

/// Decides one transaction's leg on a ledger, without changing it. Later moves see the earlier ones.
#[derive(Debug)]
pub struct Draft<'a> {
    ledger: &'a Ledger,
    accounts: FxHashMap<AccountId, Account>,
    /// Holds this draft makes (`Some`) or ends (`None`).
    holds: FxHashMap<HoldId, Option<Transfer>>,
    leg: Leg,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(ledger: &'a Ledger) -> Self {
        Self { ledger, accounts: FxHashMap::default(), holds: FxHashMap::default(), leg: Leg::default() }
    }

    /// The account as it stands after the moves so far.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<Account> {
        self.accounts.get(id).or_else(|| self.ledger.accounts.get(id)).copied()
    }

    /// The open hold as it stands after the moves so far.
    #[must_use]
    pub fn hold(&self, id: HoldId) -> Option<Transfer> {
        match self.holds.get(&id) {
            Some(changed) => *changed,
            None => self.ledger.holds.get(&id).map(|hold| hold.transfer),
        }
    }

    /// Adds a move. A refused one changes nothing: the draft stands as it stood before it.
    ///
    /// # Errors
    /// The first rule of [`Rejection`] that the move breaks.
    pub fn add(&mut self, change: Move) -> Result<(), Rejection> {
        match change {
            Move::Open(id) => {
                if self.account(&id).is_some() {
                    return Err(Rejection::AccountExists);
                }
                self.accounts.insert(id, Account::default());
            }
            Move::Post(transfer) => {
                self.may_debit(&transfer)?;
                self.change(&transfer, |debit, credit| {
                    debit.debits += transfer.amount;
                    credit.credits += transfer.amount;
                })?;
            }
            Move::Hold(id, transfer) => {
                transfer.check()?;
                if self.holds.contains_key(&id) || self.ledger.holds.contains_key(&id) {
                    return Err(Rejection::HoldExists);
                }
                self.may_debit(&transfer)?;
                self.change(&transfer, |debit, credit| {
                    debit.debits_pending += transfer.amount;
                    credit.credits_pending += transfer.amount;
                })?;
                self.holds.insert(id, Some(transfer));
            }
            Move::PostHold(id) => {
                let transfer = self.hold(id).ok_or(Rejection::HoldNotOpen)?;
                self.change(&transfer, |debit, credit| {
                    debit.debits_pending -= transfer.amount;
                    credit.credits_pending -= transfer.amount;
                    debit.debits += transfer.amount;
                    credit.credits += transfer.amount;
                })?;
                self.holds.insert(id, None);
            }
            Move::VoidHold(id) => {
                let transfer = self.hold(id).ok_or(Rejection::HoldNotOpen)?;
                self.change(&transfer, |debit, credit| {
                    debit.debits_pending -= transfer.amount;
                    credit.credits_pending -= transfer.amount;
                })?;
                self.holds.insert(id, None);
            }
        }
        self.leg.moves.push(change);
        Ok(())
    }

    /// The leg decided.
    #[must_use]
    pub fn finish(self) -> Leg {
        self.leg
    }

    /// Whether a new debit is in order: its shape, both accounts, the freeze, and what is available (`L2`).
    fn may_debit(&self, transfer: &Transfer) -> Result<(), Rejection> {
        transfer.check()?;
        let debit = self.open(&transfer.debit)?;
        self.open(&transfer.credit)?;
        if transfer.debit.kind.is_players() {
            if debit.frozen {
                return Err(Rejection::AccountFrozen);
            }
            if debit.available() < transfer.amount {
                return Err(Rejection::InsufficientFunds);
            }
        }
        if transfer.amount > SUM_MAX { Err(Rejection::TooLarge) } else { Ok(()) }
    }

    /// The account, or a new one where it is the house's.
    fn open(&self, id: &AccountId) -> Result<Account, Rejection> {
        match self.account(id) {
            Some(account) => Ok(account),
            None if id.kind.is_players() => Err(Rejection::AccountNotFound),
            None => Ok(Account::default()),
        }
    }

    /// Changes both sides, or neither.
    fn change(
        &mut self,
        transfer: &Transfer,
        change: impl FnOnce(&mut Account, &mut Account),
    ) -> Result<(), Rejection> {
        let (mut debit, mut credit) = (self.open(&transfer.debit)?, self.open(&transfer.credit)?);
        change(&mut debit, &mut credit);
        if !debit.fits() || !credit.fits() {
            return Err(Rejection::TooLarge);
        }
        self.accounts.insert(transfer.debit, debit);
        self.accounts.insert(transfer.credit, credit);
        Ok(())
    }
}
