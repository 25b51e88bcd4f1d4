//! A state store whose filters say "maybe" of one new key in four, where those of the binary do of one in thousands: so
//! envelopes with new keys are looked up as well, and others have their turn before them.

use std::sync::Arc;

use engine::{StoredState, TxId, stored_state::hooked::HookedStore};

/// Whether a new key is looked up.
pub fn is_looked_up(id: TxId) -> bool {
    id.0.is_multiple_of(4)
}

/// The store as of a commit.
pub fn unsure(store: Arc<dyn StoredState>) -> Arc<dyn StoredState> {
    Arc::new(HookedStore::over(store).may_have(is_looked_up))
}
