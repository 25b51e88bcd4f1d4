//! The state store as the engine reads it: an immutable view, as of one commit.

pub mod hooked;
pub mod memory;

use std::fmt;

use crate::tx_id::TxId;

/// Where the state store has an item: a hash, so that places are spread evenly.
pub type ItemPlace = [u8; 16];

/// The state store as of a commit. It is read on any thread, and it does not change.
pub trait StoredState: fmt::Debug + Send + Sync {
    /// The number of its commit, which rises with each.
    fn generation(&self) -> u64;

    /// The last record that it stands for; 0 for a store without a commit.
    fn lsn(&self) -> u64;

    /// Whether the store may have an outcome under a key. `false` only when it has none. Reads memory only, because every
    /// turn asks.
    fn may_have(&self, id: TxId) -> bool;

    /// The outcome under a key, as [`StateItem`](crate::item::StateItem) spells it. May wait for a disk.
    ///
    /// # Errors
    /// When it cannot be read.
    fn key(&self, id: TxId) -> Result<Option<Vec<u8>>, Unreadable>;

    /// The item at a place. May wait for a disk.
    ///
    /// # Errors
    /// When it cannot be read.
    fn item(&self, place: ItemPlace) -> Result<Option<Vec<u8>>, Unreadable>;
}

/// The state store cannot be read, or what it has is nothing that was put there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the state store cannot be read: {what}")]
pub struct Unreadable {
    /// What is wrong, for people.
    pub what: String,
    /// Whether only another store helps, built from the log. Otherwise an operation of the system failed, such as opening a
    /// file when too many are open: the same look-up may succeed later.
    pub damaged: bool,
}

impl Unreadable {
    /// What the store has is nothing that was put there.
    #[must_use]
    pub fn damage(what: impl Into<String>) -> Self {
        Self { what: what.into(), damaged: true }
    }
}

/// A store that has nothing yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Empty;

impl StoredState for Empty {
    fn generation(&self) -> u64 {
        0
    }

    fn lsn(&self) -> u64 {
        0
    }

    fn may_have(&self, _: TxId) -> bool {
        false
    }

    fn key(&self, _: TxId) -> Result<Option<Vec<u8>>, Unreadable> {
        Ok(None)
    }

    fn item(&self, _: ItemPlace) -> Result<Option<Vec<u8>>, Unreadable> {
        Ok(None)
    }
}
