//! The record seam: what the rest of the hub asks of whatever keeps its log. Here are records, batches and epochs;
//! segments, files and locks are the business of one implementation.
//!
//! Three sides: a [`LogWriter`] appends batches, a [`RecordReader`] moves forward over the records, and [`LogRecords`]
//! opens readers and removes what is archived, beside the writer and from any thread. One suite of tests holds every
//! implementation to what is said here.

use std::sync::Arc;
use std::time::Duration;

use crate::condition::Condition;
use crate::{Cursor, Entry, Error, Lsn};

/// What has become of a batch that was to be appended.
#[derive(Debug)]
pub enum Appended {
    /// The batch is durable: whatever happens to the process or its machine, a later opening finds it.
    Durable {
        /// Its length where it is kept, headers and padding included. Bytes.
        bytes: u64,
        /// How long writing it and making it durable took, without anything that had to be waited for or made before.
        took: Duration,
    },
    /// The log is another writer's, or does not end before this batch: nothing of the batch is in the log, and nothing
    /// ever will be. This writer may release nothing more.
    Fenced,
    /// The batch may be in the log or not: only opening the log again tells. This writer may release nothing more, and
    /// each further append has this outcome.
    Unknown(Error),
}

/// The only writer of a log, with an epoch that is higher than that of every writer before.
pub trait LogWriter: Send + 'static {
    /// Its epoch.
    fn epoch(&self) -> u32;

    /// The end of the last batch that is durable.
    fn end(&self) -> Cursor;

    /// The log is written by a thread of its own from now on: starts what works beside it.
    fn begins_to_run(&mut self) {}

    /// Appends a batch of at least one record, all of it or nothing. `epoch` is that of the writer who asks, and `first` the
    /// first record of the batch.
    ///
    /// # Errors
    /// When nothing was changed and the same may be tried again, for instance when there is no room.
    ///
    /// # Panics
    /// For a record above [`MAX_RECORD`](crate::MAX_RECORD).
    fn append(&mut self, epoch: u32, first: Lsn, batch: &[Vec<u8>]) -> Result<Appended, Error>;

    /// The records, for readers on any thread.
    fn records(&self) -> Arc<dyn LogRecords>;

    /// Whether the log takes records, and if not, why.
    fn condition(&self) -> &Condition;

    /// Ends the writing in good order: the next opening knows that nothing comes behind the end.
    ///
    /// # Errors
    /// When that cannot be noted. What is durable stays so.
    fn close(&mut self) -> Result<(), Error>;
}

impl LogWriter for Box<dyn LogWriter> {
    fn epoch(&self) -> u32 {
        (**self).epoch()
    }

    fn end(&self) -> Cursor {
        (**self).end()
    }

    fn begins_to_run(&mut self) {
        (**self).begins_to_run();
    }

    fn append(&mut self, epoch: u32, first: Lsn, batch: &[Vec<u8>]) -> Result<Appended, Error> {
        (**self).append(epoch, first, batch)
    }

    fn records(&self) -> Arc<dyn LogRecords> {
        (**self).records()
    }

    fn condition(&self) -> &Condition {
        (**self).condition()
    }

    fn close(&mut self) -> Result<(), Error> {
        (**self).close()
    }
}

/// The records of a log that may be written meanwhile.
pub trait LogRecords: Send + Sync {
    /// The last record that was removed, `Lsn(0)` when none was: the log has the records after it.
    ///
    /// # Errors
    /// When that cannot be read.
    fn begins_after(&self) -> Result<Lsn, Error>;

    /// Reads the records after `after`.
    ///
    /// # Errors
    /// [`Error::Removed`] when they were removed; otherwise when the log cannot be read there.
    fn read(&self, after: Lsn) -> Result<Box<dyn RecordReader>, Error>;

    /// Removes records before `lsn` that are at or before every cursor in `needed`: each of them needs the records after
    /// it. As many as the log can remove at once, and never the newest ones.
    ///
    /// The caller has made sure that what is removed is kept elsewhere. A crash at any step leaves a log that opens; what
    /// an error leaves behind is removed by the next call or the next opening.
    ///
    /// # Errors
    /// When something cannot be removed.
    fn truncate_before(&self, lsn: Lsn, needed: &[Lsn]) -> Result<Truncated, Error>;
}

/// A position in a log, which only moves forward.
pub trait RecordReader: Send {
    /// The next record of the batches up to the one with `limit` ([`Lsn::MAX`]: no limit). `None` when there is none yet:
    /// ask again later. A batch can be read before it is durable, so callers that act on records pass the last durable one
    /// as the limit, or an earlier one. A batch is always read to its end, and only when it is whole and unchanged.
    ///
    /// # Errors
    /// When the records are damaged, were removed, or cannot be read.
    fn next(&mut self, limit: Lsn) -> Result<Option<Entry<'_>>, Error>;

    /// The end of the batch that was read last. When [`RecordReader::next`] has returned `None`, every record up to it was
    /// returned.
    fn cursor(&self) -> Cursor;
}

/// What a removal of the oldest records did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncated {
    /// The first record that the log keeps.
    pub first: Lsn,
    /// Parts of the log that were removed; of files they are segments.
    pub parts: usize,
    /// Their length. Bytes.
    pub bytes: u64,
}

/// Every record that a log keeps.
///
/// # Errors
/// When the log cannot be read.
pub fn read_kept(records: &dyn LogRecords) -> Result<Box<dyn RecordReader>, Error> {
    loop {
        match records.read(records.begins_after()?) {
            // More was removed meanwhile.
            Err(Error::Removed { .. }) => {}
            opened => return opened,
        }
    }
}
