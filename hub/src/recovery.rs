//! Recovery: reads a log, rebuilds its state and proves it, in one of two scopes. The start and `hub verify` both use
//! it, so that the same scope gives the same verdict.
//!
//! * *tail*: every segment's header, link and size, and every byte after the newest usable checkpoint; the state is
//!   rebuilt from there. A start is exactly this ([`recover`]), `hub verify --tail` too ([`tail`]).
//! * *full*: every byte, and every record decided again, or only applied ([`full()`]).
//!
//! Of a log whose oldest segments were removed, the full scope begins with the oldest usable checkpoint.
//!
//! Both end with every invariant on the whole state and with what the operator expects of the log
//! ([`Expectations`]). Nothing is changed before all of it holds.

mod begin;
mod beginning;
mod error;
mod expectations;
pub mod facts;
mod full;
mod head;
pub mod people;
mod restored;

use std::{path::Path, time::Instant};

use ::people::{Master, People};
use engine::{Formats, Record, World, checkpoint};
use journal::{Claim, Entry, Files, Log, Lsn, Options, Reader, Tail, storage::Storage};

pub use begin::{begin, begun};
pub use error::Error;
pub use expectations::Expectations;
pub use full::{Findings, full};
pub use head::Head;
pub use restored::{Restored, restored};

use self::beginning::{Decode, Prefer, beginning};
use crate::telemetry::events as telemetry;

/// A recovered log and its state.
pub struct Recovered {
    /// The log, open for writing.
    pub log: Log,
    /// The state after its last record.
    pub world: World,
    /// The last record the newest checkpoint covers, 0 without one.
    pub checkpointed: u64,
    /// The people store, open for writing.
    pub people: People,
}

/// The result of proving the tail of a log.
pub struct Proven {
    /// The end of the log.
    pub tail: Tail,
    /// The state after its last record.
    pub world: World,
    /// The last record of the checkpoint that the rest was replayed on, 0 without one.
    pub cursor: u64,
    /// Newer checkpoints that could not be used, and why.
    pub passed_over: Vec<(u64, String)>,
}

/// Opens the log in `directory` and the people store beside it for writing, and rebuilds the state. The lock of the log
/// stands for both.
///
/// # Errors
/// When another hub has the log, when it is damaged, when it does not fit together, or is not the one expected; and when
/// the people store is damaged, lost, under another master key or not the log's. Nothing was changed then.
pub fn recover(
    directory: &Path,
    segment_bytes: u64,
    expectations: &Expectations,
    people_key: &Master,
) -> Result<Recovered, Error> {
    let began = Instant::now();
    let claim = Claim::take(directory)?;
    let Proven { tail, world, cursor, passed_over } = tail(claim.files(), expectations)?;
    let found = people::of_log(directory, people_key, &world)?;
    for (lsn, why) in passed_over {
        telemetry::unusable_checkpoint(lsn, &why);
    }
    let log = claim.open(tail, Options { segment_bytes, ..Options::default() })?;
    let people = people::open(found, directory, people_key, &world)?;
    let lsn = world.books.lsn();
    telemetry::replayed(lsn, lsn - cursor, began.elapsed(), log.epoch());
    Ok(Recovered { log, world, checkpointed: cursor, people })
}

/// Proves the tail of a log; see [the scopes](self).
///
/// # Errors
/// The first thing that is not as it must be.
pub fn tail<S: Storage>(files: &Files<S>, expectations: &Expectations) -> Result<Proven, Error> {
    prove(files, expectations, |files, reader| files.finish(reader))
}

/// [`tail`], with another way to say where the log ends.
fn prove<S: Storage>(
    files: &Files<S>,
    expectations: &Expectations,
    finish: impl FnOnce(&Files<S>, Option<Reader<S>>) -> Result<Tail, journal::Error>,
) -> Result<Proven, Error> {
    let mut passed_over = Vec::new();
    let as_recorded = (checkpoint::decode_with as Decode, &expectations.formats);
    let mut world = beginning(files, Prefer::Newest, as_recorded, &mut passed_over)?;
    let cursor = world.books.lsn();
    let reader = read(files, cursor, |entry| {
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
    expectations.check(files, &tail, &world)?;
    Ok(Proven { tail, world, cursor, passed_over })
}

/// The state with which the reading of a log begins, of which as much as possible is read.
///
/// # Errors
/// When the log's oldest segments were removed and no checkpoint can be used.
pub fn oldest<S: Storage>(files: &Files<S>) -> Result<World, Error> {
    if files.begins().lsn == Lsn(0) {
        return Ok(World::default());
    }
    beginning(files, Prefer::Oldest, (checkpoint::decode_with, &Formats::STANDARD), &mut Vec::new())
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
