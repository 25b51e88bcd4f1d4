//! A state store for tests and simulations that answers as another one does, but asks first: so a test says which keys it
//! may have, and what happens when it is read.

use std::{fmt, sync::Arc};

use super::{ItemPlace, StoredState, Unreadable};
use crate::tx_id::TxId;

/// What is asked of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreRead {
    /// The outcome under a key.
    Key(TxId),
    /// The item at a place.
    Item(ItemPlace),
}

type MayHave = dyn Fn(TxId) -> bool + Send + Sync;
type BeforeRead = dyn Fn(StoreRead) -> Result<(), Unreadable> + Send + Sync;

/// A store that asks before it answers as the one behind it. Clones share that one.
#[derive(Clone)]
pub struct HookedStore {
    store: Arc<dyn StoredState>,
    may_have: Arc<MayHave>,
    before_read: Arc<BeforeRead>,
}

impl HookedStore {
    /// Answers as `store`, for now.
    #[must_use]
    pub fn over(store: Arc<dyn StoredState>) -> Self {
        Self { store, may_have: Arc::new(|_| false), before_read: Arc::new(|_| Ok(())) }
    }

    /// It may have these keys as well, as filters say that are wrong.
    #[must_use]
    pub fn may_have(mut self, keys: impl Fn(TxId) -> bool + Send + Sync + 'static) -> Self {
        self.may_have = Arc::new(keys);
        self
    }

    /// This is called before each read, on the thread that reads. It may wait, or return the error of the read.
    #[must_use]
    pub fn before_read(
        mut self,
        hook: impl Fn(StoreRead) -> Result<(), Unreadable> + Send + Sync + 'static,
    ) -> Self {
        self.before_read = Arc::new(hook);
        self
    }
}

impl fmt::Debug for HookedStore {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("HookedStore").field("store", &self.store).finish_non_exhaustive()
    }
}

impl StoredState for HookedStore {
    fn generation(&self) -> u64 {
        self.store.generation()
    }

    fn lsn(&self) -> u64 {
        self.store.lsn()
    }

    fn may_have(&self, id: TxId) -> bool {
        (self.may_have)(id) || self.store.may_have(id)
    }

    fn key(&self, id: TxId) -> Result<Option<Vec<u8>>, Unreadable> {
        (self.before_read)(StoreRead::Key(id))?;
        self.store.key(id)
    }

    fn item(&self, place: ItemPlace) -> Result<Option<Vec<u8>>, Unreadable> {
        (self.before_read)(StoreRead::Item(place))?;
        self.store.item(place)
    }
}
