//! The state of a log as of one of its records, for whoever compares something with it.

use engine::{Record, World};
use journal::{Files, Lsn, storage::Storage};

use super::{Base, Error, Expectations, Whole, removed::hash_at};

/// The state as of the record with which a batch of this hash ends. It is replayed from the state store, unless that is of a
/// later record, and otherwise from the first record; then the keys of all records are in memory. Words when there is none.
///
/// # Errors
/// When the log or the store cannot be read.
pub fn state_at<S: Storage, T: Storage>(
    files: &Files<S>,
    whole: Whole<'_>,
    store: Option<&T>,
    (lsn, hash): (u64, [u8; 32]),
) -> Result<Result<World, String>, Error> {
    if lsn == 0 {
        return Ok(Ok(World::default()));
    }
    if hash_at(files, whole, Lsn(lsn))? != Some(hash) {
        return Ok(Err("it is not of this log, or of records that the log does not have".into()));
    }
    let expectations = Expectations::default();
    let stored = match store {
        Some(store) => Some(Base::read(files, whole, Some(store), &expectations)?.world),
        None => None,
    };
    let begins = files.begins().lsn.0;
    let mut world = match stored.filter(|world| world.books.lsn() <= lsn) {
        Some(world) => world,
        None if begins == 0 => World::default(),
        None => {
            return Ok(Err(format!(
                "the state store is of a later record than it, and the log begins after record {begins}"
            )));
        }
    };
    let Some(mut reader) = files.reader(Lsn(world.books.lsn()))? else { return Ok(Ok(world)) };
    while world.books.lsn() < lsn {
        let Some(entry) = reader.next(Lsn(lsn))? else { break };
        let (lsn, location) = (entry.lsn.0, entry.location);
        let record = Record::decode_effects(entry.bytes, &expectations.formats)
            .map_err(|source| Error::Record { lsn, location, source })?;
        world.apply(&record).map_err(|source| Error::Unfit { lsn, location, source: Box::new(source) })?;
    }
    Ok(Ok(world))
}
