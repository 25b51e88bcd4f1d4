//! The engine: what a record is, and how it is decided, applied and replayed.
//!
//! ```text
//!  Envelope ──▶ Books::turn ──▶ Record ──▶ (journal) ──▶ Books::apply ──▶ TableState::apply
//! ```
//!
//! [`Books`] is the money side: five domains, the idempotency keys, the running digest. [`table::TableState`] is
//! the table side. [`World`] is both together, as replay, `hub verify`, the state store's follower and the simulation
//! use them; live, the same two halves run on different threads. Nothing here reads a clock, a file or a random
//! source: time and draws are inputs and are recorded. Each invariant has a name and a predicate in [`invariant`].

mod apply;
mod books;
mod components;
mod conclude;
mod content;
mod described;
pub mod due;
mod erasure;
mod facts;
mod head;
pub mod invariant;
pub mod item;
mod keys;
mod past_rounds;
mod proof;
mod reached;
mod record;
mod replica;
mod reversible;
mod rounds;
pub mod stored_state;
pub mod table;
mod touched;
mod turn;
mod tx_id;
mod upgrade;
mod verify;
mod world;

pub use apply::{Applied, ApplyError};
pub use books::{Books, last_results};
pub use components::{Component, StateDigest};
pub use conclude::{Concluded, Preview, Told, TxResult, Verdict};
pub use content::{Content, differences};
pub use described::{row, row_key, row_value};
pub use domains::{Field, Fields, Intent, Principal, PrincipalKind, RowImage};
pub use erasure::{Erasable, StillOpen};
pub use facts::{FACTS, Fact, FactKind, Facts, ISSUER_BYTES_MAX, InUse, KEPT_BYTES_MAX, SecretName};
pub use head::StoreSummary;
pub use item::{ItemId, StateItem};
pub use keys::{Done, Found, KeptKey, KeyState, Outcome, key_print, look_up};
pub use ledger::{
    Digest,
    codec::{DecodeError, Feature, NamedFeature},
};
pub use past_rounds::last_rounds;
pub use record::{Body, Committed, Formats, RECORD_BYTES_MAX, Record, RefusedRequest, Shape, Unknown};
pub use replica::{Parted, Replica, StoreCommit};
pub use reversible::{Irreversible, reversal_of};
pub use stored_state::{ItemPlace, StoredState, Unreadable};
pub use turn::{Aside, Asked, Decided, Envelope, Turn, Tx};
pub use tx_id::TxId;
pub use verify::{
    Decisions, Explaining, Explanation, Finding, Level, LogVerifier, Occurrences, ReDecided, RefusedWhy,
    TableBefore, Tally, Undecided,
};
pub use world::{Loading, Unloadable, World, WorldApplied};

/// Interval of digests, in records: the digest of the live state is recorded, and every copy must have the same.
pub const DIGEST_EVERY: u64 = 10_000;
