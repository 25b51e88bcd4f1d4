//! The start path, which is the recovery path: checkpoint, then the log after it, then every invariant.

use std::{path::Path, time::Instant};

use engine::{Record, World, checkpoint};
use journal::{Entry, Log, Lsn, Options};

use crate::telemetry::events as telemetry;

/// The log does not stand for a state, or cannot be read. The hub does not start on it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal's own findings: they name file and offset.
    #[error("failed to open the log")]
    Journal(#[from] journal::Error),
    /// The record's bytes are sound but mean nothing to this release.
    #[error("failed to read record {lsn}")]
    Record {
        /// The record.
        lsn: u64,
        /// What is wrong with it.
        source: engine::DecodeError,
    },
    /// The record does not fit the state before it.
    #[error("failed to apply record {lsn}")]
    Broken {
        /// The record.
        lsn: u64,
        /// Why not.
        source: engine::ApplyError,
    },
    /// The state breaks an invariant.
    #[error("failed to prove the state after record {lsn}")]
    Invariant {
        /// The last record.
        lsn: u64,
        /// What does not hold.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A log, and what it stands for.
pub struct Recovered {
    /// The log, open for writing.
    pub log: Log,
    /// What it stands for.
    pub world: World,
    /// The last record the newest checkpoint covers, 0 without one.
    pub checkpointed: u64,
}

/// Opens the log in `directory` for writing and rebuilds what it stands for.
///
/// # Errors
/// When another hub has the log, when it is damaged, or when it does not fit together.
pub fn recover(directory: &Path, segment_bytes: u64) -> Result<Recovered, Error> {
    let began = Instant::now();
    let log = journal::open(directory, Options { segment_bytes, ..Options::default() })?;
    let mut world = from_checkpoint(directory, &log)?.unwrap_or_default();
    let from = world.books.lsn();
    log.replay(Lsn(from), |entry: Entry<'_>| {
        let lsn = entry.lsn.0;
        let record = Record::decode(entry.bytes).map_err(|source| Error::Record { lsn, source })?;
        world.apply(&record).map(drop).map_err(|source| Error::Broken { lsn, source })
    })?;
    let lsn = world.books.lsn();
    world.check().map_err(|broken| Error::Invariant { lsn, source: Box::new(broken) })?;
    telemetry::replayed(lsn, lsn - from, began.elapsed(), log.epoch());
    Ok(Recovered { log, world, checkpointed: from })
}

/// The newest usable checkpoint: it must be of this very log.
fn from_checkpoint(directory: &Path, log: &Log) -> Result<Option<World>, Error> {
    let Some(found) = journal::checkpoint::latest(directory)? else { return Ok(None) };
    if log.hash_at(found.lsn)? != Some(found.hash) {
        telemetry::foreign_checkpoint(found.lsn);
        return Ok(None);
    }
    match checkpoint::decode(&found.bytes) {
        Ok(world) if world.books.lsn() == found.lsn.0 => Ok(Some(world)),
        Ok(_) => Ok(None),
        Err(error) => {
            telemetry::unusable_checkpoint(found.lsn, &error);
            Ok(None)
        }
    }
}
