//! The whole state of a log behind the segments that go, from which a start goes on.

use std::path::PathBuf;

use actors::stored::{self, Stored};
use engine::{Formats, Unknown};
use journal::{Files, Lsn, storage::Storage};

/// What keeps whole states of a log.
pub trait VerifiedState: Send + 'static {
    /// The record of the state from which a start would go on. Its items were all read now and have the digests that it
    /// states, and its hash is the log's; its keys are read by the scrub. `None` when there is none.
    ///
    /// # Errors
    /// When a file cannot be read.
    fn verified<S: Storage>(&self, files: &Files<S>) -> Result<Option<Lsn>, journal::Error>;
}

/// The state store beside the log.
#[derive(Debug, Clone)]
pub struct StoreBeside {
    /// The directory of the log.
    pub directory: PathBuf,
}

impl VerifiedState for StoreBeside {
    fn verified<S: Storage>(&self, files: &Files<S>) -> Result<Option<Lsn>, journal::Error> {
        // A store that cannot be read is built again by a start, and is none meanwhile.
        let Ok(Some(storage)) = stored::storage_to_read(&self.directory) else { return Ok(None) };
        match Stored::read(&storage) {
            Ok(stored) => verified(&stored, files),
            Err(_) => Ok(None),
        }
    }
}

fn verified<S: Storage>(stored: &Stored, files: &Files<S>) -> Result<Option<Lsn>, journal::Error> {
    let at = stored.0.cursor();
    // Of one before the beginning of the log, nothing is left to be compared.
    if at.lsn == Lsn(0) || at.lsn < files.begins().lsn || files.admits(&at, stored::DIRECTORY).is_err() {
        return Ok(None);
    }
    let is_ours = files.hash_at(at.lsn)? == Some(at.hash);
    let is_whole = stored.load(Formats::STANDARD, Unknown::Kept).is_ok();
    Ok((is_ours && is_whole).then_some(at.lsn))
}

#[cfg(test)]
mod tests {
    use engine::{Body, Record, World};
    use journal::{Options, SyncLog, memory::Memory};

    use super::*;

    /// A log of 30 records with a state store at this one.
    fn log(at: u64) -> Memory {
        let memory = Memory::new(1);
        let options = Options { segment_bytes: 4 << 10, nice: 0 };
        let mut log = SyncLog::open(memory.clone(), options).expect("a log");
        let mut world = World::default();
        for lsn in 1..=30 {
            let record = Record { time: lsn, body: Body::Digest(world.books.digest()) };
            world.apply(&record).expect("it fits");
            log.append(&record.encode());
            log.sync().expect("a disk");
            if lsn == at {
                stored::replace(memory.part("store-"), &world, log.log().end()).expect("a disk");
            }
        }
        memory
    }

    fn state(memory: &Memory) -> Option<Lsn> {
        let stored = Stored::read(&memory.part("store-")).ok()?;
        verified(&stored, &Files::over(memory.clone()).expect("a log")).expect("readable")
    }

    #[test]
    fn a_store_is_a_whole_state_when_it_is_whole_and_of_the_log() {
        assert_eq!(state(&log(0)), None);
        let memory = log(20);
        assert_eq!(state(&memory), Some(Lsn(20)));
        let damaged = memory.copy();
        damaged.flip("store-manifest", 30, 1);
        assert_eq!(state(&damaged), None);
        // The store of a log with other hashes.
        let other = Memory::new(2);
        let mut log = SyncLog::open(other.clone(), Options::default()).expect("a log");
        for _ in 0..30 {
            log.append(b"another");
        }
        log.sync().expect("a disk");
        let stored = Stored::read(&memory.part("store-")).expect("it is sound");
        assert_eq!(verified(&stored, &Files::over(other).expect("a log")).expect("readable"), None);
    }
}
