//! Checks that the files of the log are still in place.
//!
//! When a file is removed, cut or replaced, or the directory is unmounted, the writer's open handle still works: writes
//! and syncs succeed, on a file that the next start will not find. So the names are looked up by path: the name of the
//! open segment by the writer, once a batch, before its outputs are released; all names by the helper, once a second.
//!
//! A loss is a name that is missing, another file, or another length. A check that the system refuses (too many open
//! files, no memory, no right) shows no loss.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::kept;
use crate::noted::{Noted, Notes};
use crate::scan::{self, segment_name};
use crate::storage::{File, FileIdentity, Storage};
use crate::truncate::Beginning;
use crate::{Error, Lsn};

/// The state that the writer shares with the helper.
pub(crate) struct Present<S: Storage> {
    /// The durable end of the log.
    pub noted: Mutex<Noted>,
    /// The segment being written.
    pub segment: Mutex<OpenSegment>,
    pub notes: Notes<S::File>,
    /// Where the log begins.
    pub beginning: Beginning,
}

/// The segment that is open for writing, as it must be found under its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenSegment {
    pub first: Lsn,
    /// The name of its file, kept because it is looked up for every batch.
    name: Arc<str>,
    pub identity: FileIdentity,
    /// Length. Bytes.
    pub bytes: u64,
}

impl OpenSegment {
    /// The segment of an open handle.
    pub fn of<S: Storage>(storage: &S, file: &S::File, first: Lsn, bytes: u64) -> Result<OpenSegment, Error> {
        let identity = file.identity().map_err(Error::io("look at", storage.path(&segment_name(first))))?;
        Ok(OpenSegment { first, name: segment_name(first).into(), identity, bytes })
    }

    /// Looks the file up by its name, with one system call. See [`Error::tells_of_loss`].
    pub fn check<S: Storage>(&self, storage: &S) -> Result<(), Error> {
        let damaged = |offset, what| Error::Damaged { file: storage.path(&self.name), offset, what };
        match storage.status(&self.name) {
            Ok(found) if found.identity != self.identity => {
                Err(damaged(0, "another file has the name of the segment that is being written"))
            }
            Ok(found) if found.bytes < self.bytes => {
                Err(damaged(found.bytes, "the file is shorter than it was made; records are missing"))
            }
            Ok(found) if found.bytes > self.bytes => {
                Err(damaged(self.bytes, "the file is longer than it was made"))
            }
            Ok(_) => Ok(()),
            Err(source) => Err(not_found(storage, self.first, source)),
        }
    }
}

/// The error for a segment that was there and whose look-up failed.
fn not_found<S: Storage>(storage: &S, lsn: Lsn, source: io::Error) -> Error {
    lost(storage.path(&segment_name(lsn)), lsn, source)
}

fn lost(place: PathBuf, lsn: Lsn, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Error::Missing { place, lsn, what: "the file was there, and is not any more" }
        }
        _ => Error::io("look at", place)(source),
    }
}

/// Checks that all files of the log are still in place.
pub(crate) struct Watch<S: Storage> {
    storage: S,
    present: Arc<Present<S>>,
    directory: FileIdentity,
    /// Every segment that was seen and is kept, by its first lsn.
    segments: BTreeSet<Lsn>,
}

impl<S: Storage> Watch<S> {
    /// Remembers the directory and the segments of now.
    pub fn new(storage: S, present: Arc<Present<S>>) -> Result<Watch<S>, Error> {
        let directory = storage.status("").map_err(Error::io("look at", storage.path("")))?.identity;
        let segments = scan::segments(&storage)?.into_iter().collect();
        Ok(Watch { storage, present, directory, segments })
    }

    /// Checks the directory and the segments; the error says what is missing, replaced or of another length. A loss is
    /// reported after it was found twice.
    pub fn check(&mut self) -> Result<(), Error> {
        match self.check_once() {
            Err(error) if error.tells_of_loss() => self.check_once(),
            checked => checked,
        }
    }

    fn check_once(&mut self) -> Result<(), Error> {
        let gone = |what| Error::Gone { dir: self.storage.path(""), what };
        match self.storage.status("") {
            Ok(found) if found.identity == self.directory => {}
            Ok(_) => return Err(gone("another directory is in its place")),
            Err(source) => return Err(Error::io("look at", self.storage.path(""))(source)),
        }
        // Repeated when the writer has changed the segment meanwhile.
        loop {
            let open = self.present.segment.lock().clone();
            let checked = self.check_segments(&open);
            if *self.present.segment.lock() == open {
                return checked;
            }
        }
    }

    fn check_segments(&mut self, open: &OpenSegment) -> Result<(), Error> {
        let names: BTreeSet<Lsn> = scan::segments(&self.storage)?.into_iter().collect();
        self.segments.insert(open.first);
        // Asked after the names were listed: what was removed until then is known by now.
        let first = self.present.beginning.first();
        self.segments.retain(|segment| *segment >= first);
        if first > Lsn(1)
            && let Err(source) = self.storage.status(kept::NAME)
        {
            return Err(lost(self.storage.path(kept::NAME), first, source));
        }
        if let Some(lsn) = self.segments.difference(&names).next() {
            // Looked up by name as well, because a list may be incomplete while names change.
            if let Err(source) = self.storage.status(&segment_name(*lsn)) {
                return Err(not_found(&self.storage, *lsn, source));
            }
        }
        open.check(&self.storage)
    }
}
