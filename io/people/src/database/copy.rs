//! A copy of the database as of one moment, beside whoever writes it.

use std::{fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path, thread};

use rusqlite::{
    Connection, ErrorCode, OpenFlags,
    backup::{Backup, StepResult},
    ffi,
};

use super::{BUSY_WAIT, Database, each, remove_if_there};
use crate::Error;

/// How often a copy looks whether the database is free: a backup has more time than a request.
const COPY_WAITS: i32 = 20_000;

impl Database {
    /// Writes a copy as of one moment to a file that does not exist, readable by its owner alone, and syncs it. Whoever writes
    /// the database waits meanwhile. Returns the slots of the people in the copy.
    pub fn copy(&mut self, to: &Path) -> Result<Vec<u64>, Error> {
        let mut options = OpenOptions::new();
        let made = options.read(true).write(true).create_new(true).mode(0o600).open(to);
        let made = made.map_err(Error::io("make", to))?;
        let copied = self.copy_into(to).and_then(|slots| {
            made.sync_all().map_err(Error::io("sync", to))?;
            Ok(slots)
        });
        copied.or_else(|error| remove_if_there(to).and(Err(error)))
    }

    fn copy_into(&mut self, to: &Path) -> Result<Vec<u64>, Error> {
        let write = || Error::sql("write", to);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut copy = Connection::open_with_flags(to, flags).map_err(write())?;
        // What a crash leaves of the copy is of no use, and the caller syncs it.
        copy.pragma_update_and_check(None, "journal_mode", "off", |_| Ok(())).map_err(write())?;
        copy.pragma_update(None, "synchronous", "off").map_err(write())?;
        let wait = |tried| {
            thread::sleep(BUSY_WAIT);
            tried < COPY_WAITS
        };
        self.connection.busy_handler(Some(wait)).map_err(Error::sql("read", &self.path))?;
        let step = Backup::new(&self.connection, &mut copy).and_then(|backup| backup.step(-1));
        let failed = |error| {
            if is_of_the_copy(&error) { write()(error) } else { Error::sql("read", &self.path)(error) }
        };
        if step.map_err(failed)? != StepResult::Done {
            return Err(Error::InUse { file: self.path.clone() });
        }
        let mut slots = Vec::new();
        let slot = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        each(&copy, "SELECT slot FROM person", slot, |slot| {
            slots.push(slot as u64);
            Ok(())
        })
        // What is not sound in the copy is so in what was copied.
        .map_err(|error| {
            let is_io = error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
            Error::sql("read", if is_io { to } else { &self.path })(error)
        })?
        .map_err(|what| self.damaged(what))?;
        copy.close().map_err(|(_, error)| write()(error))?;
        Ok(slots)
    }
}

/// Whether copying failed at the copy, which is only written. SQLite tells both of one connection.
fn is_of_the_copy(error: &rusqlite::Error) -> bool {
    let Some(error) = error.sqlite_error() else { return false };
    matches!(error.code, ErrorCode::DiskFull | ErrorCode::ReadOnly)
        || matches!(
            error.extended_code,
            ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_TRUNCATE
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_copy_names_the_file_that_failed() {
        let of_the_copy = |code| is_of_the_copy(&rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        let written = [
            ffi::SQLITE_FULL,
            ffi::SQLITE_READONLY,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_TRUNCATE,
        ];
        let read = [
            ffi::SQLITE_IOERR_READ,
            ffi::SQLITE_IOERR_SHORT_READ,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_NOTADB,
            ffi::SQLITE_CANTOPEN,
        ];
        assert!(written.into_iter().all(of_the_copy) && !read.into_iter().any(of_the_copy));
    }
}
