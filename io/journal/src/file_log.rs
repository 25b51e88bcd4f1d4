//! A log in segments, behind the record seam.

use std::sync::Arc;

use crate::condition::Condition;
use crate::log::Log;
use crate::seam::{Appended, LogRecords, LogWriter};
use crate::storage::Storage;
use crate::{Cursor, Error, Lsn};

impl<S: Storage> LogWriter for Log<S> {
    fn epoch(&self) -> u32 {
        Log::epoch(self)
    }

    fn end(&self) -> Cursor {
        Log::end(self)
    }

    fn begins_to_run(&mut self) {
        self.appender.start_helper();
    }

    /// The locks keep other writers out, so only the place and the epoch are compared.
    fn append(&mut self, epoch: u32, first: Lsn, batch: &[Vec<u8>]) -> Result<Appended, Error> {
        let appender = &mut self.appender;
        if epoch != appender.identity.epoch || first != appender.durable().lsn.next() {
            return Ok(Appended::Fenced);
        }
        // A batch that was refused is pushed again.
        appender.begin_again();
        for record in batch {
            appender.push(record);
        }
        match appender.commit() {
            Ok((bytes, took)) => {
                if std::mem::take(&mut appender.waits_for_room) {
                    appender.room_was_found();
                }
                Ok(Appended::Durable { bytes, took })
            }
            Err(error) if error.may_be_tried_again() => {
                appender.waits_for_room = true;
                Err(error)
            }
            Err(error) => Ok(Appended::Unknown(error)),
        }
    }

    fn records(&self) -> Arc<dyn LogRecords> {
        Arc::new(self.appender.file_records())
    }

    fn condition(&self) -> &Condition {
        &self.appender.condition
    }

    fn close(&mut self) -> Result<(), Error> {
        self.appender.close()
    }
}
