//! Removes the oldest segments of a log. Whole segments only, and never the last one.
//!
//! Each step is durable before the next: the file `first_kept` states where the log will begin, then the segments before
//! it are removed, the oldest first. What is removed must be archived and needed by nobody; that is for the caller to
//! know, who passes the cursors of everybody who still reads.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::files::Files;
use crate::kept::{self, FirstKept};
use crate::lineage::continued;
use crate::scan::segment_name;
use crate::seam::Truncated;
use crate::storage::Storage;
use crate::{Cursor, Error, Lsn};

/// Where a log begins, shared by who removes segments and who watches the files.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// The first record that the log keeps. Raised once that is durable, before a segment is removed.
    first: AtomicU64,
    /// One removal at a time.
    removal: Mutex<()>,
}

impl Beginning {
    pub fn at(first: Lsn) -> Beginning {
        Beginning { first: AtomicU64::new(first.0), removal: Mutex::new(()) }
    }

    /// The first record that the log keeps.
    pub fn first(&self) -> Lsn {
        Lsn(self.first.load(Ordering::Acquire))
    }

    /// Removes the segments all of whose records come before `lsn` and are needed by none of the cursors in `needed`, each
    /// of which needs the records after it. The caller has the right to write the log.
    pub fn truncate_before<S: Storage>(
        &self,
        storage: &S,
        lsn: Lsn,
        needed: &[Lsn],
    ) -> Result<Truncated, Error> {
        let _alone = self.removal.lock();
        let files = Files::over(storage.clone())?;
        let bound = needed.iter().map(|cursor| cursor.next()).fold(lsn, Lsn::min);
        let begins = files.begins().lsn.next();
        let chosen = files.headers().iter().rposition(|header| header.first <= bound);
        let Some((removed, header)) =
            chosen.map(|place| (&files.headers()[..place], &files.headers()[place]))
        else {
            return Ok(Truncated { first: begins, parts: 0, bytes: 0 });
        };
        if !removed.is_empty() {
            let lineages = continued(files.removed_lineages(), removed);
            let lineage = lineages.last().map(|lineage| lineage.id).unwrap_or_default();
            let before = Cursor { lineage, ..header.follows() };
            kept::write(storage, &FirstKept { id: header.id, before, lineages })?;
        }
        self.first.store(header.first.0, Ordering::Release);
        // Also those that an interrupted removal has left.
        remove(storage, &kept::left_over(storage, header.first)?)?;
        let bytes = removed.iter().map(|header| header.bytes).sum();
        Ok(Truncated { first: header.first, parts: removed.len(), bytes })
    }
}

/// Removes segments, the oldest first. Nothing needs them: the log states that it begins later.
pub(crate) fn remove<S: Storage>(storage: &S, segments: &[Lsn]) -> Result<(), Error> {
    if segments.is_empty() {
        return Ok(());
    }
    let sync_names = || storage.sync_names().map_err(Error::io("sync directory", storage.path("")));
    // Whoever wrote where the log begins may have stopped before that was durable.
    sync_names()?;
    for name in segments.iter().map(|first| segment_name(*first)) {
        storage.remove(&name).map_err(Error::io("remove", storage.path(&name)))?;
    }
    sync_names()
}
