//! The full scope: every record is applied again and, at the level re-decide, decided again; every checkpoint is held
//! against the replay.

use std::collections::BTreeSet;

use engine::{Level, LogVerifier, checkpoint, invariant};
use journal::{Files, Lsn, Tail, storage::Storage};

use super::{
    Error, Expectations,
    beginning::{Decode, Prefer, beginning},
    read,
};

/// The result of proving a whole log.
pub struct Findings {
    /// The end of the log.
    pub tail: Tail,
    /// The state, and what was counted on the way.
    pub verifier: LogVerifier,
    /// The record whose state was taken from a checkpoint, because the log does not have all records before it any more; 0
    /// when every record was proven.
    pub trusted: u64,
    /// Checkpoints that hold what the replay holds.
    pub checkpoints: u64,
}

/// Proves a whole log without trust in anything that it says; see [the scopes](super).
///
/// # Errors
/// The first thing that is not as it must be.
pub fn full<S: Storage>(
    files: &Files<S>,
    level: Level,
    expectations: &Expectations,
) -> Result<Findings, Error> {
    let mut verifier = LogVerifier::default().reading(expectations.formats).at(level);
    let begins = files.begins().lsn;
    if begins > Lsn(0) {
        let effects = (checkpoint::decode_effects as Decode, &expectations.formats);
        verifier = verifier.on(beginning(files, Prefer::Oldest, effects, &mut Vec::new())?);
    }
    let trusted = Lsn(verifier.world().books.lsn());
    // Listed before the log is read: beside a serving hub, the log then has the records of all these checkpoints.
    let mut waiting: BTreeSet<Lsn> = journal::checkpoint::list_in(files.storage())?.into_iter().collect();
    waiting.retain(|lsn| *lsn > trusted);
    let mut checkpoints = 0;
    let reader = read(files, begins.0, |entry| {
        let (lsn, location) = (entry.lsn, entry.location);
        // Of the records that its state includes, only the chain is proven.
        if lsn <= trusted {
            return Ok(());
        }
        let disproved =
            |finding: engine::Finding| Error::Disproved { lsn: lsn.0, location, what: finding.what };
        verifier.next(entry.bytes).map_err(disproved)?;
        if waiting.remove(&lsn) {
            let ends = (lsn == entry.batch.last()).then_some(entry.batch.hash);
            checkpoints += u64::from(agrees(files, (lsn, ends), &verifier)?);
        }
        Ok(())
    })?;
    let tail = files.finish(reader)?;
    let lsn = tail.last().0;
    let source = |finding: engine::Finding| Error::Invariant { lsn, source: finding.what.into() };
    verifier.check().map_err(source)?;
    expectations.check(files, &tail, verifier.world())?;
    Ok(Findings { tail, verifier, trusted: trusted.0, checkpoints })
}

/// Compares a checkpoint with the log at its record: the same log, and the same world (`E3`). `ends` is the hash of the
/// batch that ends there, if one does. `false` when the checkpoint is gone, since a newer one has taken its place.
fn agrees<S: Storage>(
    files: &Files<S>,
    (lsn, ends): (Lsn, Option<[u8; 32]>),
    verifier: &LogVerifier,
) -> Result<bool, Error> {
    let wrong = |what: String| Error::Checkpoint { lsn: lsn.0, what };
    let found = match journal::checkpoint::at_in(files.storage(), lsn) {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(false),
        Err(error @ (journal::Error::Damaged { .. } | journal::Error::Version { .. })) => {
            return Err(wrong(error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    files.admits(&found.at, &journal::checkpoint::name(lsn)).map_err(|lost| wrong(lost.to_string()))?;
    if ends != Some(found.at.hash) {
        return Err(wrong("it is not of this log".into()));
    }
    let world = checkpoint::decode_effects(&found.bytes, &verifier.formats());
    let world = world.map_err(|error| wrong(error.to_string()))?;
    invariant::same(&world, verifier.world()).map_err(|violation| wrong(violation.to_string()))?;
    Ok(true)
}
