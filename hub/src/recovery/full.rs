//! The full scope: every record is applied again and, at the level re-decide, decided again; the state store is held
//! against the replay. Memory does not grow with the records ([`spill`](super::spill)).

use actors::stored::{self, Stored};
use engine::{Books, Level, LogVerifier, TxId, Unknown, World, invariant};
use journal::{Cursor, Entry, FIRST_KEPT, Files, LogRecords, Lsn, Tail, storage::Storage};
use ledger::Digest;
use store::{Key, Tree};

use super::{
    Error, Expectations,
    base::ATTEMPTS,
    read,
    removed::Whole,
    reversed::Reversals,
    spill::{EndedItems, IN_MEMORY_MAX, Spill},
};

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
    /// Most keys, results of players and past rounds of tables that were in memory between two records.
    pub in_memory: usize,
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
    within(IN_MEMORY_MAX, files, whole, store, level, expectations)
}

/// [`full()`] with so many keys, results of players and past rounds of tables in memory.
pub(super) fn within<S: Storage, T: Storage>(
    in_memory_max: usize,
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
            return Err(Error::NoState { first: begins.next().0, passed_over: String::new() });
        };
        verifier = verifier.on(world);
        Lsn(verifier.world().books.lsn())
    } else {
        Lsn(0)
    };
    if let Some(found) = &mut found {
        // It is only compared: its keys are counted, and the filters of its store are not needed.
        found.world.books.turn_to(Books::default().store());
    }
    let of_store = found.as_ref().map(|found| found.at);
    let mut spill = Spill::new(verifier.world().books.store(), in_memory_max);
    let (mut compared, mut in_memory) = (None, 0);
    let mut reversals = Reversals::default();
    let mut take = |entry: Entry<'_>| {
        let (lsn, location) = (entry.lsn, entry.location);
        // Of the records that its state includes, only the chain is proven.
        if lsn <= trusted {
            return Ok(());
        }
        let disproved =
            |finding: engine::Finding| Error::Disproved { lsn: lsn.0, location, what: finding.what };
        let record = verifier.next(entry.bytes).map_err(disproved)?;
        if level == Level::ReDecide {
            reversals.take(&entry, &record);
        }
        if let Some(found) = found.take_if(|found| found.at.lsn == lsn) {
            found.agrees(&entry, &verifier)?;
            found.has_ended(&spill.ended(&mut verifier)?)?;
            compared = Some(lsn.0);
        }
        spill.bound(&mut verifier)?;
        in_memory = in_memory.max(verifier.in_memory());
        Ok(())
    };
    let fetched = whole.map_or(Ok(Lsn(0)), |whole| read_removed(files, whole, &mut take))?.0;
    let reader = read(files, begins.0, take)?;
    let tail = files.finish(reader)?;
    if !reversals.is_empty() {
        if let Some(whole) = whole {
            read_removed(files, whole, |entry| reversals.compare(&entry))?;
        }
        read(files, begins.0, |entry| reversals.compare(&entry))?;
        reversals.finish(if whole.is_some() { Lsn(0) } else { begins })?;
    }
    if let Some(at) = &of_store {
        files.reaches(&tail, at, stored::DIRECTORY)?;
    }
    let lsn = tail.last().0;
    let source = |finding: engine::Finding| Error::Invariant { lsn, source: finding.what.into() };
    verifier.check().map_err(source)?;
    expectations.check(files, whole, &tail, verifier.world())?;
    Ok(Findings { tail, verifier, trusted: trusted.0, fetched, stored: compared, in_memory })
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

/// What the state store has.
struct Found {
    at: Cursor,
    world: World,
    /// The digest of its keys, and how many there are.
    keys: (Digest, u64),
    /// The last results of players and the past rounds of tables.
    ended: EndedItems,
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
        let mut ended = EndedItems::default();
        for entry in stored.0.scan(Tree::Rows) {
            let (Key(place), item) = entry?;
            ended.add(place, &item, &expectations.formats)?;
        }
        Ok(Self { at: stored.0.cursor(), world, keys: (digest, count), ended })
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
        Ok(())
    }

    /// Compares its results and past rounds with those of the log at its record.
    fn has_ended(&self, logged: &EndedItems) -> Result<(), Error> {
        let wrong = |what| Err(Error::Store { lsn: self.at.lsn.0, what });
        self.ended.differs(logged).map_or(Ok(()), wrong)
    }
}
