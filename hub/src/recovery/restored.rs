//! A restored backup: the log that goes on from it is another one from there on, and gets a lineage of its own.
//!
//! In production as in development this is a command (`hub restored`), because nothing in a whole copy of a directory
//! tells that it is a copy. See docs/adr/0018-a-restored-backup-begins-a-lineage.md.

use std::path::Path;

use journal::{Claim, Cursor, LineageId, Options};

use super::{Error, Expectations, Proven, prove};

/// A new lineage, begun.
pub struct Restored {
    /// The new lineage.
    pub lineage: LineageId,
    /// The end of the lineage before, which is abandoned there.
    pub forked: Cursor,
    /// Checkpoints of the lost future that were set aside: their new names.
    pub set_aside: Vec<String>,
}

/// Proves the tail of the log in a directory, as a start does, and begins a new lineage at its end. What a checkpoint or
/// the file `head` tells of later records is lost.
///
/// # Errors
/// When there is no log, another hub has it, it is damaged, does not fit together, or is not the one expected. Nothing
/// was changed then.
pub fn restored(
    directory: &Path,
    segment_bytes: u64,
    expectations: &Expectations,
) -> Result<Restored, Error> {
    let claim = Claim::take(directory)?;
    let Proven { tail, .. } = prove(claim.files(), expectations, |files, reader| files.restored(reader))?;
    let forked = tail.cursor();
    let (log, set_aside) = claim.restored(tail, Options { segment_bytes, ..Options::default() })?;
    let lineage = log.lineage();
    log.into_sync().close()?;
    Ok(Restored { lineage, forked, set_aside })
}
