//! The state store: rows and keys, as of one place in the log, in sorted files.
//!
//! A follower of the log is the only writer. It commits what a stretch of the log has changed together with the cursor
//! behind that stretch ([`Store::commit`]), and merges files when it has time ([`Store::merge_step`]). Other threads
//! read an immutable [`View`]. The log is what it recovers from: the store is derived, can be
//! removed, and is then built again. It does not know what its values mean.
//!
//! A commit writes one sorted file, a *run*, and names it in the manifest, which is replaced as a whole. Each run has a
//! filter in memory, so that [`View::may_have`] answers without reading a file. Merges turn many small runs into fewer
//! runs that each cover a part of the key space, so every merge is small however large the store is (`choose.rs`).
//!
//! Its invariants:
//! * T1 after a crash at any point, the store is as one commit has left it: the last one that returned, or one that
//!   was under way;
//! * T2 `may_have` is true for every key that was put and not removed: a false *absent* could pay a bet twice. Filters
//!   are checked when they are built and when they are loaded, and a missing filter counts as "maybe";
//! * T3 bytes that are not as they were written are an [`Error::Damaged`] or change no answer; never a panic, never a
//!   wrong value;
//! * T4 a view gives the same answers for as long as it lives, whatever is committed or merged meanwhile.
//!
//! Why it is no library: docs/adr/0026-the-state-store-is-sorted-runs-of-our-own.md.

mod block;
mod choose;
mod cut;
mod error;
mod filter;
mod format;
mod iterate;
mod manifest;
mod merge;
mod options;
mod run;
mod source;
mod span;
mod stats;
mod store;
mod view;
mod write;

use std::fmt;

pub use cut::{MANIFEST, StoreCut};
pub use error::Error;
pub use options::Options;
pub use stats::Stats;
pub use store::Store;
pub use view::{Scan, View};

/// Largest value. Bytes.
pub const VALUE_MAX: usize = 16 << 20;
/// Largest text that a commit keeps beside the cursor. Bytes.
pub const META_MAX: usize = 16 << 20;

/// What rows and keys are found by: 16 bytes that are distributed evenly, such as the beginning of a keyed hash. Uneven
/// keys give right answers, in more files and more time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub [u8; 16]);

impl Key {
    /// The first 8 bytes as a number: ordered as the keys are.
    fn top(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// One of the two key spaces of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tree {
    /// The live state: the newest value of a row wins, rows are removed, and a start reads all of them. Merges keep the
    /// superseded values below the number of the live ones, or about so.
    Rows,
    /// What is put once and kept for ever, and is never read whole. A key that is put again has its newest value; the
    /// older one uses space until both meet in a merge.
    Keys,
}

/// What a commit does to one row or key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// Where.
    pub tree: Tree,
    /// The row or key.
    pub key: Key,
    /// Its value from now on; `None` removes it. At most [`VALUE_MAX`] bytes.
    pub value: Option<&'a [u8]>,
}
