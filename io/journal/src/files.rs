//! The files of a log: the name, header, link and size of every segment. Read-only; opening reads only the headers.
//!
//! The start and `hub verify` read a log only in this way: check the files, read every record after some cursor
//! ([`Reader`]), finish at the end ([`Files::finish`]). A batch is one write and one sync, and batches are written in
//! order. So two facts decide what a flaw is:
//! * any part of a *later* batch or segment on disk proves that everything before it had been synced. A flaw before it
//!   is damage: the log is refused with file and offset, and nothing is changed;
//! * a flaw with nothing after it is a write that no sync confirmed. The next writable open cuts it.

use std::path::Path;

use crate::cursor::Cursor;
use crate::file::Directory;
use crate::format::SegmentHeader;
use crate::kept::{self, FirstKept};
use crate::lineage::{Lineage, Standing, continued, standing};
use crate::noted::{self, Noted};
use crate::proof::Proof;
use crate::reader::Reader;
use crate::scan::{self, missing, segment_header, segment_name};
use crate::storage::{File as _, Storage};
use crate::tail::Tail;
use crate::{Error, Lsn};

/// The files of a log, checked by their headers.
pub struct Files<S: Storage = Directory> {
    storage: S,
    /// The headers of the segments, by first lsn.
    headers: Vec<SegmentHeader>,
    lineages: Vec<Lineage>,
    /// Where the log begins, when its oldest segments were removed.
    kept: Option<FirstKept>,
    /// A record that the log is known to have had.
    noted: Option<Noted>,
}

impl Files {
    /// Checks the files of the log in an existing directory. A writer may be running.
    pub fn open(dir: &Path) -> Result<Files, Error> {
        Files::over(Directory::open(dir)?)
    }
}

impl<S: Storage> Files<S> {
    /// Checks the files of the log in a storage: [`Error::Missing`] when a segment is missing, [`Error::Damaged`] when
    /// a header is damaged or a file does not have its length, [`Error::Foreign`] when a segment is of another log.
    pub fn over(storage: S) -> Result<Files<S>, Error> {
        let mut kept = kept::read(&storage)?;
        loop {
            match Files::from_first_kept(storage.clone(), kept.clone()) {
                Ok(files) => return Ok(files),
                Err(error) => {
                    // Beside a running writer, segments may have been removed since the file was read.
                    let now = kept::read(&storage)?;
                    if now == kept {
                        return Err(error);
                    }
                    kept = now;
                }
            }
        }
    }

    fn from_first_kept(storage: S, kept: Option<FirstKept>) -> Result<Files<S>, Error> {
        // Read before the segments are listed: with a running writer, the record of the noted end is then surely in the
        // segments.
        let noted = noted::read(&storage)?;
        let (mut headers, mut lengths): (Vec<SegmentHeader>, Vec<u64>) = Default::default();
        let first_kept = kept.as_ref().map_or(Lsn(1), FirstKept::first);
        let mut segments = scan::segments(&storage)?;
        // Earlier ones do not count: their removal was interrupted.
        segments.retain(|first| *first >= first_kept);
        if kept.is_some() && segments.is_empty() {
            return Err(missing(&storage, first_kept));
        }
        for first in segments {
            let (header, bytes) = survey(&storage, kept.as_ref(), headers.last(), first)?;
            headers.push(header);
            lengths.push(bytes);
        }
        for (header, bytes) in headers.iter().zip(lengths) {
            sized(&storage, header, bytes)?;
        }
        let lineages = continued(kept.as_ref().map_or(&[], |kept| &kept.lineages), &headers);
        Ok(Files { storage, headers, lineages, kept, noted })
    }

    /// Whether there is no log yet.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    /// The storage of the files.
    pub fn storage(&self) -> &S {
        &self.storage
    }

    /// Number of segments.
    pub fn segments(&self) -> usize {
        self.headers.len()
    }

    /// The end of the last batch that was removed, or the beginning of the log when nothing was: the log has the records
    /// after it.
    pub fn begins(&self) -> Cursor {
        self.kept.as_ref().map(|kept| kept.before).unwrap_or_default()
    }

    /// What the file `first_kept` states, when segments were removed.
    pub(crate) fn first_kept(&self) -> Option<&FirstKept> {
        self.kept.as_ref()
    }

    /// The headers of the segments, in order.
    pub(crate) fn headers(&self) -> &[SegmentHeader] {
        &self.headers
    }

    /// The lineages of the segments that were removed.
    pub(crate) fn removed_lineages(&self) -> &[Lineage] {
        self.kept.as_ref().map_or(&[], |kept| &kept.lineages)
    }

    /// The first record of the last segment.
    pub fn last_segment(&self) -> Option<Lsn> {
        self.headers.last().map(|header| header.first)
    }

    /// A reader of the records after `after`. It checks every byte of the segments that hold them. `None` when there is
    /// no log yet. [`Error::Removed`] when they do not all exist any more.
    ///
    /// Of earlier segments only the headers are checked, which state the length and the segment before.
    pub fn reader(&self, after: Lsn) -> Result<Option<Reader<S>>, Error> {
        let Some(first) = self.headers.first() else { return Ok(None) };
        if after < self.begins().lsn {
            let (place, first) = (self.storage.path(""), first.first);
            return Err(Error::Removed { place, lsn: after.next(), first });
        }
        let begins = self.headers.iter().rev().find(|header| header.first <= after.next()).unwrap_or(first);
        Reader::begin(self.storage.clone(), begins.first, after).map(Some)
    }

    /// Reads the rest of the log, and returns where it ends. [`Error::Ends`] when the file `head` is of later records,
    /// [`Error::Abandoned`] when it is of a lost future.
    pub fn finish(&self, reader: Option<Reader<S>>) -> Result<Tail, Error> {
        let tail = self.restored(reader)?;
        self.holds_what_was_noted(&tail)?;
        Ok(tail)
    }

    /// Whether the log reaches to the cursor of a follower that is kept in `file`: [`Error::Ends`] when it ends before it,
    /// and [`Error::Abandoned`] when it does so because the lineage of the cursor was abandoned.
    pub fn reaches(&self, tail: &Tail, at: &Cursor, file: &str) -> Result<(), Error> {
        if at.lsn > tail.last() { Err(self.ends_before(tail, file, (at.lsn, Some(*at)))) } else { Ok(()) }
    }

    /// The last record that the file `head` notes; 0 without it. The log has at least the records up to it.
    pub fn noted_end(&self) -> Lsn {
        self.noted.as_ref().map_or(Lsn(0), |noted| noted.end.lsn)
    }

    /// [`Files::finish`] of a restored copy, whatever the file `head` tells of later records of this log: they are lost,
    /// and [`Claim::restored`](crate::Claim::restored) begins a new lineage.
    pub fn restored(&self, reader: Option<Reader<S>>) -> Result<Tail, Error> {
        let end = match reader {
            None => None,
            Some(mut reader) => {
                while reader.next(Lsn::MAX)?.is_some() {}
                Some(reader.end()?)
            }
        };
        let foreign = |noted: &Noted| end.as_ref().is_some_and(|end| end.header.id != noted.id);
        if self.noted.as_ref().is_some_and(foreign) {
            return Err(Error::Foreign { file: self.storage.path(noted::NAME) });
        }
        Ok(Tail { end })
    }

    /// The lineages of the log, the current one last. Empty when there is no log yet.
    pub fn lineages(&self) -> &[Lineage] {
        &self.lineages
    }

    /// Whether a cursor that was kept in `file` may be one of this log: [`Error::Abandoned`] when its lineage was
    /// abandoned before it, or is not one of this log. Its hash is another question.
    pub fn admits(&self, at: &Cursor, file: &str) -> Result<(), Error> {
        let forked = match standing(&self.lineages, at.lineage) {
            Standing::Ours(last) if at.lsn <= last => return Ok(()),
            Standing::Ours(last) => Some(last),
            Standing::Unknown => None,
        };
        let file = self.storage.path(file);
        Err(Error::Abandoned { file, lsn: at.lsn, lineage: at.lineage, forked })
    }

    /// The error for a file that tells of a record after the end of the log. When that is known to be of a lineage that
    /// this log has abandoned, it is refused by name.
    fn ends_before(&self, tail: &Tail, file: &str, (lsn, at): (Lsn, Option<Cursor>)) -> Error {
        if let Some(Err(error @ Error::Abandoned { forked: Some(_), .. })) =
            at.map(|at| self.admits(&at, file))
        {
            return error;
        }
        let segment = tail.end.as_ref().map_or(Lsn(1), |end| end.header.first);
        // A segment of which `head` tells may be missing as a whole.
        let noted = self.noted.iter().map(|noted| noted.segment).max();
        let place = self.storage.path(&segment_name(noted.unwrap_or(segment).max(segment)));
        Error::Ends { place, last: tail.last(), file: self.storage.path(file), lsn }
    }

    /// Compares the end of the log with the file `head`.
    fn holds_what_was_noted(&self, tail: &Tail) -> Result<(), Error> {
        let Some(noted) = &self.noted else { return Ok(()) };
        let segment = tail.end.as_ref().map_or(Lsn(0), |end| end.header.first);
        if noted.segment > segment || noted.end.lsn > tail.last() {
            let told = (noted.end.lsn.max(noted.segment), Some(noted.end));
            return Err(self.ends_before(tail, noted::NAME, told));
        }
        self.admits(&noted.end, noted::NAME)?;
        // Of a record that was removed since, nothing is left to be compared.
        if noted.end.lsn < self.begins().lsn {
            return Ok(());
        }
        if noted.end != tail.cursor() && self.hash_at(noted.end.lsn)? != Some(noted.end.hash) {
            let what = "the log has other records than those noted here";
            return Err(Error::Damaged { file: self.storage.path(noted::NAME), offset: 0, what });
        }
        Ok(())
    }

    /// Whether the file `head` notes a record that the log must have. Without it, a cut at the beginning of a batch may
    /// not be noticed.
    pub fn has_noted_end(&self) -> bool {
        self.noted.is_some()
    }

    /// The hash of the batch that ends with a record, which must equal that of a cursor there. `None` when no batch
    /// ends there.
    pub fn hash_at(&self, lsn: Lsn) -> Result<Option<[u8; 32]>, Error> {
        match self.reader(lsn)? {
            Some(mut reader) => reader.hash_at(lsn),
            None => Ok((lsn == Lsn(0)).then_some([0; 32])),
        }
    }

    /// What proves to anybody that the log has a record. `None` when it has no such record.
    pub fn proof(&self, lsn: Lsn) -> Result<Option<Proof>, Error> {
        if lsn == Lsn(0) {
            return Ok(None);
        }
        // From the record on: its whole batch lies in one segment.
        self.reader(Lsn(lsn.0 - 1))?.map_or(Ok(None), |mut reader| reader.proof(lsn))
    }
}

/// Compares a file's length with its header. A file has its whole length from the time it gets its name, also the last
/// one: bytes behind it are not the log's.
fn sized<S: Storage>(storage: &S, header: &SegmentHeader, bytes: u64) -> Result<(), Error> {
    if bytes == header.bytes {
        return Ok(());
    }
    let file = storage.path(&segment_name(header.first));
    let what = if bytes < header.bytes {
        "the file is shorter than it was made; records are missing"
    } else {
        "the file is longer than it was made"
    };
    Err(Error::Damaged { file, offset: bytes.min(header.bytes), what })
}

/// Reads a segment's header and its file's length, and compares the header with the one before.
fn survey<S: Storage>(
    storage: &S,
    kept: Option<&FirstKept>,
    before: Option<&SegmentHeader>,
    first: Lsn,
) -> Result<(SegmentHeader, u64), Error> {
    let name = segment_name(first);
    let path = storage.path(&name);
    // Both of one open file: beside a running writer the name may get another one.
    let file = storage.read(&name).map_err(Error::io("open", &path))?;
    let header = segment_header(storage, &file, first)?;
    let bytes = file.len().map_err(Error::io("read", &path))?;
    let Some(before) = before else {
        // Without the file `first_kept` nothing was removed, so the log is incomplete without the first segment.
        let begins = kept.map_or(Lsn(1), FirstKept::first);
        if first != begins {
            return Err(missing(storage, begins));
        }
        return kept.map_or(Ok(()), |kept| kept.is_followed_by(&header, storage)).map(|()| (header, bytes));
    };
    if header.id != before.id {
        return Err(Error::Foreign { file: path });
    }
    if header.before > before.first && header.before < first {
        return Err(missing(storage, header.before));
    }
    if header.before != before.first || header.salt != before.salt || header.epoch < before.epoch {
        let what = "the header does not follow the segment before";
        return Err(Error::Damaged { file: path, offset: 0, what });
    }
    Ok((header, bytes))
}

impl<S: Storage> std::fmt::Debug for Files<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("segments", &self.segments()).finish_non_exhaustive()
    }
}
