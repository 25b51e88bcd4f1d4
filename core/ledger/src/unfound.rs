//! What was looked for in a partial copy and is not in it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{AccountId, HoldId};

/// What a ledger is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerKey {
    /// An account.
    Account(AccountId),
    /// An open hold.
    Hold(HoldId),
}

/// Notes what a partial copy was asked for in vain. Clones share their notes.
#[derive(Debug)]
pub struct Unfound<K>(Arc<Mutex<Vec<K>>>);

impl<K: PartialEq> Unfound<K> {
    /// Notes a key, once.
    pub fn note(&self, key: K) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }

    /// The keys that were noted since the last time, in the order in which they were asked for.
    #[must_use]
    pub fn take(&self) -> Vec<K> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K> Clone for Unfound<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K> Default for Unfound<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}
