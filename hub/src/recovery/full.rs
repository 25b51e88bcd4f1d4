//! The full scope: every record is applied again and, at the level re-decide, decided again; the state store is held
//! against the replay. Keys are kept in a store of its own while it runs, so that memory does not grow with them.

use std::sync::Arc;

use actors::stored::{self, Stored};
use engine::{Level, LogVerifier, StateItem, TxId, Unknown, World, invariant};
use journal::{Cursor, Entry, FIRST_KEPT, Files, LogRecords, Lsn, Tail, storage::Storage};
use ledger::Digest;
use store::{Change, Key, Options, Store, Tree};

use super::{Error, Expectations, base::ATTEMPTS, read, removed::Whole, scratch::Scratch};

/// Keys in memory before they go to the store of the proof.
const KEYS_IN_MEMORY_MAX: usize = 1 << 20;

/// The result of proving a whole log.
pub struct Findings {
    /// The end of the log.
    pub tail: Tail,
    /// The state, and what was counted on the way.
    pub verifier: LogVerifier,
    /// The record whose state was taken from the state store, because the log does not have all records before it any
    /// more; 0 when every record was proven.
    pub trusted: u64,
    /// The last record that was read in the archive and proven; 0 when all of them are in the log.
    pub fetched: u64,
    /// The last record of the state store, which has what the replay has; `None` when there is no store.
    pub stored: Option<u64>,
}

/// Proves a whole log without trust in anything that it says; see [the scopes](super). `store` is the storage of the
/// state store, if there is one; it is only read. `whole` has the records that were removed from the log, if something
/// has: then nothing is trusted.
///
/// # Errors
/// The first thing that is not as it must be.
pub fn full<S: Storage, T: Storage>(
    files: &Files<S>,
    whole: Whole<'_>,
    store: Option<&T>,
    level: Level,
    expectations: &Expectations,
) -> Result<Findings, Error> {
    let mut verifier = LogVerifier::default().reading(expectations.formats).at(level);
    // Read before the log: beside a serving hub, the log then has the records that the store stands for.
    let mut found = match store {
        Some(store) => Found::read(files, store, expectations)?,
        None => None,
    };
    let begins = files.begins().lsn;
    let whole = whole.filter(|_| begins > Lsn(0));
    let trusted = if begins > Lsn(0) && whole.is_none() {
        let Some(Found { world, .. }) = found.take().filter(|found| found.at.lsn >= begins) else {
            return Err(Error::NoAnchor { first: begins.next().0, passed_over: String::new() });
        };
        verifier = verifier.on(world);
        Lsn(verifier.world().books.lsn())
    } else {
        Lsn(0)
    };
    let (mut compared, mut keys) = (None, None);
    let mut take = |entry: Entry<'_>| {
        let (lsn, location) = (entry.lsn, entry.location);
        // Of the records that its state includes, only the chain is proven.
        if lsn <= trusted {
            return Ok(());
        }
        let disproved =
            |finding: engine::Finding| Error::Disproved { lsn: lsn.0, location, what: finding.what };
        verifier.next(entry.bytes).map_err(disproved)?;
        if let Some(found) = found.as_ref().filter(|found| found.at.lsn == lsn) {
            found.agrees(&entry, &verifier)?;
            compared = Some(lsn.0);
        }
        if verifier.world().books.keys_in_memory() > KEYS_IN_MEMORY_MAX {
            spill(&mut keys, &mut verifier)?;
        }
        Ok(())
    };
    let fetched = whole.map_or(Ok(Lsn(0)), |whole| read_removed(files, whole, &mut take))?.0;
    let reader = read(files, begins.0, take)?;
    let tail = files.finish(reader)?;
    if let Some(found) = &found {
        files.reaches(&tail, &found.at, stored::DIRECTORY)?;
    }
    let lsn = tail.last().0;
    let source = |finding: engine::Finding| Error::Invariant { lsn, source: finding.what.into() };
    verifier.check().map_err(source)?;
    expectations.check(files, whole, &tail, verifier.world())?;
    Ok(Findings { tail, verifier, trusted: trusted.0, fetched, stored: compared })
}

/// Hands over every record that was removed from the log. Returns the last one; the log goes on exactly there.
fn read_removed<S: Storage>(
    files: &Files<S>,
    whole: &dyn LogRecords,
    mut take: impl FnMut(Entry<'_>) -> Result<(), Error>,
) -> Result<Lsn, Error> {
    let (mut reader, begins) = (whole.read(Lsn(0))?, files.begins());
    while let Some(entry) = reader.next(begins.lsn)? {
        take(entry)?;
    }
    let end = reader.cursor();
    if (end.lsn, end.hash) != (begins.lsn, begins.hash) {
        let what = "its first record does not follow the last one of the archive";
        return Err(
            journal::Error::Damaged { file: files.storage().path(FIRST_KEPT), offset: 0, what }.into()
        );
    }
    Ok(end.lsn)
}

/// The keys of a proof that are not in memory.
struct Keys {
    store: Store,
    _directory: Scratch,
}

/// Moves the keys in memory to the store of the proof.
fn spill(keys: &mut Option<Keys>, verifier: &mut LogVerifier) -> Result<(), Error> {
    let keys = match keys {
        Some(keys) => keys,
        None => {
            let directory = Scratch::new()?;
            let store = Store::over(directory.storage()?, Options::default()).map_err(stored::Error::from)?;
            keys.insert(Keys { store, _directory: directory })
        }
    };
    let new = verifier.new_keys(keys.store.view().cursor().lsn.0);
    let changes = new.iter().map(|(id, kept)| Change {
        tree: Tree::Keys,
        key: Key(id.0.to_be_bytes()),
        value: Some(kept),
    });
    let at = Cursor { lsn: Lsn(verifier.world().books.lsn()), ..Cursor::default() };
    keys.store.commit(changes, at, &[]).map_err(stored::Error::from)?;
    while keys.store.merge_step().map_err(stored::Error::from)? {}
    verifier.stored(Arc::new(Stored(keys.store.view())));
    Ok(())
}

/// What the state store has.
struct Found {
    at: Cursor,
    world: World,
    /// The digest of its keys, and how many there are.
    keys: (Digest, u64),
    results: Vec<StateItem>,
}

impl Found {
    /// Reads the store; `None` when there is none.
    fn read<S: Storage, T: Storage>(
        files: &Files<S>,
        storage: &T,
        expectations: &Expectations,
    ) -> Result<Option<Self>, Error> {
        let mut attempt = 1;
        loop {
            let stored = Stored::read(storage).map_err(stored::Error::from)?;
            let at = stored.0.cursor();
            if at.lsn == Lsn(0) {
                return Ok(None);
            }
            match Self::of(&stored, expectations) {
                Ok(found) => {
                    let wrong = |lost| Error::Store { lsn: at.lsn.0, what: journal::with_causes(&lost) };
                    files.admits(&at, stored::DIRECTORY).map_err(wrong)?;
                    return Ok(Some(found));
                }
                // A serving hub removes files that it has merged.
                Err(_) if attempt < ATTEMPTS && stored.has_moved(storage) => attempt += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn of(stored: &Stored, expectations: &Expectations) -> Result<Self, stored::Error> {
        let world = stored.load(expectations.formats, Unknown::Kept)?;
        let (mut digest, mut count) = (Digest::default(), 0);
        for entry in stored.0.scan(Tree::Keys) {
            let (Key(id), kept) = entry?;
            digest.add(engine::key_print(TxId(u128::from_be_bytes(id)), &kept).map_err(stored::Error::item)?);
            count += 1;
        }
        let mut results = Vec::new();
        for entry in stored.0.scan(Tree::Rows) {
            let item = StateItem::decode(&entry?.1, &expectations.formats, Unknown::Kept);
            if let item @ StateItem::Result(_) = item.map_err(stored::Error::item)? {
                results.push(item);
            }
        }
        Ok(Self { at: stored.0.cursor(), world, keys: (digest, count), results })
    }

    /// Compares it with the log at its record: the same log, and the same state (`E3`).
    fn agrees(&self, entry: &Entry<'_>, verifier: &LogVerifier) -> Result<(), Error> {
        let wrong = |what: String| Err(Error::Store { lsn: entry.lsn.0, what });
        let ends = (entry.lsn == entry.batch.last()).then_some(entry.batch.hash);
        if ends != Some(self.at.hash) {
            return wrong("it is not of this log".into());
        }
        let world = verifier.world();
        if let Err(violation) = invariant::same(&self.world, world) {
            return wrong(violation.to_string());
        }
        let keys = (world.books.digest().of(engine::Component::Keys), world.books.keys());
        if self.keys.1 != keys.1 {
            return wrong(format!("it has {} keys, and the log has {}", self.keys.1, keys.1));
        }
        if self.keys != keys {
            return wrong(format!("its {} keys are not those of the log", keys.1));
        }
        match self.results.iter().find(|result| world.item(result.id()).as_ref() != Some(*result)) {
            Some(result) => wrong(format!("{:?} is not that of the log", result.id())),
            None => Ok(()),
        }
    }
}
