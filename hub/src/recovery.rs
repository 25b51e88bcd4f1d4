//! Recovery: reads a log, rebuilds its state and proves it, in one of two scopes. The start and `hub verify` both use
//! it, so that the same scope gives the same verdict.
//!
//! * *tail*: every segment's header, link and size, and every byte after the cursor of the state store; the state is
//!   rebuilt from there. A start is exactly this ([`recover`]), `hub verify --tail` too ([`tail`]). A store that is missing,
//!   damaged or far behind is built again from the log first ([`base`]).
//! * *full*: every byte, and every record decided again, or only applied ([`full()`]).
//!
//! Of a log whose oldest segments were removed, both begin with the state store. Where its archive can be read, a start builds
//! a lost store from archive and log, and the full scope proves every record of both.
//!
//! Both end with every invariant on the whole state and with what the operator expects of the log
//! ([`Expectations`]). Nothing of the log is changed before all of it holds.

mod base;
mod begin;
mod error;
mod expectations;
pub mod facts;
mod full;
mod head;
pub mod people;
mod removed;
mod restored;
mod reversed;
mod scratch;
mod spill;
mod state_at;

use std::{path::Path, time::Instant};

use ::people::{Master, People};
use actors::stored::{self, Keeper};
use engine::{Record, World};
use journal::{Claim, Entry, Files, Log, Lsn, Options, Reader, Tail, file::Directory, storage::Storage};

pub use base::{Base, catch_up};
pub use begin::{begin, begun};
pub use error::Error;
pub use expectations::Expectations;
pub use full::{Findings, full};
pub use head::Head;
pub use removed::Whole;
pub use restored::{Restored, restored};
pub use state_at::state_at;

use crate::{archive::whole_of_files, telemetry::events as telemetry};

/// A recovered log and its state.
pub struct Recovered {
    /// The log, open for writing.
    pub log: Log,
    /// The state after its last record.
    pub world: World,
    /// The state store, open for its follower.
    pub keeper: Keeper,
    /// The last record that was not read: the state store stands for it.
    pub unread: u64,
    /// The people store, open for writing.
    pub people: People,
}

/// The result of proving the tail of a log.
pub struct Proven {
    /// The end of the log.
    pub tail: Tail,
    /// The state after its last record.
    pub world: World,
    /// The last record of the state store that the rest was replayed on. Without one it is the record before the first one
    /// that the log keeps.
    pub cursor: u64,
    /// Why the state store that was there could not be used.
    pub passed_over: Option<String>,
}

/// Opens the log in `directory` with its state store and the people store beside it for writing, and rebuilds the state. The
/// lock of the log stands for all. What was removed from the log is read in the archive `archive`, unless that is empty.
///
/// Waits for the archive, so a thread that runs tasks must not call this.
///
/// # Errors
/// When another hub has the log, when it is damaged, when it does not fit together, or is not the one expected; and when
/// the people store is damaged, lost, under another master key or not the log's. Nothing was changed then but the state
/// store, which is derived.
pub fn recover(
    directory: &Path,
    archive: &str,
    segment_bytes: u64,
    expectations: &Expectations,
    people_key: &Master,
) -> Result<Recovered, Error> {
    let began = Instant::now();
    let claim = Claim::take(directory)?;
    let whole = whole_of_files(archive, claim.files())?;
    let (keeper, proven) = kept(claim.files(), whole.as_deref(), stored::storage(directory)?, expectations)?;
    let Proven { tail, world, cursor, .. } = proven;
    let found = people::of_log(directory, people_key, &world)?;
    let log = claim.open(tail, Options { segment_bytes, ..Options::default() })?;
    let people = people::open(found, directory, people_key, &world)?;
    let lsn = world.books.lsn();
    telemetry::replayed(lsn, lsn - cursor, began.elapsed(), log.epoch());
    Ok(Recovered { log, world, keeper, unread: cursor, people })
}

/// Proves the tail of a log as a start does: the state store in a storage is built again when it cannot be used, and is open
/// for its follower then. `whole` has the records that were removed from the log, if something has.
///
/// # Errors
/// The first thing that is not as it must be.
pub fn kept<S: Storage, T: Storage>(
    files: &Files<S>,
    whole: Whole<'_>,
    storage: T,
    expectations: &Expectations,
) -> Result<(Keeper<T>, Proven), Error> {
    let (keeper, base) = Base::kept(files, whole, storage.clone(), expectations)?;
    match replay((files, whole), base, expectations, Files::finish) {
        Ok(proven) => Ok((keeper, proven)),
        Err(error) => {
            let why = error.of_the_store()?;
            drop(keeper);
            let (keeper, base) = Base::anew(files, whole, storage, expectations, why)?;
            Ok((keeper, replay((files, whole), base, expectations, Files::finish)?))
        }
    }
}

/// The state store of the log in a directory, to be read; `None` when there is none.
///
/// # Errors
/// When its directory cannot be read.
pub fn store_of(directory: &Path) -> Result<Option<Directory>, Error> {
    Ok(stored::storage_to_read(directory)?)
}

/// Proves the tail of a log; see [the scopes](self). `store` is the storage of the state store, if there is one; it
/// is only read. `whole` has the records that were removed from the log, if something has: a start with that archive has the same
/// verdict.
///
/// # Errors
/// The first thing that is not as it must be.
pub fn tail<S: Storage, T: Storage>(
    files: &Files<S>,
    whole: Whole<'_>,
    store: Option<&T>,
    expectations: &Expectations,
) -> Result<Proven, Error> {
    let base = Base::read(files, whole, store, expectations)?;
    proven((files, whole), base, expectations, Files::finish)
}

/// Proves the tail of a log that is only read, on the state store or, when that turns out to be damaged, without it.
fn proven<S: Storage>(
    (files, whole): (&Files<S>, Whole<'_>),
    base: Base,
    expectations: &Expectations,
    finish: impl Fn(&Files<S>, Option<Reader<S>>) -> Result<Tail, journal::Error>,
) -> Result<Proven, Error> {
    replay((files, whole), base, expectations, &finish).or_else(|error| {
        let base = Base::without(files, whole, expectations, Some(error.of_the_store()?))?;
        replay((files, whole), base, expectations, &finish)
    })
}

/// Replays the log behind a state, and proves what comes of it. `finish` says where the log ends.
fn replay<S: Storage>(
    (files, whole): (&Files<S>, Whole<'_>),
    base: Base,
    expectations: &Expectations,
    finish: impl FnOnce(&Files<S>, Option<Reader<S>>) -> Result<Tail, journal::Error>,
) -> Result<Proven, Error> {
    let Base { mut world, passed_over, scratch } = base;
    let after = world.books.lsn();
    // A state that was just built of the log was replayed as well.
    let cursor = if scratch.is_some() { files.begins().lsn.0 } else { after };
    let reader = read(files, after, |entry| {
        let (lsn, location) = (entry.lsn.0, entry.location);
        let record = Record::decode_with(entry.bytes, &expectations.formats)
            .map_err(|source| Error::Record { lsn, location, source })?;
        world.apply(&record).map(drop).map_err(|source| Error::Unfit {
            lsn,
            location,
            source: Box::new(source),
        })
    })?;
    let tail = finish(files, reader)?;
    let lsn = world.books.lsn();
    world.check().map_err(|violation| Error::Invariant { lsn, source: Box::new(violation) })?;
    expectations.check(files, whole, &tail, &world)?;
    Ok(Proven { tail, world, cursor, passed_over })
}

/// The state with which the reading of a log begins, of which as much as possible is read.
///
/// # Errors
/// When the log's oldest segments were removed and the state store cannot be used.
pub fn oldest<S: Storage, T: Storage>(files: &Files<S>, store: Option<&T>) -> Result<World, Error> {
    match files.begins().lsn {
        Lsn(0) => Ok(World::default()),
        _ => Base::read(files, None, store, &Expectations::default()).map(|base| base.world),
    }
}

/// Hands over every record after one, in order. The reader is then at the end of the log; `None` when there is no log.
fn read<S: Storage>(
    files: &Files<S>,
    after: u64,
    mut take: impl FnMut(Entry<'_>) -> Result<(), Error>,
) -> Result<Option<Reader<S>>, Error> {
    let mut reader = files.reader(Lsn(after))?;
    if let Some(reader) = &mut reader {
        while let Some(entry) = reader.next(Lsn::MAX)? {
            take(entry)?;
        }
    }
    Ok(reader)
}

#[cfg(test)]
mod tests;
