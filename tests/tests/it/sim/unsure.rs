//! A state store whose filters say "maybe" of one new key in four, where those of the binary do of one in thousands: so
//! envelopes with new keys are looked up as well, and others have their turn before them.

use std::sync::Arc;

use engine::{ItemPlace, StoredState, TxId, Unreadable};

/// Whether a new key is looked up.
pub fn is_looked_up(id: TxId) -> bool {
    id.0.is_multiple_of(4)
}

/// The store as of a commit.
#[derive(Debug)]
pub struct Unsure(pub Arc<dyn StoredState>);

impl StoredState for Unsure {
    fn generation(&self) -> u64 {
        self.0.generation()
    }

    fn lsn(&self) -> u64 {
        self.0.lsn()
    }

    fn may_have(&self, id: TxId) -> bool {
        is_looked_up(id) || self.0.may_have(id)
    }

    fn key(&self, id: TxId) -> Result<Option<Vec<u8>>, Unreadable> {
        self.0.key(id)
    }

    fn item(&self, place: ItemPlace) -> Result<Option<Vec<u8>>, Unreadable> {
        self.0.item(place)
    }
}
