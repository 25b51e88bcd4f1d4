//! The read model as of one commit.

use std::path::Path;

use rusqlite::Connection;

use crate::{
    Error,
    error::sql,
    files::{ModelFiles, WhichFile, to_read, version_of},
    open_file::read_cursor,
    schema::VERSION,
};

/// Which records an answer has seen: all up to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AsOf {
    /// The last record.
    pub lsn: u64,
    /// When it was decided, milliseconds since 1970.
    pub time_ms: u64,
}

/// The tables as of one commit; whoever has it asks.
pub struct ModelView<'a> {
    pub(crate) connection: &'a Connection,
}

impl<'a> ModelView<'a> {
    pub(crate) fn over(connection: &'a Connection) -> Self {
        Self { connection }
    }

    /// Up to which record it has the log.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn as_of(&self) -> Result<AsOf, Error> {
        let (cursor, time_ms) = read_cursor(self.connection).map_err(sql("read the cursor of"))?;
        Ok(AsOf { lsn: cursor.lsn, time_ms })
    }

    /// The same as a cursor in the log.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn cursor(&self) -> Result<crate::ModelCursor, Error> {
        read_cursor(self.connection).map(|(cursor, _)| cursor).map_err(sql("read the cursor of"))
    }
}

/// Reads the read model beside a log that another process may be writing, from one commit. `None` when there is none of this
/// version of the schema.
///
/// # Errors
/// When it cannot be read, or `read` fails.
pub(crate) fn beside<T>(
    log: &Path,
    read: impl FnOnce(&ModelView<'_>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    let path = ModelFiles::of(log).path(WhichFile::Main);
    if !path.exists() {
        return Ok(None);
    }
    let connection = to_read(&path).map_err(sql("open"))?;
    if version_of(&connection).map_err(sql("open"))? != VERSION {
        return Ok(None);
    }
    connection.execute_batch("BEGIN").map_err(sql("read"))?;
    read(&ModelView::over(&connection)).map(Some)
}
