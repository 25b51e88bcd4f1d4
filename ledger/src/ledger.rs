//! One domain's accounts and open holds.

use rustc_hash::FxHashMap;

use crate::{
    Account, AccountId, Digest, Draft, HoldId, Leg, Move, Rejection, SUM_MAX, Transfer, fingerprint,
};

/// Accounts and holds of one domain. Changed only by [`Ledger::apply`].
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    pub(crate) accounts: FxHashMap<AccountId, Account>,
    pub(crate) holds: FxHashMap<HoldId, Hold>,
    digest: Digest,
}

/// An open hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// What will be posted.
    pub transfer: Transfer,
}

impl Ledger {
    /// The account, if it has been opened or used.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts.get(id)
    }

    /// An open hold.
    #[must_use]
    pub fn hold(&self, id: HoldId) -> Option<&Hold> {
        self.holds.get(&id)
    }

    /// Every account, in no order.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = (&AccountId, &Account)> {
        self.accounts.iter()
    }

    /// Every open hold, in no order.
    pub fn holds(&self) -> impl ExactSizeIterator<Item = (HoldId, &Hold)> {
        self.holds.iter().map(|(id, hold)| (*id, hold))
    }

    /// Starts to decide a transaction's leg.
    #[must_use]
    pub fn draft(&self) -> Draft<'_> {
        Draft::new(self)
    }

    /// Fingerprint of all accounts and holds.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Posts a leg that a draft of this very state has made.
    ///
    /// # Errors
    /// When the leg breaks a rule: then it was not decided on this state. The ledger is unusable afterwards, and
    /// the caller stops (live) or refuses the log (replay).
    pub fn apply(&mut self, leg: &Leg) -> Result<(), Rejection> {
        leg.moves.iter().try_for_each(|change| self.apply_move(change))
    }

    /// Checks again what a log could get wrong: the shape, what exists, `L2`, `L3`, the range. A freeze is not
    /// looked at: it is a rule for deciding, and may have come after.
    fn apply_move(&mut self, change: &Move) -> Result<(), Rejection> {
        match change {
            Move::Open(id) => {
                if self.accounts.contains_key(id) {
                    return Err(Rejection::AccountExists);
                }
                self.put(*id, Account::default());
            }
            Move::Post(transfer) => {
                in_shape(transfer)?;
                self.post(transfer)?;
            }
            Move::Hold(id, transfer) => {
                in_shape(transfer)?;
                if self.holds.contains_key(id) {
                    return Err(Rejection::HoldExists);
                }
                self.change(&transfer.debit, |account| account.debits_pending += transfer.amount)?;
                self.change(&transfer.credit, |account| account.credits_pending += transfer.amount)?;
                self.digest.add(hold_print(*id, transfer));
                self.holds.insert(*id, Hold { transfer: *transfer });
            }
            Move::PostHold(id) => {
                let transfer = self.end_hold(*id)?;
                self.post(&transfer)?;
            }
            Move::VoidHold(id) => {
                self.end_hold(*id)?;
            }
        }
        Ok(())
    }

    fn post(&mut self, transfer: &Transfer) -> Result<(), Rejection> {
        self.change(&transfer.debit, |account| account.debits += transfer.amount)?;
        self.change(&transfer.credit, |account| account.credits += transfer.amount)
    }

    /// Takes a hold out and gives its pending amounts back (`L3`, `L4`).
    fn end_hold(&mut self, id: HoldId) -> Result<Transfer, Rejection> {
        let Hold { transfer } = self.holds.remove(&id).ok_or(Rejection::HoldNotOpen)?;
        self.digest.remove(hold_print(id, &transfer));
        self.change(&transfer.debit, |account| account.debits_pending -= transfer.amount)?;
        self.change(&transfer.credit, |account| account.credits_pending -= transfer.amount)?;
        Ok(transfer)
    }

    /// Changes one account by an amount, opening it when it is the house's, and checks `L2` and the range.
    fn change(&mut self, id: &AccountId, change: impl FnOnce(&mut Account)) -> Result<(), Rejection> {
        let players = id.kind.is_players();
        if players && !self.accounts.contains_key(id) {
            return Err(Rejection::AccountNotFound);
        }
        let account = self.accounts.entry(*id).or_insert_with(|| {
            self.digest.add(account_print(id, &Account::default()));
            Account::default()
        });
        self.digest.remove(account_print(id, account));
        change(account);
        self.digest.add(account_print(id, account));
        match account {
            account if !account.fits() => Err(Rejection::TooLarge),
            account if players && account.available() < 0 => Err(Rejection::InsufficientFunds),
            _ => Ok(()),
        }
    }

    /// Puts an account as it stands in a checkpoint.
    pub fn put(&mut self, id: AccountId, account: Account) {
        self.digest.add(account_print(&id, &account));
        if let Some(before) = self.accounts.insert(id, account) {
            self.digest.remove(account_print(&id, &before));
        }
    }

    /// Puts an open hold as it stands in a checkpoint; its pending amounts are in the accounts already.
    pub fn put_hold(&mut self, id: HoldId, transfer: Transfer) {
        self.digest.add(hold_print(id, &transfer));
        if let Some(before) = self.holds.insert(id, Hold { transfer }) {
            self.digest.remove(hold_print(id, &before.transfer));
        }
    }
}

fn in_shape(transfer: &Transfer) -> Result<(), Rejection> {
    transfer.check()?;
    if transfer.amount > SUM_MAX { Err(Rejection::TooLarge) } else { Ok(()) }
}

fn id_words(id: &AccountId) -> [u64; 4] {
    let mut code = [0; 8];
    code[..id.currency.as_str().len()].copy_from_slice(id.currency.as_str().as_bytes());
    [u64::from(id.kind.number()), id.owner as u64, (id.owner >> 64) as u64, u64::from_le_bytes(code)]
}

fn account_print(id: &AccountId, account: &Account) -> u128 {
    let [kind, low, high, currency] = id_words(id);
    let Account { debits, credits, debits_pending, credits_pending, frozen } = *account;
    fingerprint(&[
        kind,
        low,
        high,
        currency,
        debits as u64,
        (debits >> 64) as u64,
        credits as u64,
        (credits >> 64) as u64,
        debits_pending as u64,
        credits_pending as u64,
        u64::from(frozen),
    ])
}

fn hold_print(id: HoldId, transfer: &Transfer) -> u128 {
    let [debit_kind, debit_low, debit_high, currency] = id_words(&transfer.debit);
    let [credit_kind, credit_low, credit_high, _] = id_words(&transfer.credit);
    fingerprint(&[
        id.0 as u64,
        (id.0 >> 64) as u64,
        debit_kind,
        debit_low,
        debit_high,
        currency,
        credit_kind,
        credit_low,
        credit_high,
        transfer.amount as u64,
        (transfer.amount >> 64) as u64,
    ])
}
