//! A restored backup: the log that goes on from it is another one from there on, and gets a lineage of its own.
//!
//! In production as in development this is a command (`hub restored`), because nothing in a whole copy of a directory
//! tells that it is a copy. See docs/adr/0018-a-restored-backup-begins-a-lineage.md.

use std::path::Path;

use journal::{Claim, Cursor, Files, LineageId, Options};

use actors::stored;
use store::Store;

use super::{Base, Error, Expectations, Proven, proven};

/// A new lineage, begun.
pub struct Restored {
    /// The new lineage.
    pub lineage: LineageId,
    /// The end of the lineage before, which is abandoned there.
    pub forked: Cursor,
    /// Whether a state store was removed, of the lost future or a damaged one: it is derived, and the next start builds it
    /// again.
    pub store_removed: bool,
}

/// Proves the tail of the log in a directory, as a start does, and begins a new lineage at its end. What the state
/// store or the file `head` tells of later records is lost.
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
    let storage = stored::storage(directory)?;
    let base = Base::restored(claim.files(), &storage, expectations)?;
    let Proven { tail, passed_over, .. } =
        proven((claim.files(), None), base, expectations, Files::restored)?;
    let store_removed = passed_over.is_some();
    let forked = tail.cursor();
    let log = claim.restored(tail, Options { segment_bytes, ..Options::default() })?;
    if store_removed {
        Store::remove_in(&storage).map_err(stored::Error::from)?;
    }
    let lineage = log.lineage();
    log.into_sync().close()?;
    Ok(Restored { lineage, forked, store_removed })
}
