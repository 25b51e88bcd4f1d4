//! What a proof in full does not keep in memory: the keys and the last results of players, in a state store of its own.
//!
//! With too many of them in memory all go to that store, so the memory of a proof does not grow with the log but for the
//! filters of the store: about 2.4 bytes a key. Accounts, open rounds and tables stay in memory.

use std::sync::Arc;

use actors::stored::{self, Stored};
use engine::{Formats, ItemPlace, LogVerifier, StateItem, StoredState, TxId, Unknown, Unreadable};
use journal::{Cursor, Lsn};
use ledger::Digest;
use store::{Change, Key, Options, Store, Tree};

use super::{Error, scratch::Scratch};

/// Keys and results in memory before they go to the store of the proof. Four commits of so many make a full run of the store.
pub const IN_MEMORY_MAX: usize = 1 << 16;

/// The keys and results of a proof that are not in memory.
pub struct Spill {
    /// Most keys and results in memory, together; those of one record come on top.
    most: usize,
    /// What the proof began with: the state store that is trusted, or nothing.
    base: Arc<dyn StoredState>,
    store: Option<(Store, Scratch)>,
}

impl Spill {
    /// Nothing yet, of a proof that begins with the keys of `base`, which may be empty.
    pub fn new(base: Arc<dyn StoredState>, most: usize) -> Self {
        Self { most, base, store: None }
    }

    /// Moves keys and results out of memory when there are too many.
    ///
    /// # Errors
    /// When the store of the proof cannot be written.
    pub fn bound(&mut self, verifier: &mut LogVerifier) -> Result<(), Error> {
        if verifier.in_memory() > self.most { self.spill(verifier) } else { Ok(()) }
    }

    fn spill(&mut self, verifier: &mut LogVerifier) -> Result<(), Error> {
        let (store, _) = match &mut self.store {
            Some(opened) => opened,
            None => {
                let directory = Scratch::new()?;
                let store = Store::over(directory.storage()?, Options::default());
                self.store.insert((store.map_err(stored::Error::from)?, directory))
            }
        };
        let (keys, results) = (verifier.new_keys(), verifier.new_results());
        let keys = keys.iter().map(|(id, kept)| (Tree::Keys, id.0.to_be_bytes(), kept));
        let results = results.iter().map(|(place, result)| (Tree::Rows, *place, result));
        let changes = keys.chain(results);
        let changes = changes.map(|(tree, key, value)| Change { tree, key: Key(key), value: Some(value) });
        let at = Cursor { lsn: Lsn(verifier.world().books.lsn()), ..Cursor::default() };
        store.commit(changes, at, &[]).map_err(stored::Error::from)?;
        loop {
            // After each merge again: whoever has an older view keeps the filters and the files that were merged.
            let own = Stored(store.view());
            verifier.stored(Arc::new(Layered { own, base: self.base.clone() }));
            if !store.merge_step().map_err(stored::Error::from)? {
                return Ok(());
            }
        }
    }

    /// The digest of the last results of all players, and how many there are.
    ///
    /// # Errors
    /// When the store of the proof cannot be read or written.
    pub fn results(&mut self, verifier: &mut LogVerifier) -> Result<(Digest, u64), Error> {
        if self.store.is_some() {
            self.spill(verifier)?;
        }
        let (formats, mut sum) = (verifier.formats(), (Digest::default(), 0));
        match &self.store {
            Some((store, _)) => {
                for entry in store.view().scan(Tree::Rows) {
                    add_result(&mut sum, &entry.map_err(stored::Error::from)?.1, &formats)?;
                }
            }
            None => {
                for (_, item) in verifier.new_results() {
                    add_result(&mut sum, &item, &formats)?;
                }
            }
        }
        Ok(sum)
    }
}

/// Adds an item of the state to a digest of results and their number, if it is one.
///
/// # Errors
/// When it is no item.
pub fn add_result(
    (digest, count): &mut (Digest, u64),
    item: &[u8],
    formats: &Formats,
) -> Result<(), stored::Error> {
    let item = StateItem::decode(item, formats, Unknown::Kept).map_err(stored::Error::item)?;
    if let StateItem::Result(settled) = item {
        digest.add(settled.print());
        *count += 1;
    }
    Ok(())
}

/// The store of a proof, on what the proof began with.
#[derive(Debug)]
struct Layered {
    own: Stored,
    base: Arc<dyn StoredState>,
}

impl StoredState for Layered {
    fn generation(&self) -> u64 {
        self.own.generation()
    }

    fn lsn(&self) -> u64 {
        self.own.lsn()
    }

    fn may_have(&self, id: TxId) -> bool {
        self.own.may_have(id) || self.base.may_have(id)
    }

    fn key(&self, id: TxId) -> Result<Option<Vec<u8>>, Unreadable> {
        match self.own.key(id)? {
            Some(kept) => Ok(Some(kept)),
            None => self.base.key(id),
        }
    }

    fn item(&self, place: ItemPlace) -> Result<Option<Vec<u8>>, Unreadable> {
        match self.own.item(place)? {
            Some(item) => Ok(Some(item)),
            None => self.base.item(place),
        }
    }
}
