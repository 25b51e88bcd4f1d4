//! The state with which reading begins: that of a checkpoint, or of a log without records.
//!
//! A log whose oldest segments were removed has no other beginning than a checkpoint: what was before it is read in the
//! archive. See docs/adr/0028-the-oldest-segments-are-archived-and-removed.md.

use engine::{DecodeError, Formats, World};
use journal::{Files, Lsn, storage::Storage};

use super::Error;

/// How a checkpoint's bytes are read.
pub(super) type Decode = fn(&[u8], &Formats) -> Result<World, DecodeError>;

/// Checkpoints that cannot be used, by their records, and why.
pub(super) type PassedOver = Vec<(u64, String)>;

/// Which checkpoint is preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefer {
    /// The newest one, so that little is read.
    Newest,
    /// The oldest one behind which every record is kept, so that as much as possible is proven.
    Oldest,
}

/// The state of the preferred usable checkpoint: whole, of this very log, and readable by this release. Without one the
/// state before the first record. Adds to `passed_over` why others cannot be used. One that a later release made with what
/// this one does not have is no such: the log behind it has it too, and is refused.
pub(super) fn beginning<S: Storage>(
    files: &Files<S>,
    prefer: Prefer,
    (decode, formats): (Decode, &Formats),
    passed_over: &mut PassedOver,
) -> Result<World, Error> {
    let mut lsns = journal::checkpoint::list_in(files.storage())?;
    if prefer == Prefer::Newest {
        lsns.reverse();
    }
    for lsn in lsns {
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
        match files.hash_at(lsn) {
            Ok(hash) if hash == Some(found.at.hash) => {}
            Ok(_) => {
                passed_over.push((lsn.0, "it is not of this log".into()));
                continue;
            }
            Err(error @ journal::Error::Removed { .. }) => {
                passed_over.push((lsn.0, error.to_string()));
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        match decode(&found.bytes, formats) {
            Ok(world) if world.books.lsn() == lsn.0 => return Ok(world),
            Ok(_) => passed_over.push((lsn.0, "its state is of another record".into())),
            Err(source) if source.is_later() => {
                return Err(Error::Later { checkpoint: journal::checkpoint::name(lsn), source });
            }
            Err(error) => passed_over.push((lsn.0, error.to_string())),
        }
    }
    match files.begins().lsn {
        Lsn(0) => Ok(World::default()),
        removed => Err(no_anchor(removed, passed_over)),
    }
}

fn no_anchor(removed: Lsn, passed_over: &PassedOver) -> Error {
    let why =
        passed_over.iter().map(|(lsn, why)| format!("; {}: {why}", journal::checkpoint::name(Lsn(*lsn))));
    Error::NoAnchor { first: removed.next().0, passed_over: why.collect() }
}
