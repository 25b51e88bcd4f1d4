//! One domain's accounts and open holds.

use rustc_hash::FxHashMap;

use crate::{Account, AccountId, Changes, Digest, HoldId, Transfer, fingerprint};

/// Accounts and holds of one domain. Changed only by legs, and restored from a checkpoint.
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

    /// Every account, in no particular order.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = (&AccountId, &Account)> {
        self.accounts.iter()
    }

    /// Every open hold, in no particular order.
    pub fn holds(&self) -> impl ExactSizeIterator<Item = (HoldId, &Hold)> {
        self.holds.iter().map(|(id, hold)| (*id, hold))
    }

    /// Fingerprint of all accounts and holds.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Takes over the changes of a leg, which were computed on exactly this state.
    pub fn take_over(&mut self, changes: Changes) {
        let Changes { accounts, holds } = changes;
        accounts.into_entries().into_iter().for_each(|(id, change)| self.put(id, change.after));
        for (id, hold) in holds.into_entries() {
            match hold {
                Some(transfer) => self.put_hold(id, transfer),
                None => self.end_hold(id),
            }
        }
    }

    /// Sets an account to its state after a leg, or in a checkpoint.
    pub fn put(&mut self, id: AccountId, account: Account) {
        self.digest.add(account_print(&id, &account));
        if let Some(before) = self.accounts.insert(id, account) {
            self.digest.remove(account_print(&id, &before));
        }
    }

    /// Adds an open hold of a leg or a checkpoint. The accounts already contain its pending amounts.
    pub fn put_hold(&mut self, id: HoldId, transfer: Transfer) {
        self.digest.add(hold_print(id, &transfer));
        if let Some(before) = self.holds.insert(id, Hold { transfer }) {
            self.digest.remove(hold_print(id, &before.transfer));
        }
    }

    /// Removes a hold. A hold that the same leg made and ended was never here.
    fn end_hold(&mut self, id: HoldId) {
        if let Some(Hold { transfer }) = self.holds.remove(&id) {
            self.digest.remove(hold_print(id, &transfer));
        }
    }
}

fn id_words(id: &AccountId) -> [u64; 4] {
    let code = u64::from_le_bytes(id.currency.padded());
    [u64::from(id.kind.number()), id.owner as u64, (id.owner >> 64) as u64, code]
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
