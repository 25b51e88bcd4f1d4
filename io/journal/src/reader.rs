//! Reading beside a running writer: followers, replay, `verify`. Takes no lock and writes nothing.
//!
//! A batch is shown when all of it checks, so never half of one. A batch can be seen before it is synced:
//! callers that act on records pass the journal's durable lsn as the limit. Up to that limit a flaw is an
//! error; beyond it, it is a write in progress unless something later proves otherwise.

use std::path::Path;

use crate::file::Directory;
use crate::format::{BLOCK, FRAME_HEADER, FrameHeader, Record, chain_hash};
use crate::scan::{self, Window, segment_header, segment_name};
use crate::storage::Storage;
use crate::{Entry, Error, Lsn};

/// A place in a log, moving forward.
pub struct Reader<S: Storage = Directory> {
    storage: S,
    window: Window<S::File>,
    id: [u8; 16],
    salt: [u8; 16],
    /// The segment being read, by its first lsn.
    segment: Lsn,
    /// Where the next batch begins. Bytes.
    at: u64,
    /// The current batch: a copy, so that the window may move on.
    batch: Batch,
    /// The next record, and the chain hash before it.
    next: Lsn,
    hash: [u8; 32],
    /// Records up to this one are verified and not shown.
    after: Lsn,
}

#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Where the payload shown last begins, and where the next record does, in `bytes`.
    payload: usize,
    at: usize,
    left: u32,
    epoch: u32,
    /// Where the batch begins in its segment. Bytes.
    offset: u64,
}

impl Reader {
    /// Reads the log in a directory after a record. [`Error::Missing`] where there is no log, or its segments
    /// begin later.
    pub fn open(dir: &Path, after: Lsn) -> Result<Reader, Error> {
        Reader::over(Directory::open(dir)?, after)
    }
}

impl<S: Storage> Reader<S> {
    /// Reads the log in a storage after a record; see [`Reader::open`].
    pub fn over(storage: S, after: Lsn) -> Result<Reader<S>, Error> {
        let segments = scan::segments(&storage)?;
        let Some(&first) = segments.iter().rev().find(|first| first.0 <= after.0.saturating_add(1)) else {
            let what = "no segment reaches back so far";
            return Err(Error::Missing { dir: storage.path(""), lsn: after.next(), what });
        };
        let (window, header) = enter(&storage, first)?;
        Ok(Reader {
            storage,
            window,
            id: header.id,
            salt: header.salt,
            segment: first,
            at: BLOCK as u64,
            batch: Batch::default(),
            next: first,
            hash: header.previous,
            after,
        })
    }

    /// The log's id: see [`Log::id`](crate::Log::id).
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// The chain hash of the record returned last, or of the one before the first.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The next record up to `limit` ([`Lsn::MAX`]: whatever is there). `None`: nothing more yet; ask again
    /// later.
    pub fn next(&mut self, limit: Lsn) -> Result<Option<Entry<'_>>, Error> {
        while self.next <= limit {
            if self.batch.left == 0 {
                if !self.load(limit)? {
                    return Ok(None);
                }
                continue;
            }
            let lsn = self.step()?;
            if lsn > self.after {
                return Ok(Some(self.current(lsn)));
            }
        }
        Ok(None)
    }

    /// The chain hash of `lsn`, the reader standing before or at it.
    pub(crate) fn hash_before(&mut self, lsn: Lsn) -> Result<Option<[u8; 32]>, Error> {
        while self.next <= lsn {
            if self.batch.left == 0 {
                if !self.load(lsn)? {
                    return Ok(None);
                }
            } else {
                self.step()?;
            }
        }
        Ok((self.next == lsn.next()).then_some(self.hash))
    }

    /// Moves past the next record of the batch, holding it against the chain.
    fn step(&mut self) -> Result<Lsn, Error> {
        let lsn = self.next;
        let record = Record::parse(&self.batch.bytes[self.batch.at..]).expect("load checked every record");
        if chain_hash(&self.hash, lsn, record.payload) != record.hash {
            return Err(Error::Chain { file: self.path(), offset: self.batch.offset, lsn });
        }
        self.hash = record.hash;
        self.batch.at += record.len();
        self.batch.payload = self.batch.at - record.payload.len();
        self.batch.left -= 1;
        self.next = lsn.next();
        Ok(lsn)
    }

    /// The record that `step` has just passed.
    fn current(&self, lsn: Lsn) -> Entry<'_> {
        let bytes = &self.batch.bytes[self.batch.payload..self.batch.at];
        Entry { lsn, epoch: self.batch.epoch, hash: self.hash, bytes }
    }

    /// Reads the next batch, in this segment or the one after. `false`: there is none yet.
    fn load(&mut self, limit: Lsn) -> Result<bool, Error> {
        if self.load_here()?.is_ok() {
            return Ok(true);
        }
        // The window may be older than the write that is asked for.
        self.window.forget();
        let Err(flaw) = self.load_here()? else { return Ok(true) };
        let following = scan::segments(&self.storage)?.into_iter().find(|first| *first > self.segment);
        if following == Some(self.next) {
            return self.enter_next().map(|()| true);
        }
        let failed = |source| Error::io("read", self.path())(source);
        let proven = following.is_some()
            || (limit < Lsn::MAX && self.next <= limit)
            || scan::later_frame(&self.window.file, self.at, &self.salt, self.next)
                .map_err(failed)?
                .is_some();
        if !proven {
            return Ok(false);
        }
        // The writer may have come this far since the first look; what is proven now must be there now.
        self.window.forget();
        match self.load_here()? {
            Ok(()) => Ok(true),
            Err(_) => Err(Error::Damaged { file: self.path(), offset: self.at, what: flaw }),
        }
    }

    fn load_here(&mut self) -> Result<Result<(), &'static str>, Error> {
        let path = self.storage.path(&segment_name(self.segment));
        let (frame, bytes): (FrameHeader, &[u8]) =
            match self.window.frame(self.at, &self.salt).map_err(Error::io("read", path))? {
                Ok(found) => found,
                Err(flaw) => return Ok(Err(flaw)),
            };
        if frame.first != self.next || frame.epoch < self.batch.epoch {
            return Ok(Err("a batch does not follow the one before"));
        }
        if let Err(flaw) = frame.check(&self.salt, bytes) {
            return Ok(Err(flaw));
        }
        let batch = &mut self.batch;
        batch.bytes.clear();
        batch.bytes.extend_from_slice(bytes);
        (batch.at, batch.left, batch.epoch, batch.offset) = (FRAME_HEADER, frame.count, frame.epoch, self.at);
        self.at += frame.len() as u64;
        Ok(Ok(()))
    }

    fn enter_next(&mut self) -> Result<(), Error> {
        let (window, header) = enter(&self.storage, self.next)?;
        let path = self.storage.path(&segment_name(self.next));
        if header.id != self.id {
            return Err(Error::Foreign { file: path });
        }
        if header.previous != self.hash || header.salt != self.salt {
            let what = "the header does not follow the segment before";
            return Err(Error::Damaged { file: path, offset: 0, what });
        }
        (self.window, self.segment, self.at) = (window, self.next, BLOCK as u64);
        Ok(())
    }

    fn path(&self) -> std::path::PathBuf {
        self.storage.path(&segment_name(self.segment))
    }
}

fn enter<S: Storage>(
    storage: &S,
    first: Lsn,
) -> Result<(Window<S::File>, crate::format::SegmentHeader), Error> {
    let name = segment_name(first);
    let file = storage.read(&name).map_err(Error::io("open", storage.path(&name)))?;
    let header = segment_header(storage, &file, first)?;
    Ok((Window::new(file), header))
}
