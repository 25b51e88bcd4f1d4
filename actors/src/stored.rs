//! The state store as the engine reads it, and how it is kept: a copy follows the log, and what has changed in it is
//! committed now and then.
//!
//! The start, the follower and the simulation use the same [`Keeper`], so that a store is built, gone on with and built
//! again by the same code.

use std::{path::Path, sync::Arc};

use engine::{
    DecodeError, Formats, ItemPlace, Loading, Parted, Record, Replica, StateDigest, StoreCommit, StoredState,
    TxId, Unknown, Unloadable, Unreadable, World,
};
use journal::{Cursor, Location, Lsn, RecordReader, file::Directory, storage::Storage};
use parking_lot::Mutex;
use store::{Change, Key, Options, Store, Tree, View};

/// Name of the store's directory in that of the log.
pub const DIRECTORY: &str = "store";

/// Most records that the copy takes before a commit: what changes with them is in memory. About 50 MiB of bets.
pub const UNCOMMITTED_MAX: u64 = 1 << 18;

/// Most merges that wait while a store is being built.
const MERGES_DUE_MAX: u64 = 4;

/// What an operator does about a store that cannot be read.
pub const ADVICE: &str = "stop the hub, move the directory `store` away from beside the log, and start again: it is built again from the log, and from the archive of archive.to if the log has a file `first_kept`: its beginning was removed then. `hub archive --fetch` before the start brings back an anchor, which is faster";

/// The store as of a commit.
#[derive(Debug, Clone)]
pub struct Stored(pub View);

impl StoredState for Stored {
    fn generation(&self) -> u64 {
        self.0.generation()
    }

    fn lsn(&self) -> u64 {
        self.0.cursor().lsn.0
    }

    fn may_have(&self, id: TxId) -> bool {
        self.0.may_have(Tree::Keys, &key(id))
    }

    fn key(&self, id: TxId) -> Result<Option<Vec<u8>>, Unreadable> {
        self.0.get(Tree::Keys, &key(id)).map_err(|error| unreadable(&error))
    }

    fn item(&self, place: ItemPlace) -> Result<Option<Vec<u8>>, Unreadable> {
        self.0.get(Tree::Rows, &Key(place)).map_err(|error| unreadable(&error))
    }
}

impl Stored {
    /// The store in a storage, which is not changed: another process may have it open.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read<S: Storage>(storage: &S) -> Result<Self, store::Error> {
        View::read(storage).map(Self)
    }

    /// Whether the store in a storage has another commit, or other files, than when it was read.
    #[must_use]
    pub fn has_moved<S: Storage>(&self, storage: &S) -> bool {
        self.0.has_moved(storage)
    }

    /// The state that the store has.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn load(&self, formats: Formats, unknown: Unknown) -> Result<World, Error> {
        self.load_telling(formats, unknown, &mut || {})
    }

    /// The same, which calls `read` with each item that it has read.
    ///
    /// # Errors
    /// As [`Stored::load`].
    pub fn load_telling(
        &self,
        formats: Formats,
        unknown: Unknown,
        read: &mut dyn FnMut(),
    ) -> Result<World, Error> {
        if self.lsn() == 0 {
            return Ok(World::default());
        }
        let mut loading = Loading::begin(self.0.meta(), Arc::new(self.clone()), formats, unknown)?;
        for item in self.0.scan(Tree::Rows) {
            loading.take(&item?.1)?;
            read();
        }
        Ok(loading.finish()?)
    }
}

/// The newest commit of a store, for those who read it now and then. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct LatestStored(Arc<Mutex<Option<Stored>>>);

impl LatestStored {
    /// The newest commit; `None` before there is one.
    #[must_use]
    pub fn get(&self) -> Option<Stored> {
        self.0.lock().clone()
    }

    /// There is a newer commit.
    pub fn set(&self, stored: Stored) {
        *self.0.lock() = Some(stored);
    }
}

fn unreadable(error: &store::Error) -> Unreadable {
    Unreadable { what: error.with_causes(), damaged: error.needs_a_new_store() }
}

/// The place of a key: a transaction's id is a hash.
fn key(id: TxId) -> Key {
    Key(id.0.to_be_bytes())
}

/// The store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its files.
    #[error(transparent)]
    Files(#[from] store::Error),
    /// What is in them.
    #[error(transparent)]
    Contents(#[from] Unloadable),
}

impl Error {
    /// An item or a key that cannot be read.
    #[must_use]
    pub fn item(error: DecodeError) -> Self {
        Self::Contents(error.into())
    }

    /// The error and its causes in one line, for people.
    #[must_use]
    pub fn with_causes(&self) -> String {
        match self {
            Error::Files(error) => error.with_causes(),
            Error::Contents(error) => error.to_string(),
        }
    }

    /// Whether a new store, built from the log, would be readable.
    #[must_use]
    pub fn is_cured_by_a_new_store(&self) -> bool {
        match self {
            Error::Files(error) => error.needs_a_new_store(),
            Error::Contents(error) => !error.is_later(),
        }
    }
}

/// Replaces the store in a storage by one that has the whole of a state which is in memory as a whole, as of a cursor.
///
/// # Errors
/// When it cannot be written.
pub fn replace<S: Storage>(storage: S, world: &World, at: Cursor) -> Result<(), store::Error> {
    Store::remove_in(&storage)?;
    put(&mut Store::over(storage, Options::default())?, &StoreCommit::of(world), at)
}

fn put<S: Storage>(store: &mut Store<S>, commit: &StoreCommit, at: Cursor) -> Result<(), store::Error> {
    let rows = commit.items.iter().map(|(place, value)| Change {
        tree: Tree::Rows,
        key: Key(*place),
        value: value.as_deref(),
    });
    let keys =
        commit.keys.iter().map(|(id, value)| Change { tree: Tree::Keys, key: key(*id), value: Some(value) });
    store.commit(rows.chain(keys), at, &commit.head)
}

/// A store cannot be built from a log.
#[derive(Debug, thiserror::Error)]
pub enum Following {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] journal::Error),
    /// The log does not stand for the copy.
    #[error("{source} in {location}")]
    Parted {
        /// Where the record lies.
        location: Location,
        /// Why not.
        source: Parted,
    },
    /// The store cannot be written.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The only writer of a store, with the copy of the state whose changes it commits.
#[derive(Debug)]
pub struct Keeper<S: Storage = Directory> {
    store: Store<S>,
    replica: Replica,
    formats: Formats,
}

impl Keeper {
    /// Opens the store in the directory of a log.
    ///
    /// # Errors
    /// When it cannot be read: [`Keeper::anew`] begins another one.
    pub fn open(directory: &Path, formats: Formats) -> Result<Self, Error> {
        Self::over(storage(directory)?, formats)
    }
}

/// A copy of the state that goes on where the store stands.
fn replica(stored: &Stored, formats: Formats) -> Result<Replica, Unloadable> {
    match stored.lsn() {
        0 => Ok(Replica::new(formats)),
        _ => Replica::open(stored.0.meta(), Arc::new(stored.clone()), formats),
    }
}

/// The directory of the store of a log; it is created when it is missing.
///
/// # Errors
/// When it cannot be used.
pub fn storage(directory: &Path) -> Result<Directory, store::Error> {
    Directory::create(&directory.join(DIRECTORY)).map_err(store::Error::Directory)
}

/// The same of a log that is only read: `None` when there is no store.
///
/// # Errors
/// When it cannot be used.
pub fn storage_to_read(directory: &Path) -> Result<Option<Directory>, store::Error> {
    let directory = directory.join(DIRECTORY);
    if !directory.is_dir() {
        return Ok(None);
    }
    Directory::open(&directory).map(Some).map_err(store::Error::Directory)
}

impl<S: Storage> Keeper<S> {
    /// Opens the store in a storage.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn over(storage: S, formats: Formats) -> Result<Self, Error> {
        let store = Store::over(storage, Options::default())?;
        let replica = replica(&Stored(store.view()), formats)?;
        Ok(Self { store, replica, formats })
    }

    /// Removes the store in a storage, and begins one that has nothing.
    ///
    /// # Errors
    /// When its files cannot be removed.
    pub fn anew(storage: S, formats: Formats) -> Result<Self, Error> {
        Store::remove_in(&storage)?;
        Self::over(storage, formats)
    }

    /// Goes back to the last commit: what the copy has taken since then is forgotten.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn again(&mut self) -> Result<(), Unloadable> {
        self.replica = replica(&self.stored(), self.formats)?;
        Ok(())
    }

    /// The place in the log that the store stands for.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.store.view().cursor()
    }

    /// The last record that the copy has taken.
    #[must_use]
    pub fn lsn(&self) -> Lsn {
        Lsn(self.replica.lsn())
    }

    /// The digest of the state as the copy has it.
    #[must_use]
    pub fn digest(&self) -> StateDigest {
        self.replica.world().books.digest()
    }

    /// Number of records that the copy has taken since the last commit.
    #[must_use]
    pub fn uncommitted(&self) -> u64 {
        self.replica.uncommitted()
    }

    /// The store as of its last commit.
    #[must_use]
    pub fn stored(&self) -> Stored {
        Stored(self.store.view())
    }

    /// The state that the store has.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(&self) -> Result<World, Error> {
        self.stored().load(self.formats, Unknown::Refused)
    }

    /// The copy takes the next record.
    ///
    /// # Errors
    /// When the log does not stand for the copy, or the store cannot be read.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Record, Parted> {
        self.replica.take(bytes)
    }

    /// Commits what has changed. `at` is the end of the batch of the last record that the copy has taken. Returns the store
    /// as of that commit; `None` when there was nothing to commit, or a table waits for its quarantine.
    ///
    /// # Errors
    /// When it cannot be written: the same may be tried again.
    pub fn commit(&mut self, at: Cursor) -> Result<Option<Stored>, store::Error> {
        let Some(commit) = self.replica.commit() else { return Ok(None) };
        debug_assert_eq!(commit.lsn, at.lsn.0, "the copy stands at the end of a batch");
        put(&mut self.store, &commit, at)?;
        let stored = self.stored();
        self.replica.committed(Arc::new(stored.clone()));
        Ok(Some(stored))
    }

    /// Whether the copy may be committed: a table that waits for its quarantine forbids it.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.replica.world().settled()
    }

    /// Takes every record of a log that a reader finds, and commits now and then, so that memory stays bounded however many
    /// there are. Tells the last record of each batch. What comes after the last commit is taken, and is not committed;
    /// but the store stands at `needed` or behind it, if the log has that record and no table waits for its quarantine there.
    ///
    /// # Errors
    /// When the log cannot be read, does not stand for the copy, or the store cannot be used.
    pub fn follow(
        &mut self,
        reader: &mut dyn RecordReader,
        needed: Lsn,
        mut told: impl FnMut(Lsn),
    ) -> Result<(), Following> {
        while let Some(entry) = reader.next(Lsn::MAX)? {
            let (location, ends) = (entry.location, entry.lsn == entry.batch.last());
            self.take(entry.bytes).map_err(|source| Following::Parted { location, source })?;
            let is_needed = entry.lsn >= needed && self.cursor().lsn < needed;
            if ends && (is_needed || self.uncommitted() >= UNCOMMITTED_MAX) && self.settled() {
                self.commit(reader.cursor())?;
                // Not all that is due: a few more runs cost less than a merge of all of them each time.
                while self.merges_due() > MERGES_DUE_MAX && self.merge_step()? {}
            }
            if ends {
                told(self.lsn());
            }
        }
        Ok(())
    }

    /// For tests: the store has a head that is none, although its files are sound.
    #[cfg(test)]
    pub fn lose_head(&mut self) {
        let at = self.cursor();
        self.store.commit([], at, b"").expect("a disk");
    }

    /// About how many merges are due.
    #[must_use]
    pub fn merges_due(&self) -> u64 {
        self.store.stats().merges_due
    }

    /// One bounded step of merging files. `false` when nothing is to be merged.
    ///
    /// # Errors
    /// When it cannot be done: the same may be tried again.
    pub fn merge_step(&mut self) -> Result<bool, store::Error> {
        self.store.merge_step()
    }
}
