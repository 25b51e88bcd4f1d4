//! A log opened for writing: what was found, replay, and the two ways to go on, by thread or step by step.

use std::path::PathBuf;

use crate::append::{Appender, End, Identity, first_segment};
use crate::file::Directory;
use crate::format::BLOCK;
use crate::reader::Reader;
use crate::recover::{Found, recover};
use crate::scan::segment_name;
use crate::spare::Spare;
use crate::storage::{File, Storage};
use crate::writer::{self, Gate, Journal};
use crate::{Entry, Error, Lsn, Options};

/// Shortest segment. Bytes.
const MIN_SEGMENT: u64 = 4 << 10;
/// How much is copied or zeroed at a time. Bytes.
const CHUNK: u64 = 1 << 20;

/// What a recovery cut off the end: a write that no sync had confirmed, so nothing that was ever released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The segment.
    pub file: PathBuf,
    /// Where the cut is. Bytes.
    pub offset: u64,
    /// How much behind it was not zero. Bytes.
    pub bytes: u64,
}

/// A log opened for writing, before it takes records. Dropping it releases the lock.
pub struct Log<S: Storage = Directory> {
    appender: Appender<S>,
    options: Options,
    cut: Option<TornTail>,
}

impl<S: Storage> Log<S> {
    /// Opens or creates the log in a storage; see [`open`](crate::open).
    pub fn open(storage: S, options: Options) -> Result<Log<S>, Error> {
        let options = Options { segment_bytes: options.segment_bytes.max(MIN_SEGMENT), ..options };
        let lock = storage.lock()?;
        let found = recover(&storage, options.trusted)?;
        let names = storage.list().map_err(Error::io("list", storage.path("")))?;
        for name in names.iter().filter(|name| name.ends_with(".partial")) {
            storage.remove(name).map_err(Error::io("remove", storage.path(name)))?;
        }
        let spare = Spare::new(&storage, options.segment_bytes, &names)?;
        let (appender, cut) = match found {
            None => (create(storage, lock, spare, options)?, None),
            Some(found) => resume(storage, lock, spare, options, found)?,
        };
        Ok(Log { appender, options, cut })
    }

    /// A random number made with the log: it tells this log from every other.
    pub fn id(&self) -> [u8; 16] {
        self.appender.identity.id
    }

    /// The epoch of this opening: higher than that of any before.
    pub fn epoch(&self) -> u32 {
        self.appender.identity.epoch
    }

    /// The last record; `Lsn(0)` when there is none.
    pub fn last(&self) -> Lsn {
        self.appender.durable().last
    }

    /// The chain hash of the last record; zeros when there is none.
    pub fn last_hash(&self) -> [u8; 32] {
        self.appender.durable().hash
    }

    /// What opening cut off, if anything.
    pub fn cut(&self) -> Option<&TornTail> {
        self.cut.as_ref()
    }

    /// The chain hash of a record: what a checkpoint's must equal. `None` beyond the last, or before the
    /// first kept.
    pub fn hash_at(&self, lsn: Lsn) -> Result<Option<[u8; 32]>, Error> {
        if lsn > self.last() {
            return Ok(None);
        }
        match Reader::over(self.appender.storage.clone(), lsn) {
            Ok(mut reader) => reader.hash_before(lsn),
            Err(Error::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the records after `after` in order, verifying the hash chain on the way; stops at the first
    /// error of `f`. [`Error::Missing`] where the segment of `after + 1` has been removed.
    pub fn replay<E: From<Error>>(
        &self,
        after: Lsn,
        mut f: impl FnMut(Entry<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let last = self.last();
        if after >= last {
            return Ok(());
        }
        let mut reader = Reader::over(self.appender.storage.clone(), after)?;
        while let Some(entry) = reader.next(last)? {
            f(entry)?;
        }
        Ok(())
    }

    /// Starts the writer's thread ("hub-journal"). Panics if the system has no thread left.
    pub fn start<C: Send + 'static>(mut self, gate: impl Gate<C>) -> Journal<C> {
        self.appender.spare.start(self.appender.storage.clone(), self.options.segment_bytes);
        writer::start(self.appender, self.options, gate)
    }

    /// Goes on without a thread: for simulations, which crash between any two steps.
    pub fn into_sync(self) -> SyncLog<S> {
        SyncLog { log: self }
    }
}

fn create<S: Storage>(
    storage: S,
    lock: S::Lock,
    spare: Spare,
    options: Options,
) -> Result<Appender<S>, Error> {
    let random = || storage.random().map_err(Error::io("draw random bytes for", storage.path("")));
    let identity = Identity { id: random()?, salt: random()?, epoch: 1 };
    let file = first_segment(&storage, &identity, options.segment_bytes)?;
    let end = End { last: Lsn(0), hash: [0; 32] };
    Appender::resume(
        (storage, lock),
        identity,
        (spare, options.segment_bytes),
        (Lsn(1), file, BLOCK as u64),
        end,
    )
}

/// Makes what was found durable, cuts the rest, and marks the new epoch.
fn resume<S: Storage>(
    storage: S,
    lock: S::Lock,
    spare: Spare,
    options: Options,
    found: Found,
) -> Result<(Appender<S>, Option<TornTail>), Error> {
    if let Some(lsn) = found.unfinished {
        let name = segment_name(lsn);
        tracing::warn!(file = %storage.path(&name).display(), "removed an empty segment");
        storage.remove(&name).map_err(Error::io("remove", storage.path(&name)))?;
    }
    let name = segment_name(found.segment);
    let path = storage.path(&name);
    let file = storage.open(&name).map_err(Error::io("open", &path))?;
    if let Some(cut) = &found.cut {
        tracing::warn!(file = %path.display(), offset = cut.offset, bytes = cut.bytes, last = found.last.0, "cut a torn tail");
        for at in (cut.offset..cut.offset + cut.bytes).step_by(CHUNK as usize) {
            let zeros = vec![0; CHUNK.min(cut.offset + cut.bytes - at) as usize];
            file.write_at(at, &zeros).map_err(Error::io("write", &path))?;
        }
    }
    // Written again, not only synced: after a failed sync the page cache shows bytes that the disk lacks as
    // clean, and a second sync would not write them.
    let mut bytes = vec![0; (found.unproven.end - found.unproven.start) as usize];
    file.read_at(found.unproven.start, &mut bytes).map_err(Error::io("read", &path))?;
    file.write_at(found.unproven.start, &bytes).map_err(Error::io("write", &path))?;
    file.sync().map_err(Error::io("sync", &path))?;
    storage.sync_names().map_err(Error::io("sync directory", storage.path("")))?;

    let identity = Identity { id: found.id, salt: found.salt, epoch: found.epoch + 1 };
    let mut appender = Appender::resume(
        (storage, lock),
        identity,
        (spare, options.segment_bytes),
        (found.segment, file, found.end),
        End { last: found.last, hash: found.hash },
    )?;
    appender.mark()?;
    Ok((appender, found.cut))
}

/// A log without a thread: each step happens when it is called.
pub struct SyncLog<S: Storage> {
    log: Log<S>,
}

impl<S: Storage> SyncLog<S> {
    /// Opens or creates the log; see [`open`](crate::open).
    pub fn open(storage: S, options: Options) -> Result<SyncLog<S>, Error> {
        Log::open(storage, options).map(Log::into_sync)
    }

    /// The log as it was opened: id, epoch, cut, replay of what is durable.
    pub fn log(&self) -> &Log<S> {
        &self.log
    }

    /// Adds a record to the batch; it is durable once [`SyncLog::sync`] has returned. Panics beyond
    /// [`MAX_RECORD`](crate::MAX_RECORD).
    pub fn append(&mut self, bytes: &[u8]) -> Lsn {
        self.log.appender.push(bytes)
    }

    /// Writes and syncs what was appended, as one batch. After an error the log is of no more use.
    pub fn sync(&mut self) -> Result<Lsn, Error> {
        self.log.appender.commit()?;
        Ok(self.durable())
    }

    /// The last durable record.
    pub fn durable(&self) -> Lsn {
        self.log.last()
    }

    /// The last appended record.
    pub fn appended(&self) -> Lsn {
        self.log.appender.end().last
    }

    /// Makes the next segment's file now, as the journal's helper thread does in the background.
    pub fn prepare_spare(&mut self) -> Result<(), Error> {
        let bytes = self.log.options.segment_bytes;
        self.log.appender.spare.make_now(&self.log.appender.storage, bytes)
    }

    /// Syncs, marks the end as known to be synced, and releases the lock.
    pub fn close(mut self) -> Result<(), Error> {
        self.log.appender.mark()
    }
}

impl<S: Storage> std::fmt::Debug for Log<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log")
            .field("epoch", &self.epoch())
            .field("last", &self.last())
            .finish_non_exhaustive()
    }
}
