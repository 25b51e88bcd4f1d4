//! One domain's accounts and open holds.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
    sync::Arc,
};

use protocol::Currency;

use crate::{
    Account, AccountId, Changes, Digest, Hold, HoldId, LedgerKey, OwnerKind, Unfound, codec::Encoder,
    digest::Print, packed::Packed, shards::Shards,
};

/// Accounts and holds of one domain. Changed only by legs, and restored from the state store.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    accounts: Shards<AccountId, Packed>,
    used: Used,
    holds: Shards<HoldId, Arc<Hold>>,
    /// When holds end by themselves, the earliest first. A hold that has ended before is left in it until it is on top.
    expiries: BinaryHeap<Reverse<(u64, HoldId)>>,
    digests: Digests,
    /// In a copy that is being completed: what it was asked for in vain.
    unfound: Option<Unfound<LedgerKey>>,
}

/// Room for nearly every account and hold as it is hashed. Bytes.
const SPELLED_BYTES: usize = 128;

/// The digests of a ledger's two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digests {
    /// Of all accounts.
    pub accounts: Digest,
    /// Of all open holds.
    pub holds: Digest,
}

/// What the accounts of a ledger depend on. An account is never removed, so neither is any of this.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Used {
    /// The currencies of the accounts.
    pub currencies: BTreeSet<Currency>,
    /// Whether an account belongs to a player.
    pub players: bool,
}

impl Used {
    fn by(&mut self, id: &AccountId) {
        self.currencies.insert(id.currency);
        self.players |= id.owner.kind() == OwnerKind::Player;
    }
}

impl Ledger {
    /// The account, if it has been opened or used.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<Account> {
        let found = self.accounts.get(id).map(Packed::account);
        if found.is_none() {
            self.note_unfound(LedgerKey::Account(*id));
        }
        found
    }

    /// An open hold.
    #[must_use]
    pub fn hold(&self, id: HoldId) -> Option<&Arc<Hold>> {
        let found = self.holds.get(&id);
        if found.is_none() {
            self.note_unfound(LedgerKey::Hold(id));
        }
        found
    }

    fn note_unfound(&self, key: LedgerKey) {
        if let Some(unfound) = &self.unfound {
            unfound.note(key);
        }
    }

    /// Every account, in no particular order.
    pub fn accounts(&self) -> impl Iterator<Item = (&AccountId, Account)> {
        self.accounts.iter().map(|(id, account)| (id, account.account()))
    }

    /// Every open hold, in no particular order.
    pub fn holds(&self) -> impl Iterator<Item = (HoldId, &Arc<Hold>)> {
        self.holds.iter().map(|(id, hold)| (*id, hold))
    }

    /// The open hold that is the first to end by itself, and when, milliseconds since 1970.
    #[must_use]
    pub fn next_expiry(&self) -> Option<(u64, HoldId)> {
        self.expiries.peek().map(|Reverse(next)| *next)
    }

    /// Number of accounts, and of open holds.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.accounts.len(), self.holds.len())
    }

    /// The digests of all accounts and of all open holds.
    #[must_use]
    pub fn digests(&self) -> Digests {
        self.digests
    }

    /// Takes over the changes of a leg, which were computed on exactly this state.
    pub fn take_over(&mut self, changes: Changes) {
        let Changes { accounts, holds } = changes;
        let mut spelled = Encoder::plain(SPELLED_BYTES);
        for (id, change) in accounts.into_entries() {
            self.put_spelled(&mut spelled, id, change.after);
        }
        for (id, hold) in holds.into_entries() {
            match hold {
                Some(hold) => self.put_hold(id, hold),
                None => self.end_hold(&mut spelled, id),
            }
        }
    }

    /// What its accounts depend on.
    #[must_use]
    pub fn used(&self) -> &Used {
        &self.used
    }

    /// Sets an account to its state in the state store.
    ///
    /// # Panics
    /// When a sum is not from -2^103 to 2^103 - 1. Those of a leg are at most [`SUM_MAX`](crate::SUM_MAX), and no decoded
    /// amount is larger.
    pub fn put(&mut self, id: AccountId, account: Account) {
        self.put_spelled(&mut Encoder::plain(SPELLED_BYTES), id, account);
    }

    fn put_spelled(&mut self, spelled: &mut Encoder, id: AccountId, account: Account) {
        self.digests.accounts.add(account_print(spelled, &id, &account));
        let after = Packed::new(&account);
        match self.accounts.get_mut(&id) {
            Some(kept) => {
                let before = std::mem::replace(kept, after).account();
                self.digests.accounts.remove(account_print(spelled, &id, &before));
            }
            None => {
                self.used.by(&id);
                self.accounts.insert_new(id, after);
            }
        }
    }

    /// Adds an open hold of a leg or of the state store. The accounts already contain its pending amounts.
    pub fn put_hold(&mut self, id: HoldId, hold: Arc<Hold>) {
        let spelled = &mut Encoder::plain(SPELLED_BYTES);
        self.digests.holds.add(hold_print(spelled, id, &hold));
        self.expiries.extend(hold.expires.map(|expires| Reverse((expires, id))));
        if let Some(before) = self.holds.insert(id, hold) {
            self.digests.holds.remove(hold_print(spelled, id, &before));
        }
    }

    /// Makes this the ledger of a copy in which only some accounts and holds are present: the digests and what is used are
    /// those of all of them.
    pub fn restore(&mut self, digests: Digests, used: Used) {
        (self.digests, self.used) = (digests, used);
    }

    /// Makes this a copy that is being completed: from now on it notes which accounts and holds it is asked for in vain.
    pub fn note_into(&mut self, unfound: Unfound<LedgerKey>) {
        self.unfound = Some(unfound);
    }

    /// Makes an account present that the digests contain already.
    ///
    /// # Panics
    /// As [`Ledger::put`].
    pub fn page_in(&mut self, id: AccountId, account: Account) {
        self.accounts.insert(id, Packed::new(&account));
    }

    /// Makes a hold present that the digests contain already. A copy carries out nothing that is due, so its end is not noted.
    pub fn page_in_hold(&mut self, id: HoldId, hold: Arc<Hold>) {
        self.holds.insert(id, hold);
    }

    /// Makes an account absent. The digests still contain it.
    pub fn page_out(&mut self, id: &AccountId) {
        self.accounts.remove(id);
    }

    /// Makes a hold absent. The digests still contain it.
    pub fn page_out_hold(&mut self, id: HoldId) {
        self.holds.remove(&id);
    }

    /// Removes a hold. A hold that the same leg made and ended was never here.
    fn end_hold(&mut self, spelled: &mut Encoder, id: HoldId) {
        if let Some(hold) = self.holds.remove(&id) {
            self.digests.holds.remove(hold_print(spelled, id, &hold));
        }
        // A hold under the same id may have been made again, with another end or none.
        while let Some(Reverse((expires, id))) = self.expiries.peek()
            && self.holds.get(id).is_none_or(|hold| hold.expires != Some(*expires))
        {
            self.expiries.pop();
        }
    }
}

fn account_print(spelled: &mut Encoder, id: &AccountId, account: &Account) -> Print {
    spelled.clear();
    spelled.account(id);
    spelled.sums(account);
    Print::of(spelled.as_bytes())
}

fn hold_print(spelled: &mut Encoder, id: HoldId, hold: &Hold) -> Print {
    spelled.clear();
    spelled.id(id.0);
    spelled.hold(hold);
    Print::of(spelled.as_bytes())
}
