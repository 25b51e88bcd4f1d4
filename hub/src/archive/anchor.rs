//! The anchor of a log: a full state behind the segments that go, from which a start goes on.

use journal::{Files, Lsn, checkpoint, storage::Storage};

/// What keeps full states of a log.
pub trait Anchors: Send + 'static {
    /// The record of the state from which a start would go on if every newer one was damaged. It was read whole now, its
    /// SHA-256 is the one it states, and its hash is the log's. `None` when there is none.
    ///
    /// # Errors
    /// When a file cannot be read.
    fn verified<S: Storage>(&self, files: &Files<S>) -> Result<Option<Lsn>, journal::Error>;
}

/// The checkpoints beside the log. The older of the two that are kept is the anchor: a start needs it when the newest is
/// damaged.
#[derive(Debug, Clone, Copy)]
pub struct Checkpoints;

impl Anchors for Checkpoints {
    fn verified<S: Storage>(&self, files: &Files<S>) -> Result<Option<Lsn>, journal::Error> {
        let mut lsns = checkpoint::list_in(files.storage())?;
        // Of one before the beginning of the log, nothing is left to be compared.
        lsns.retain(|lsn| *lsn >= files.begins().lsn);
        for lsn in lsns {
            let found = match checkpoint::at_in(files.storage(), lsn) {
                Ok(Some(found)) => found,
                // A newer one has taken its place, or it is passed over by a start as well.
                Ok(None) | Err(journal::Error::Damaged { .. } | journal::Error::Version { .. }) => continue,
                Err(error) => return Err(error),
            };
            let is_ours = files.admits(&found.at, &checkpoint::name(lsn)).is_ok();
            if is_ours && files.hash_at(lsn)? == Some(found.at.hash) {
                return Ok(Some(lsn));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use journal::{Options, SyncLog, memory::Memory};

    use super::*;

    /// A log of 30 records with checkpoints at these.
    fn log(checkpoints: &[u64]) -> Memory {
        let memory = Memory::new(1);
        let options = Options { segment_bytes: 4 << 10, nice: 0 };
        let mut log = SyncLog::open(memory.clone(), options).expect("a log");
        for n in 1..=30 {
            log.append(&[n; 100]);
            log.sync().expect("a disk");
            if checkpoints.contains(&n.into()) {
                checkpoint::write_in(&memory, log.log().end(), &[n; 1_000]).expect("a disk");
            }
        }
        memory
    }

    fn anchor(memory: &Memory) -> Option<Lsn> {
        Checkpoints.verified(&Files::over(memory.clone()).expect("a log")).expect("readable")
    }

    #[test]
    fn the_older_of_two_whole_checkpoints_is_the_anchor_and_a_damaged_or_foreign_one_is_none() {
        assert_eq!(anchor(&log(&[])), None);
        assert_eq!(anchor(&log(&[10])), Some(Lsn(10)));
        let memory = log(&[10, 20]);
        assert_eq!(anchor(&memory), Some(Lsn(10)));
        memory.flip("00000000000000000010.checkpoint", 500, 1);
        assert_eq!(anchor(&memory), Some(Lsn(20)));
        let other = log(&[20]);
        let theirs = other.bytes("00000000000000000020.checkpoint").expect("it is there");
        let strange =
            theirs.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 40)).collect::<Vec<_>>();
        memory.change("00000000000000000020.checkpoint", |file| file.clone_from(&strange));
        assert_eq!(anchor(&memory), None, "its hash is not the log's, or its checksum does not match");
    }
}
