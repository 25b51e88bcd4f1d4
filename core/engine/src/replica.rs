//! A second copy of the world, kept by reading the log: what the checkpoint writer does, without its thread and its files.
//!
//! It refuses, like replay, a record that does not fit and a digest that is not its own. So it finds a live state that
//! differs from the log.

use ledger::codec::DecodeError;

use crate::{
    apply::ApplyError,
    checkpoint,
    record::{Formats, Record},
    world::World,
};

/// A copy of the world that follows the log, and says when it is to be written down.
#[derive(Debug, Clone)]
pub struct Replica {
    world: World,
    every: u64,
    written: u64,
    formats: Formats,
}

/// The log does not stand for the copy: nothing of it may be written down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Parted {
    /// What is no record.
    #[error("record {lsn} cannot be read")]
    Unreadable {
        /// Its place.
        lsn: u64,
        /// Why not.
        source: DecodeError,
    },
    /// A record that was decided on another state.
    #[error("record {lsn} does not fit the copy")]
    Unfit {
        /// Its place.
        lsn: u64,
        /// Why not.
        source: ApplyError,
    },
}

impl Replica {
    /// A copy that goes on from a world, and is written down every so many records after `written`, the last record that
    /// a checkpoint covers.
    #[must_use]
    pub fn new(world: World, every: u64, written: u64) -> Self {
        Self { world, every, written, formats: Formats::STANDARD }
    }

    /// The same, for records with these recipes and kinds of rows.
    #[must_use]
    pub fn reading(self, formats: Formats) -> Self {
        Self { formats, ..self }
    }

    /// What the log stands for, as far as it was read.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The last record that was read.
    #[must_use]
    pub fn lsn(&self) -> u64 {
        self.world.books.lsn()
    }

    /// The last record to read now: of those that are durable, the next that a checkpoint is to cover. Never below where the
    /// copy stands. Its batch is read to the end, because a checkpoint stands at the end of a batch.
    #[must_use]
    pub fn limit(&self, durable: u64) -> u64 {
        let next = if self.world.settled() { self.written + self.every } else { u64::MAX };
        durable.min(next.max(self.lsn()))
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// When the log does not stand for the copy.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Record, Parted> {
        let lsn = self.lsn() + 1;
        let record =
            Record::decode_with(bytes, &self.formats).map_err(|source| Parted::Unreadable { lsn, source })?;
        self.world.apply(&record).map_err(|source| Parted::Unfit { lsn, source })?;
        Ok(record)
    }

    /// The checkpoint to write now, if one is due; a hub that stops writes down a tenth of the usual distance. None while a
    /// table waits for its quarantine ([`World::settled`]).
    #[must_use]
    pub fn due(&self, stopping: bool) -> Option<Vec<u8>> {
        let every = if stopping { self.every.div_ceil(10) } else { self.every };
        let due = self.lsn() >= self.written + every && self.world.settled();
        due.then(|| checkpoint::encode(&self.world))
    }

    /// What was due is written down.
    pub fn written(&mut self) {
        self.written = self.lsn();
    }
}
