//! `hub inspect`: shows one record of the log in words, with the balances that it changes.
//!
//! Reads the log without a lock from its first record on, and applies every record up to the one asked for, so that it
//! knows the state before and after it. It proves no more than a replay does: `hub verify` decides each record again.
//!
//! What is in a record, [`report`] says by name and type. [`text`] writes that for people and [`json`] for programs.

mod consulted;
mod json;
mod lookup;
pub(crate) mod report;
mod text;

use std::{io::Write, path::Path};

use engine::{Facts, Fields, Record};
use journal::{Files, Lsn, storage::Storage};

use self::text::Text;
pub use self::{consulted::consulted, json::Json, lookup::Lookup, text::Scales};
use crate::{config::Loaded, recovery, telemetry::with_causes, verify::word};

/// Records after which it is said how far the reading is.
const PROGRESS_EVERY: u64 = 1_000_000;

/// The record cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log is damaged, or does not follow from the rules: in the words of `hub verify`.
    #[error("{}: {}", word(.0), with_causes(.0))]
    Log(recovery::Error),
    /// Nothing is there to be read.
    #[error("there is no log in {0}")]
    NoLog(String),
    /// The log does not have it.
    #[error("there is no {wanted} in this log, whose last record is {last}")]
    Absent {
        /// What was asked for.
        wanted: Lookup,
        /// The last record of the log.
        last: u64,
    },
    /// The log's oldest segments were removed.
    #[error(
        "there is no {wanted} after record {state}, where the oldest state here is. If it is older, put the whole log together \
         with `hub archive --fetch DIR`, and inspect that"
    )]
    BeforeState {
        /// What was asked for.
        wanted: Lookup,
        /// The record of the oldest state.
        state: u64,
    },
    /// The answer could not be written.
    #[error("failed to write the answer")]
    Write(#[from] std::io::Error),
}

impl<E: Into<recovery::Error>> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Log(error.into())
    }
}

/// A record that was found, by name, and what the log had said of currencies until then.
struct Found {
    fields: Fields,
    facts: Facts,
}

/// Shows a record of the configured log.
///
/// # Errors
/// When the log has no such record, or cannot be read up to it.
pub fn show(loaded: &Loaded, wanted: Lookup, json: bool, output: &mut impl Write) -> Result<(), Error> {
    let directory = &loaded.config.journal.directory;
    let files = Files::open(Path::new(directory))?;
    if files.is_empty() {
        return Err(Error::NoLog(directory.clone()));
    }
    let store = recovery::store_of(Path::new(directory))?;
    let Found { fields, facts } = find(&files, store.as_ref(), wanted)?;
    let shown = match json {
        true => format!("{}\n", Json::of(&fields, &facts)),
        false => Text::of(&fields, &facts).to_string(),
    };
    match output.write_all(shown.as_bytes()) {
        // The reader has closed the pipe, as `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Finds a record, by a replay up to it.
fn find<S: Storage, T: Storage>(files: &Files<S>, store: Option<&T>, wanted: Lookup) -> Result<Found, Error> {
    if let Lookup::Lsn(lsn) = wanted
        && files.proof(Lsn(lsn))?.is_none()
    {
        let last = files.finish(files.reader(Lsn(lsn))?)?.last().0;
        return Err(Error::Absent { wanted, last });
    }
    let mut world = recovery::oldest(files, store)?;
    let state = world.books.lsn();
    if matches!(wanted, Lookup::Lsn(lsn) if lsn <= state) {
        return Err(Error::BeforeState { wanted, state });
    }
    let (mut before, mut found): (Option<(u64, Record)>, Option<Found>) = Default::default();
    let mut reader = files.reader(Lsn(state))?;
    while let Some(reader) = &mut reader
        && let Some(entry) = reader.next(Lsn::MAX)?
    {
        let (lsn, location) = (entry.lsn.0, entry.location);
        let record = Record::decode(entry.bytes).map_err(|source| recovery::Error::Record {
            lsn,
            location,
            source,
        })?;
        if let Some(mut found) = found {
            found.fields.push(("after", report::neighbour(lsn, &record)));
            return Ok(found);
        }
        let fields = wanted.is(lsn, &record).then(|| report::of(&entry, &record, Some(&world)));
        let applied = world.apply(&record).map_err(|source| recovery::Error::Unfit {
            lsn,
            location,
            source: Box::new(source),
        })?;
        if let Some(mut fields) = fields {
            fields.extend(applied.money.outcome.map(|outcome| ("outcome", report::key_outcome(&outcome))));
            fields.extend(report::place(&entry));
            fields.extend(before.take().map(|(lsn, record)| ("before", report::neighbour(lsn, &record))));
            found = Some(Found { fields, facts: world.books.facts().clone() });
        } else {
            before = Some((lsn, record));
        }
        if lsn.is_multiple_of(PROGRESS_EVERY) {
            eprintln!("hub: {lsn} records are read");
        }
    }
    match found {
        Some(found) => Ok(found),
        None if state > 0 => Err(Error::BeforeState { wanted, state }),
        None => Err(Error::Absent { wanted, last: files.finish(reader)?.last().0 }),
    }
}

#[cfg(test)]
mod tests;
