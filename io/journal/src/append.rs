//! The appender: encodes batches in one reused buffer, writes each with one write and one sync, and changes
//! segments.
//!
//! It is the only code that appends to a log: the writer's thread and the synchronous log both use it. After any
//! failure that may not be tried again it is poisoned: only opening the log again shows what is on disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::condition::Condition;
use crate::cursor::{Cursor, LineageId};
use crate::file_records::FileRecords;
use crate::format::{BLOCK, FRAME_HEADER, FrameHeader, RECORD_HEADER, SegmentHeader, push_record, seed};
use crate::helper::Helper;
use crate::noted::{Noted, Notes};
use crate::proof::BatchHash;
use crate::scan::segment_name;
use crate::spare::{self, Spare};
use crate::storage::{self, File, LockedFile, Storage};
use crate::truncate::Beginning;
use crate::watch::{OpenSegment, Present};
use crate::{Error, Lsn, MAX_RECORD};

/// Name of a new segment's file until its header is durable: a `.log` file always has a whole header.
pub(crate) const PARTIAL: &str = "segment.partial";
/// Length of a new log's first segment, bytes. It is short, so that the first start need not wait until a whole
/// segment is filled with zeros.
const FIRST_SEGMENT: u64 = 4 << 20;
/// Longest body of a frame, bytes: the length field has 32 bits, and the padding must fit too.
const MAX_BODY: usize = u32::MAX as usize - BLOCK;

/// What identifies a log, and the epoch of its writer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogIdentity {
    pub id: [u8; 16],
    pub salt: [u8; 16],
    pub epoch: u32,
    pub lineage: LineageId,
}

/// The writing end of a log.
///
/// Fields are dropped in order, so the helper ends before the lock is released.
pub(crate) struct Appender<S: Storage> {
    helper: Option<Helper>,
    pub storage: S,
    pub identity: LogIdentity,
    pub spare: Spare<S::File>,
    pub condition: Condition,
    present: Arc<Present<S>>,
    segment_bytes: u64,
    segment: Segment<S::File>,
    batch: Building,
    /// The end of what is written and synced.
    durable: Cursor,
    poisoned: bool,
    /// The last append was refused for want of room.
    pub waits_for_room: bool,
    _lock: S::Lock,
}

/// The segment being written.
pub(crate) struct Segment<F: File> {
    /// The first record of the segment.
    pub first: Lsn,
    /// The first record of the segment before.
    pub before: Lsn,
    pub file: LockedFile<F>,
    /// Where the next batch goes. Bytes.
    pub at: u64,
    /// Length of the file, which never changes. At this offset the segment is full. Bytes.
    pub limit: u64,
}

/// The batch being built.
struct Building {
    frame: Vec<u8>,
    count: u32,
    crc: u32,
    hash: BatchHash,
    /// The last record, in this batch or before it.
    last: Lsn,
}

impl<S: Storage> Appender<S> {
    /// Starts to append at the end of a segment. `begins` is the first record that the log keeps.
    pub fn new(
        (storage, lock): (S, S::Lock),
        identity: LogIdentity,
        (spare, condition, segment_bytes): (Spare<S::File>, Condition, u64),
        segment: Segment<S::File>,
        (begins, end): (Lsn, Cursor),
    ) -> Result<Self, Error> {
        let noted = noted(&identity, &segment, end);
        let present = Present {
            notes: Notes::open(&storage, &noted)?,
            noted: Mutex::new(noted),
            segment: Mutex::new(OpenSegment::of(&storage, &segment.file, segment.first, segment.limit)?),
            beginning: Beginning::at(begins),
        };
        let hash = BatchHash::begin(&end.hash, end.lsn.next());
        let batch = Building { frame: vec![0; FRAME_HEADER], count: 0, crc: 0, hash, last: end.lsn };
        spare.room_left(segment.limit.saturating_sub(segment.at));
        Ok(Appender {
            helper: None,
            storage,
            identity,
            spare,
            condition,
            present: Arc::new(present),
            segment_bytes,
            segment,
            batch,
            durable: end,
            poisoned: false,
            waits_for_room: false,
            _lock: lock,
        })
    }

    /// Starts the thread that makes spares and watches the files. When it cannot be started, the log still works:
    /// segments are made when they are needed, and the files are not watched.
    pub fn start_helper(&mut self) {
        let (storage, present) = (self.storage.clone(), self.present.clone());
        match Helper::start(storage, self.spare.clone(), present, self.condition.clone()) {
            Ok(helper) => self.helper = Some(helper),
            Err(error) => {
                tracing::warn!(%error, "no helper for the journal");
                self.condition.ready();
            }
        }
    }

    /// The records, for readers on any thread while batches are written.
    pub fn file_records(&self) -> FileRecords<S> {
        FileRecords::new(self.storage.clone(), self.present.clone())
    }

    /// Takes records again after a wait for a new segment. With a helper this is the helper's to decide, by the spare.
    pub fn room_was_found(&self) {
        if self.helper.is_none() {
            self.condition.ready();
        }
    }

    /// Writes and syncs the batch, marks the end of the log, and notes it in the file `head`.
    pub fn close(&mut self) -> Result<(), Error> {
        self.mark()?;
        self.present.notes.note(&noted(&self.identity, &self.segment, self.durable), true);
        Ok(())
    }

    /// The end of what is durable.
    pub fn durable(&self) -> Cursor {
        self.durable
    }

    /// The last record that is appended, durable or not.
    pub fn appended(&self) -> Lsn {
        self.batch.last
    }

    /// Length of the batch being built. Bytes; 0 when there is none.
    pub fn pending(&self) -> usize {
        self.batch.frame.len() - FRAME_HEADER
    }

    /// Adds a record to the batch. Panics beyond [`MAX_RECORD`], and beyond 4 GiB without a commit.
    pub fn push(&mut self, payload: &[u8]) -> Lsn {
        assert!(payload.len() <= MAX_RECORD, "a record of {} bytes is over MAX_RECORD", payload.len());
        assert!(self.pending() + RECORD_HEADER + payload.len() <= MAX_BODY, "a batch is over 4 GiB");
        let batch = &mut self.batch;
        let lsn = batch.last.next();
        if batch.count == 0 {
            batch.crc = seed(&self.identity.salt, self.identity.epoch, lsn);
            batch.hash = BatchHash::begin(&self.durable.hash, lsn);
        }
        let (crc, hash) = push_record(&mut batch.frame, batch.crc, lsn, payload);
        batch.hash.add(&hash);
        (batch.crc, batch.count, batch.last) = (crc, batch.count + 1, lsn);
        lsn
    }

    /// Forgets what was pushed and is not written.
    pub fn begin_again(&mut self) {
        self.batch.frame.truncate(FRAME_HEADER);
        (self.batch.count, self.batch.last) = (0, self.durable.lsn);
    }

    /// Writes and syncs the batch, if there is one. Returns its length on disk, bytes, and how long write and sync took.
    pub fn commit(&mut self) -> Result<(u64, Duration), Error> {
        if self.poisoned {
            return Err(Error::Poisoned);
        }
        if self.batch.count == 0 {
            return Ok((0, Duration::ZERO));
        }
        self.guarded(Self::write_batch)
    }

    /// Writes and syncs a frame without records: everything before it is then known to have been synced.
    pub fn mark(&mut self) -> Result<(), Error> {
        self.commit()?;
        self.guarded(|this| this.write_batch().map(drop))
    }

    /// Begins a new lineage at the durable end: a segment of its own, and a mark in it. Nothing may be appended before.
    pub fn fork(&mut self, lineage: LineageId) -> Result<(), Error> {
        (self.identity.lineage, self.durable.lineage) = (lineage, lineage);
        self.guarded(|this| this.change_segment(BLOCK as u64))?;
        self.mark()
    }

    fn guarded<T>(&mut self, write: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let result = write(self);
        // Nothing was changed when it may be tried again.
        self.poisoned = matches!(&result, Err(error) if !error.may_be_tried_again());
        result
    }

    fn write_batch(&mut self) -> Result<(u64, Duration), Error> {
        let len = self.batch.frame.len().next_multiple_of(BLOCK) as u64;
        if self.segment.at + len > self.segment.limit {
            self.change_segment(len)?;
        }
        self.write_frame()
    }

    fn write_frame(&mut self) -> Result<(u64, Duration), Error> {
        // A mark repeats the hash of the batch before.
        let hash = if self.batch.count == 0 { self.durable.hash } else { self.batch.hash.clone().finish() };
        let header = FrameHeader {
            epoch: self.identity.epoch,
            first: self.durable.lsn.next(),
            count: self.batch.count,
            bytes: u32::try_from(self.pending()).expect("push keeps a batch below 4 GiB"),
            hash,
        };
        let frame = &mut self.batch.frame;
        header.encode(&self.identity.salt, frame);
        frame.resize(header.len(), 0);
        let path = || self.storage.path(&segment_name(self.segment.first));
        let (file, begun) = (&self.segment.file, Instant::now());
        file.write_at(self.segment.at, frame).map_err(|source| Error::io("write", path())(source))?;
        file.sync().map_err(|source| Error::io("sync", path())(source))?;
        let took = begun.elapsed();
        still_there(&self.storage, &self.present)?;
        let len = frame.len() as u64;
        self.segment.at += len;
        frame.truncate(FRAME_HEADER);
        self.batch.count = 0;
        self.durable = Cursor { lsn: self.batch.last, hash, ..self.durable };
        *self.present.noted.lock() = noted(&self.identity, &self.segment, self.durable);
        self.spare.room_left(self.segment.limit.saturating_sub(self.segment.at));
        Ok((len, took))
    }

    /// Changes to a new segment with room for `len` bytes. Everything before it has been synced; the existence of its
    /// header proves that.
    ///
    /// A segment without records has the same name as the new one, and is replaced. The new header keeps its links, and
    /// has a higher epoch or more room.
    fn change_segment(&mut self, len: u64) -> Result<(), Error> {
        let first = self.durable.lsn.next();
        let before = if first == self.segment.first { self.segment.before } else { self.segment.first };
        let bytes = self.segment_bytes.max(BLOCK as u64 + len);
        let spare = if bytes == self.segment_bytes { self.take_spare() } else { None };
        let is_spare = spare.is_some();
        let (name, file) = match spare {
            Some(file) => (spare::READY, file),
            None => (PARTIAL, reserved(&self.storage, bytes).map_err(Error::or_not_made)?),
        };
        let file = take(&self.storage, file, name)?;
        let header = header(&self.identity, (first, self.durable.hash), bytes, before);
        // Locked while names change, so that the helper does not check them in between.
        let mut open = self.present.segment.lock();
        put_segment(&self.storage, &file, name, &header)?;
        *open = OpenSegment::of(&self.storage, &file, first, bytes)?;
        drop(open);
        still_there(&self.storage, &self.present)?;
        if is_spare {
            self.spare.used();
        }
        self.segment = Segment { first, before, file, at: BLOCK as u64, limit: bytes };
        self.present.notes.note(&noted(&self.identity, &self.segment, self.durable), true);
        if let Some(helper) = &self.helper {
            helper.ask();
        }
        Ok(())
    }

    /// The spare, if one is ready and was not removed or cut by hand since it was made: it holds no data, so that is no
    /// loss.
    fn take_spare(&self) -> Option<S::File> {
        let file = self.spare.take()?;
        match (self.storage.status(spare::READY), file.identity()) {
            (Ok(named), Ok(own)) if named.identity == own && named.bytes == self.segment_bytes => Some(file),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => {
                self.spare.used();
                None
            }
        }
    }
}

/// Checks that the open segment is still found under its name, with its length. One system call.
fn still_there<S: Storage>(storage: &S, present: &Present<S>) -> Result<(), Error> {
    let open = present.segment.lock().clone();
    match open.check(storage) {
        Err(error) if error.tells_of_loss() => Err(error),
        // A check that the system refuses shows no loss; the helper reports it.
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes a file with room for a segment; removes it again when there is no room.
fn reserved<S: Storage>(storage: &S, bytes: u64) -> Result<S::File, Error> {
    let path = storage.path(PARTIAL);
    let file = storage.create(PARTIAL).map_err(Error::io("create", &path))?;
    match file.reserve(bytes) {
        Ok(()) => Ok(file),
        Err(source) => {
            let _ = storage.remove(PARTIAL);
            Err(Error::io("reserve room for", path)(source))
        }
    }
}

fn noted<F: File>(identity: &LogIdentity, segment: &Segment<F>, end: Cursor) -> Noted {
    Noted { id: identity.id, end, segment: segment.first }
}

/// Makes the first segment of a new log.
pub(crate) fn first_segment<S: Storage>(
    storage: &S,
    identity: &LogIdentity,
    bytes: u64,
) -> Result<Segment<S::File>, Error> {
    let path = storage.path(PARTIAL);
    let file = storage.create(PARTIAL).map_err(Error::io("create", &path))?;
    let bytes = bytes.min(FIRST_SEGMENT);
    storage::fill(&file, bytes, || true).map_err(Error::io("fill", &path))?;
    let file = take(storage, file, PARTIAL)?;
    put_segment(storage, &file, PARTIAL, &header(identity, (Lsn(1), [0; 32]), bytes, Lsn(0)))?;
    Ok(Segment { first: Lsn(1), before: Lsn(0), file, at: BLOCK as u64, limit: bytes })
}

/// Locks a segment before it gets its name: a second writer would try to lock the segment with that name.
fn take<S: Storage>(storage: &S, file: S::File, name: &str) -> Result<LockedFile<S::File>, Error> {
    let taken = LockedFile::take(file).map_err(Error::io("lock", storage.path(name)))?;
    taken.ok_or_else(|| Error::Locked { dir: storage.path(""), pid: None })
}

fn header(
    identity: &LogIdentity,
    (first, previous): (Lsn, [u8; 32]),
    bytes: u64,
    before: Lsn,
) -> SegmentHeader {
    SegmentHeader {
        id: identity.id,
        salt: identity.salt,
        epoch: identity.epoch,
        first,
        previous,
        bytes,
        before,
        lineage: identity.lineage,
    }
}

/// Writes a header, then renames the file. Each step is durable before the next.
fn put_segment<S: Storage>(
    storage: &S,
    file: &S::File,
    from: &str,
    header: &SegmentHeader,
) -> Result<(), Error> {
    let path = storage.path(from);
    file.write_at(0, &header.encode()).map_err(Error::io("write", &path))?;
    file.sync().map_err(Error::io("sync", &path))?;
    storage.rename(from, &segment_name(header.first)).map_err(Error::io("rename", &path))?;
    storage.sync_names().map_err(Error::io("sync directory", storage.path("")))
}
