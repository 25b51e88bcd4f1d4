//! The records of a log in segments, behind the record seam, for readers on any thread.

use std::sync::Arc;

use crate::files::Files;
use crate::kept;
use crate::reader::Reader;
use crate::seam::{LogRecords, RecordReader, Truncated};
use crate::storage::Storage;
use crate::watch::Present;
use crate::{Error, Lsn};

/// The records of a log whose segments are being written.
pub(crate) struct FileRecords<S: Storage> {
    storage: S,
    present: Arc<Present<S>>,
}

impl<S: Storage> FileRecords<S> {
    pub fn new(storage: S, present: Arc<Present<S>>) -> FileRecords<S> {
        FileRecords { storage, present }
    }
}

impl<S: Storage> LogRecords for FileRecords<S> {
    fn begins_after(&self) -> Result<Lsn, Error> {
        kept::begins_after(&self.storage)
    }

    fn read(&self, after: Lsn) -> Result<Box<dyn RecordReader>, Error> {
        Ok(Box::new(Reader::over(self.storage.clone(), after)?))
    }

    /// Whole segments are removed; one that holds other records as well stays.
    fn truncate_before(&self, lsn: Lsn, needed: &[Lsn]) -> Result<Truncated, Error> {
        self.present.beginning.truncate_before(&self.storage, lsn, needed)
    }
}

/// The records of a log that is only looked at: nothing is removed from it here.
impl<S: Storage> LogRecords for Files<S> {
    /// What the log states now, not when its files were checked.
    fn begins_after(&self) -> Result<Lsn, Error> {
        kept::begins_after(self.storage())
    }

    fn read(&self, after: Lsn) -> Result<Box<dyn RecordReader>, Error> {
        Ok(Box::new(Reader::over(self.storage().clone(), after)?))
    }

    /// Removes nothing: only who has the lock of the log may.
    fn truncate_before(&self, _: Lsn, _: &[Lsn]) -> Result<Truncated, Error> {
        Ok(Truncated { first: self.begins_after()?.next(), parts: 0, bytes: 0 })
    }
}
