//! The reader of a log, also while a writer is running: for followers, replay and `hub verify`. Takes no lock and
//! writes nothing.
//!
//! The records of a batch are returned only when the whole batch is valid, its hash included. A batch can be read before
//! it is synced, so callers that act on records pass the journal's durable lsn as the limit, or an earlier one. A batch
//! is always read to its end. Up to the limit a flaw is an error; after it, a flaw counts as a write in progress, unless
//! a later batch or segment proves that it is damage.

use std::ops::Range;
use std::path::Path;

use crate::cursor::Cursor;
use crate::entry::Batch;
use crate::file::Directory;
use crate::format::{BLOCK, FRAME_HEADER, FrameHeader, RawEntry, SegmentHeader};
use crate::kept;
use crate::proof::{BatchHash, Proof, record_hash};
use crate::scan::{self, Window, segment_header, segment_name};
use crate::seam::RecordReader;
use crate::storage::{File as _, Storage};
use crate::tail::{LogEnd, TornTail};
use crate::{Entry, Error, Location, Lsn};

/// A cursor in a log, which only moves forward.
pub struct Reader<S: Storage = Directory> {
    storage: S,
    window: Window<S::File>,
    /// The header of the segment being read.
    header: SegmentHeader,
    /// Where the next batch begins. Bytes.
    at: u64,
    /// The range that was read last in this segment: a batch, or the header. Bytes.
    newest: Range<u64>,
    /// A copy of the current batch, so that the window can move on.
    batch: Loaded,
    /// The next record.
    next: Lsn,
    /// The end of the batch.
    end: Cursor,
    /// Records up to this one are verified but not returned.
    after: Lsn,
}

#[derive(Default)]
struct Loaded {
    bytes: Vec<u8>,
    /// The hashes of its records.
    hashes: Vec<[u8; 32]>,
    /// Its first record.
    first: Lsn,
    /// The hash of the batch before it.
    previous: [u8; 32],
    /// Its length without padding. Bytes.
    used: u32,
    /// Offsets in `bytes` of the last payload and of the next record.
    payload: usize,
    at: usize,
    left: u32,
    epoch: u32,
    /// Where the batch begins in its segment. Bytes.
    offset: u64,
}

impl Reader {
    /// Reads the records after `after` of the log in a directory. [`Error::Missing`] when there is no log, or its
    /// segments begin later; [`Error::Removed`] when these records were removed.
    pub fn open(dir: &Path, after: Lsn) -> Result<Reader, Error> {
        Reader::over(Directory::open(dir)?, after)
    }
}

impl<S: Storage> RecordReader for Reader<S> {
    fn next(&mut self, limit: Lsn) -> Result<Option<Entry<'_>>, Error> {
        Reader::next(self, limit)
    }

    fn cursor(&self) -> Cursor {
        Reader::cursor(self)
    }
}

impl<S: Storage> Reader<S> {
    /// Reads the records after `after` of the log in a storage; see [`Reader::open`].
    pub fn over(storage: S, after: Lsn) -> Result<Reader<S>, Error> {
        let opened = Reader::at(storage.clone(), after);
        match kept::removed(&storage, after)? {
            Some(removed) => Err(removed),
            None => opened,
        }
    }

    fn at(storage: S, after: Lsn) -> Result<Reader<S>, Error> {
        let segments = scan::segments(&storage)?;
        let Some(&first) = segments.iter().rev().find(|first| first.0 <= after.0.saturating_add(1)) else {
            let what = "no segment reaches back so far";
            return Err(Error::Missing { place: storage.path(""), lsn: after.next(), what });
        };
        Reader::begin(storage, first, after)
    }

    /// Reads from the beginning of a segment, and returns the records after `after`.
    pub(crate) fn begin(storage: S, segment: Lsn, after: Lsn) -> Result<Reader<S>, Error> {
        let (window, header) = enter(&storage, segment)?;
        let batch = Loaded { epoch: header.epoch, ..Loaded::default() };
        Ok(Reader {
            storage,
            window,
            header,
            at: BLOCK as u64,
            newest: 0..BLOCK as u64,
            batch,
            next: segment,
            end: header.follows(),
            after,
        })
    }

    /// The log's id; see [`Log::id`](crate::Log::id).
    pub fn id(&self) -> [u8; 16] {
        self.header.id
    }

    /// The epoch of the batch that was read last; before one was read, that of the segment.
    pub fn epoch(&self) -> u32 {
        self.batch.epoch
    }

    /// The end of the batch that was read last. When [`Reader::next`] has returned `None`, every record up to it was
    /// returned.
    pub fn cursor(&self) -> Cursor {
        self.end
    }

    /// The next record of the batches up to the one with `limit` ([`Lsn::MAX`]: no limit). `None` when there is none
    /// yet: ask again later.
    pub fn next(&mut self, limit: Lsn) -> Result<Option<Entry<'_>>, Error> {
        while self.batch.left > 0 || self.next <= limit {
            if self.batch.left == 0 {
                if !self.load(limit)? {
                    return Ok(None);
                }
                continue;
            }
            let lsn = self.step();
            if lsn > self.after {
                return Ok(Some(self.current(lsn)));
            }
        }
        Ok(None)
    }

    /// The hash of the batch that ends with `lsn`, which must not be before the reader's position. `None` when no batch
    /// ends there.
    pub(crate) fn hash_at(&mut self, lsn: Lsn) -> Result<Option<[u8; 32]>, Error> {
        self.pass(lsn)?;
        Ok((self.end.lsn == lsn).then_some(self.end.hash))
    }

    /// Reads the whole batches of the segment that it is in. Returns where the last one ends, bytes.
    pub(crate) fn read_here(&mut self) -> Result<u64, Error> {
        while self.load_here()?.is_ok() {
            (self.batch.left, self.next) = (0, self.end.lsn.next());
        }
        Ok(self.at)
    }

    /// The proof for `lsn`, which must be after the reader's position. `None` when the log ends before it.
    pub(crate) fn proof(&mut self, lsn: Lsn) -> Result<Option<Proof>, Error> {
        self.pass(lsn)?;
        let Loaded { first, previous, hashes, .. } = &self.batch;
        if !(*first..=self.end.lsn).contains(&lsn) {
            return Ok(None);
        }
        let (records, batch) = (hashes.clone(), self.end.hash);
        Ok(Some(Proof { lsn, previous: *previous, first: *first, records, batch }))
    }

    /// Reads batches up to the one with `lsn`, without returning their records.
    fn pass(&mut self, lsn: Lsn) -> Result<(), Error> {
        while self.end.lsn < lsn && self.load(Lsn::MAX)? {
            (self.batch.left, self.next) = (0, self.end.lsn.next());
        }
        Ok(())
    }

    /// Moves past the next record of the batch.
    fn step(&mut self) -> Lsn {
        let lsn = self.next;
        let record = RawEntry::parse(&self.batch.bytes[self.batch.at..]).expect("load checked every record");
        self.batch.at += record.len();
        self.batch.payload = self.batch.at - record.payload.len();
        self.batch.left -= 1;
        self.next = lsn.next();
        lsn
    }

    /// The record that `step` has just moved past.
    fn current(&self, lsn: Lsn) -> Entry<'_> {
        let Loaded { bytes, hashes, first, payload, at, epoch, offset, used, .. } = &self.batch;
        let batch = Batch {
            first: *first,
            count: hashes.len() as u32,
            hash: self.end.hash,
            bytes: *used,
            padding: bytes.len() as u32 - used,
        };
        let location = Location::file(self.header.first, *offset);
        let hash = hashes[(lsn.0 - first.0) as usize];
        Entry { lsn, epoch: *epoch, hash, batch, bytes: &bytes[*payload..*at], location }
    }

    /// Reads the next batch, in this segment or the next one. `false` when there is none yet. Beside a running hub the
    /// batch may have been removed meanwhile.
    fn load(&mut self, limit: Lsn) -> Result<bool, Error> {
        match self.find(limit) {
            Err(error) => Err(kept::removed(&self.storage, Lsn(self.next.0 - 1))?.unwrap_or(error)),
            found => found,
        }
    }

    fn find(&mut self, limit: Lsn) -> Result<bool, Error> {
        if self.load_here()?.is_ok() {
            return Ok(true);
        }
        // The window may have been read before the batch was written.
        self.window.forget();
        if self.load_here()?.is_ok() {
            return Ok(true);
        }
        let following = scan::segments(&self.storage)?.into_iter().find(|first| *first > self.header.first);
        // The writer may have gone on meanwhile. If there is a following segment, the batch must be here by now.
        self.window.forget();
        let Err(mut flaw) = self.load_here()? else { return Ok(true) };
        if self.next == self.header.first && self.is_replaced()? {
            self.reenter()?;
            return self.find(limit);
        }
        if following == Some(self.next) && self.unused()?.is_none() {
            return self.enter_next().map(|()| true);
        }
        if following.is_none() && (limit == Lsn::MAX || self.next > limit) {
            let later = scan::later_frame(&self.window.file, self.at, &self.header.salt, self.next);
            if later.map_err(Error::io("read", self.path()))?.is_none() {
                return Ok(false);
            }
            self.window.forget();
            match self.load_here()? {
                Ok(()) => return Ok(true),
                Err(now) => flaw = now,
            }
        }
        Err(Error::Damaged { file: self.path(), offset: self.at, what: flaw })
    }

    /// The end of the last byte that is not zero after what was read; `None` when there is none. Bytes.
    fn unused(&self) -> Result<Option<u64>, Error> {
        scan::last_nonzero(&self.window.file, self.at).map_err(Error::io("read", self.path()))
    }

    /// The end of the log. Call it after [`Reader::next`] has returned `None` without a limit.
    pub(crate) fn end(self) -> Result<LogEnd, Error> {
        let torn =
            self.unused()?.map(|used| TornTail { file: self.path(), offset: self.at, bytes: used - self.at });
        Ok(LogEnd {
            header: self.header,
            epoch: self.batch.epoch,
            cursor: Cursor { lineage: self.header.lineage, ..self.end },
            at: self.at,
            unproven: self.newest,
            torn,
        })
    }

    fn load_here(&mut self) -> Result<Result<(), &'static str>, Error> {
        let path = self.storage.path(&segment_name(self.header.first));
        let (frame, bytes): (FrameHeader, &[u8]) =
            match self.window.frame(self.at, &self.header.salt).map_err(Error::io("read", path))? {
                Ok(found) => found,
                Err(flaw) => return Ok(Err(flaw)),
            };
        if frame.first != self.next || frame.epoch < self.batch.epoch {
            return Ok(Err("a batch does not follow the one before"));
        }
        if let Err(flaw) = frame.check(&self.header.salt, bytes) {
            return Ok(Err(flaw));
        }
        let batch = &mut self.batch;
        batch.bytes.clear();
        batch.bytes.extend_from_slice(bytes);
        self.accept(&frame)?;
        Ok(Ok(()))
    }

    /// Checks the hash of the batch whose bytes were read, and makes it the current one.
    fn accept(&mut self, frame: &FrameHeader) -> Result<(), Error> {
        let batch = &mut self.batch;
        batch.hashes.clear();
        let (mut at, mut lsn, mut hash) =
            (FRAME_HEADER, frame.first, BatchHash::begin(&self.end.hash, frame.first));
        for _ in 0..frame.count {
            let record = RawEntry::parse(&batch.bytes[at..]).expect("the frame was checked");
            let own = record_hash(lsn, record.payload);
            hash.add(&own);
            batch.hashes.push(own);
            (at, lsn) = (at + record.len(), lsn.next());
        }
        // A mark has no records, and repeats the hash before it.
        let hash = if frame.count == 0 { self.end.hash } else { hash.finish() };
        if hash != frame.hash {
            return Err(Error::Chain { file: self.path(), offset: self.at, lsn: frame.first });
        }
        (batch.first, batch.previous) = (frame.first, self.end.hash);
        batch.used = FRAME_HEADER as u32 + frame.bytes;
        (batch.at, batch.left, batch.epoch, batch.offset) = (FRAME_HEADER, frame.count, frame.epoch, self.at);
        self.end = Cursor { lineage: self.header.lineage, lsn: Lsn(lsn.0 - 1), hash };
        self.at += frame.len() as u64;
        self.newest = batch.offset..self.at;
        Ok(())
    }

    /// Whether another file has the segment's name now: a segment without records may be replaced by a longer one.
    fn is_replaced(&self) -> Result<bool, Error> {
        let now = self.storage.status(&segment_name(self.header.first));
        let failed = |source| Error::io("look at", self.path())(source);
        Ok(now.map_err(failed)?.identity != self.window.file.identity().map_err(failed)?)
    }

    fn reenter(&mut self) -> Result<(), Error> {
        let (window, header) = enter(&self.storage, self.header.first)?;
        let known = &self.header;
        if header.id != known.id || header.salt != known.salt || header.previous != known.previous {
            let what = "the header is not the one that was here";
            return Err(Error::Damaged { file: self.path(), offset: 0, what });
        }
        (self.window, self.header, self.at) = (window, header, BLOCK as u64);
        (self.newest, self.batch.epoch) = (0..self.at, header.epoch);
        Ok(())
    }

    fn enter_next(&mut self) -> Result<(), Error> {
        let (window, header) = enter(&self.storage, self.next)?;
        let path = self.storage.path(&segment_name(self.next));
        if header.id != self.header.id {
            return Err(Error::Foreign { file: path });
        }
        let links = header.previous == self.end.hash && header.salt == self.header.salt;
        if !links || header.epoch < self.batch.epoch {
            let what = "the header does not follow the segment before";
            return Err(Error::Damaged { file: path, offset: 0, what });
        }
        (self.window, self.header, self.at) = (window, header, BLOCK as u64);
        (self.newest, self.batch.epoch) = (0..self.at, header.epoch);
        Ok(())
    }

    fn path(&self) -> std::path::PathBuf {
        self.storage.path(&segment_name(self.header.first))
    }
}

fn enter<S: Storage>(storage: &S, first: Lsn) -> Result<(Window<S::File>, SegmentHeader), Error> {
    let name = segment_name(first);
    let file = storage.read(&name).map_err(Error::io("open", storage.path(&name)))?;
    let header = segment_header(storage, &file, first)?;
    Ok((Window::new(file), header))
}
