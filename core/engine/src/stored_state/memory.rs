//! A state store in memory, for simulations and tests: what it takes over is never lost.

use std::{collections::BTreeMap, sync::Arc};

use super::{ItemPlace, StoredState, Unreadable};
use crate::{
    record::{Formats, Unknown},
    replica::StoreCommit,
    tx_id::TxId,
    world::{Loading, Unloadable, World},
};

/// A commit of a state store, in memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemoryStore {
    /// Its number.
    pub generation: u64,
    /// The last record that it stands for.
    pub lsn: u64,
    /// The head of the store; empty before the first commit.
    pub head: Vec<u8>,
    /// The items.
    pub items: BTreeMap<ItemPlace, Vec<u8>>,
    /// The keys.
    pub keys: BTreeMap<TxId, Vec<u8>>,
}

impl MemoryStore {
    /// A store that has the whole of a state which is in memory as a whole.
    #[must_use]
    pub fn of(world: &World) -> Self {
        Self::default().with(StoreCommit::of(world))
    }

    /// The store after another commit.
    #[must_use]
    pub fn with(&self, commit: StoreCommit) -> Self {
        let mut next = self.clone();
        (next.generation, next.lsn, next.head) = (self.generation + 1, commit.lsn, commit.head);
        for (place, item) in commit.items {
            match item {
                Some(bytes) => drop(next.items.insert(place, bytes)),
                None => drop(next.items.remove(&place)),
            }
        }
        next.keys.extend(commit.keys);
        next
    }

    /// The state that it has.
    ///
    /// # Errors
    /// When the store has no state, or another than its head stands for.
    pub fn load(&self, formats: Formats, unknown: Unknown) -> Result<World, Unloadable> {
        let mut loading = Loading::begin(&self.head, Arc::new(self.clone()), formats, unknown)?;
        self.items.values().try_for_each(|item| loading.take(item))?;
        loading.finish()
    }
}

impl StoredState for MemoryStore {
    fn generation(&self) -> u64 {
        self.generation
    }

    fn lsn(&self) -> u64 {
        self.lsn
    }

    fn may_have(&self, id: TxId) -> bool {
        self.keys.contains_key(&id)
    }

    fn key(&self, id: TxId) -> Result<Option<Vec<u8>>, Unreadable> {
        Ok(self.keys.get(&id).cloned())
    }

    fn item(&self, place: ItemPlace) -> Result<Option<Vec<u8>>, Unreadable> {
        Ok(self.items.get(&place).cloned())
    }
}
