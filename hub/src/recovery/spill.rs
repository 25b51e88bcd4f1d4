//! What a proof in full does not keep in memory: the keys, the last results of players and the past rounds of tables, in a
//! state store of its own.
//!
//! With too many of them in memory all go to that store, so the memory of a proof does not grow with the log but for the
//! filters of the store: about 2.4 bytes a key. Accounts, open rounds and tables stay in memory.

use std::sync::Arc;

use actors::stored::{self, Stored};
use engine::{
    DecodeError, Formats, ItemPlace, LogVerifier, StateItem, StoredState, TxId, Unknown, Unreadable,
};
use journal::{Cursor, Lsn};
use ledger::Digest;
use store::{Change, Key, Options, Store, Tree};

use super::{Error, scratch::Scratch};

/// Keys, results and past rounds in memory before they go to the store of the proof. Four commits of so many make a full run of the store.
pub const IN_MEMORY_MAX: usize = 1 << 16;

/// The keys, results and past rounds of a proof that are not in memory.
pub struct Spill {
    /// Most of them in memory, together; those of one record come on top.
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

    /// Moves keys, results and past rounds out of memory when there are too many.
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
        let (keys, items) = (verifier.new_keys(), verifier.new_items());
        let keys = keys.iter().map(|(id, kept)| (Tree::Keys, id.0.to_be_bytes(), kept));
        let items = items.iter().map(|(place, item)| (Tree::Rows, *place, item));
        let changes =
            keys.chain(items).map(|(tree, key, value)| Change { tree, key: Key(key), value: Some(value) });
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

    /// The last results of all players and the past rounds of all tables.
    ///
    /// # Errors
    /// When the store of the proof cannot be read or written.
    pub fn ended(&mut self, verifier: &mut LogVerifier) -> Result<EndedItems, Error> {
        if self.store.is_some() {
            self.spill(verifier)?;
        }
        let (formats, mut ended) = (verifier.formats(), EndedItems::default());
        match &self.store {
            Some((store, _)) => {
                for entry in store.view().scan(Tree::Rows) {
                    let (Key(place), item) = entry.map_err(stored::Error::from)?;
                    ended.add(place, &item, &formats)?;
                }
            }
            None => {
                for (place, item) in verifier.new_items() {
                    ended.add(place, &item, &formats)?;
                }
            }
        }
        Ok(ended)
    }
}

/// What a state has of the rounds that have ended: the last results of players, and the past rounds of tables. Of each the
/// digest, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndedItems {
    results: (Digest, u64),
    rounds: (Digest, u64),
}

impl EndedItems {
    /// Adds an item of the state, if it is one of these.
    ///
    /// # Errors
    /// When it is no item, or that of another place.
    pub fn add(&mut self, place: ItemPlace, item: &[u8], formats: &Formats) -> Result<(), stored::Error> {
        let item = StateItem::decode(item, formats, Unknown::Kept).map_err(stored::Error::item)?;
        if item.id().place() != place {
            return Err(stored::Error::item(DecodeError::OutOfRange("the place of an item")));
        }
        let ((digest, count), print) = match &item {
            StateItem::Result(settled) => (&mut self.results, settled.print()),
            StateItem::Round(table, past) => (&mut self.rounds, past.print(*table)),
            StateItem::Account(..)
            | StateItem::Hold(..)
            | StateItem::Row(..)
            | StateItem::Player(..)
            | StateItem::Table(..) => return Ok(()),
        };
        digest.add(print);
        *count += 1;
        Ok(())
    }

    /// What is wrong with it, when the log has this.
    pub fn differs(&self, logged: &Self) -> Option<String> {
        let parts = [
            (self.results, logged.results, "results of players"),
            (self.rounds, logged.rounds, "past rounds of tables"),
        ];
        let (ours, theirs, what) = parts.into_iter().find(|(ours, theirs, _)| ours != theirs)?;
        Some(match (ours.1, theirs.1) {
            (ours, theirs) if ours != theirs => format!("it has {ours} {what}, and the log has {theirs}"),
            (_, theirs) => format!("its {theirs} {what} are not those of the log"),
        })
    }
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
