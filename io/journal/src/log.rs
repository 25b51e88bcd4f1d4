//! A log opened for writing: its state, replay, and the two ways to write, with a thread or step by step.

use crate::append::Appender;
use crate::cursor::{Cursor, LineageId};
use crate::file::Directory;
use crate::reader::Reader;
use crate::seam::{LogRecords as _, Truncated};
use crate::storage::Storage;
use crate::tail::{Tail, TornTail};
use crate::writer::{Gate, Journal};
use crate::{Entry, Error, Lsn, Options};

/// A log opened for writing, before it takes records. Dropping it releases the lock.
pub struct Log<S: Storage = Directory> {
    pub(crate) appender: Appender<S>,
    options: Options,
    tail: Tail,
}

impl<S: Storage> Log<S> {
    pub(crate) fn new(appender: Appender<S>, options: Options, tail: Tail) -> Log<S> {
        Log { appender, options, tail }
    }

    /// The id of the log, a random number made when it was created.
    pub fn id(&self) -> [u8; 16] {
        self.appender.identity.id
    }

    /// The lineage in which it writes.
    pub fn lineage(&self) -> LineageId {
        self.appender.identity.lineage
    }

    /// The epoch of this opening: higher than that of every earlier one.
    pub fn epoch(&self) -> u32 {
        self.appender.identity.epoch
    }

    /// The last record; `Lsn(0)` when there is none.
    pub fn last(&self) -> Lsn {
        self.appender.durable().lsn
    }

    /// The end of the last batch.
    pub fn end(&self) -> Cursor {
        self.appender.durable()
    }

    /// The torn tail that opening has cut, if there was one.
    pub fn cut(&self) -> Option<&TornTail> {
        self.tail.torn()
    }

    /// The hash of the batch that ends with a record, which must equal that of a cursor there. `None` when no batch
    /// ends there, and when its segment is missing.
    pub fn hash_at(&self, lsn: Lsn) -> Result<Option<[u8; 32]>, Error> {
        if lsn > self.last() {
            return Ok(None);
        }
        match Reader::over(self.appender.storage.clone(), lsn) {
            Ok(mut reader) => reader.hash_at(lsn),
            Err(Error::Missing { .. } | Error::Removed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Calls `f` with each record after `after`, in order, and verifies the batches' hashes; stops at the first error of
    /// `f`. [`Error::Missing`] when the segment of `after + 1` is missing,
    /// [`Error::Removed`] when it was removed.
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

    /// Removes the oldest segments; see [`Journal::truncate_before`].
    pub fn truncate_before(&self, lsn: Lsn, needed: &[Lsn]) -> Result<Truncated, Error> {
        self.appender.file_records().truncate_before(lsn, needed)
    }

    /// Starts the writer's thread ("hub-journal"). Panics when the system cannot start a thread.
    pub fn start<C: Send + 'static>(self, gate: impl Gate<C>) -> Journal<C> {
        let nice = self.options.nice;
        Journal::start(self, nice, gate)
    }

    /// Continues without a thread, for simulations, which can crash between any two steps.
    pub fn into_sync(self) -> SyncLog<S> {
        SyncLog { log: self }
    }
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

    /// The opened log: id, epoch, cut tail, and replay of the durable records.
    pub fn log(&self) -> &Log<S> {
        &self.log
    }

    /// Adds a record to the batch; it is durable once [`SyncLog::sync`] has returned. Panics beyond
    /// [`MAX_RECORD`](crate::MAX_RECORD).
    pub fn append(&mut self, bytes: &[u8]) -> Lsn {
        self.log.appender.push(bytes)
    }

    /// Writes and syncs the appended records as one batch. After an error the log must be opened again.
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
        self.log.appender.appended()
    }

    /// Makes the next segment's file now, as the journal's helper thread does in the background.
    pub fn prepare_spare(&mut self) -> Result<(), Error> {
        let appender = &self.log.appender;
        appender.spare.make(&appender.storage, || true);
        appender.spare.failure().map_or(Ok(()), Err)
    }

    /// Syncs, marks the end as known to be synced, and releases the lock.
    pub fn close(mut self) -> Result<(), Error> {
        self.log.appender.close()
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
