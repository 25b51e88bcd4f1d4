//! Recovery: reads a log, rebuilds its state and proves it, in one of two scopes. The start and `hub verify` both use
//! it, so that the same scope gives the same verdict.
//!
//! * *tail*: every segment's header, link and size, and every byte after the newest usable checkpoint; the state is
//!   rebuilt from there. A start is exactly this ([`recover`]), `hub verify --tail` too ([`tail`]).
//! * *full*: every byte, and every record decided again, or only applied ([`full()`]).
//!
//! Both end with every invariant on the whole state and with what the operator expects of the log
//! ([`Expectations`]). Nothing is changed before all of it holds.

mod begin;
mod error;
mod expectations;
pub mod facts;
mod full;
mod head;
pub mod people;
mod restored;

use std::{path::Path, time::Instant};

use ::people::People;
use engine::{Record, World, checkpoint};
use journal::{Claim, Entry, Files, Log, Lsn, Options, Reader, Tail, storage::Storage};

pub use begin::{begin, begun};
pub use error::Error;
pub use expectations::Expectations;
pub use full::{Findings, full};
pub use head::Head;
pub use restored::{Restored, restored};

use crate::telemetry::events as telemetry;

/// A recovered log and its state.
pub struct Recovered {
    /// The log, open for writing.
    pub log: Log,
    /// The state after its last record.
    pub world: World,
    /// The last record the newest checkpoint covers, 0 without one.
    pub checkpointed: u64,
    /// The people file, open for writing.
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

/// Opens the log in `directory` and the people file beside it for writing, and rebuilds the state. The lock of the log
/// stands for both.
///
/// # Errors
/// When another hub has the log, when it is damaged, when it does not fit together, or is not the one expected; and when
/// the people file is damaged, lost or not the log's. Nothing was changed then.
pub fn recover(
    directory: &Path,
    segment_bytes: u64,
    expectations: &Expectations,
) -> Result<Recovered, Error> {
    let began = Instant::now();
    let claim = Claim::take(directory)?;
    let Proven { tail, world, cursor, passed_over } = tail(claim.files(), expectations)?;
    let found = people::of_log(directory, &world)?;
    for (lsn, why) in passed_over {
        telemetry::unusable_checkpoint(lsn, &why);
    }
    let log = claim.open(tail, Options { segment_bytes, ..Options::default() })?;
    let people = people::open(found, directory)?;
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
    let mut world = from_checkpoint(files, expectations, &mut passed_over)?.unwrap_or_default();
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

/// The state of the newest usable checkpoint: whole, of this very log, and readable by this release. Adds to
/// `passed_over` why newer ones cannot be used. One that a later release made with what this one does not have is no such:
/// the log behind it has it too, and is refused.
fn from_checkpoint<S: Storage>(
    files: &Files<S>,
    expectations: &Expectations,
    passed_over: &mut Vec<(u64, String)>,
) -> Result<Option<World>, Error> {
    for lsn in journal::checkpoint::list_in(files.storage())?.into_iter().rev() {
        let found = match journal::checkpoint::at_in(files.storage(), lsn) {
            Ok(Some(found)) => found,
            // A newer one has taken its place since the list was made.
            Ok(None) => continue,
            Err(error @ journal::Error::Damaged { .. }) => {
                passed_over.push((lsn.0, error.to_string()));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if let Err(lost) = files.admits(&found.at, &journal::checkpoint::name(lsn)) {
            passed_over.push((lsn.0, lost.to_string()));
            continue;
        }
        if files.hash_at(lsn)? != Some(found.at.hash) {
            passed_over.push((lsn.0, "it is not of this log".into()));
            continue;
        }
        match checkpoint::decode_with(&found.bytes, &expectations.formats) {
            Ok(world) if world.books.lsn() == lsn.0 => return Ok(Some(world)),
            Ok(_) => passed_over.push((lsn.0, "its state is of another record".into())),
            Err(source) if source.is_later() => {
                return Err(Error::Later { checkpoint: journal::checkpoint::name(lsn), source });
            }
            Err(error) => passed_over.push((lsn.0, error.to_string())),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
