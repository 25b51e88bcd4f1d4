//! What can fail in the read model.

use std::path::PathBuf;

/// The read model cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite reports a failure.
    #[error("failed to {what} the read model")]
    Sql {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: rusqlite::Error,
    },
    /// A file or a directory.
    #[error("failed to {what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The tables do not have what the log has: a hold that ends and is not open, or a round that was never opened.
    #[error("the read model does not have {what}, which record {lsn} needs")]
    Unfit {
        /// What is missing.
        what: String,
        /// The record.
        lsn: u64,
    },
    /// A reader did not end in time.
    #[error("the read model is still read")]
    InUse,
    /// The file could not be opened again after a failure.
    #[error("the read model is not open")]
    Closed,
    /// The linked SQLite has known faults.
    #[error("SQLite {found} can damage the read model; {needed} is the oldest that is used")]
    OldSqlite {
        /// Its version.
        found: i32,
        /// The oldest.
        needed: i32,
    },
}

impl Error {
    /// Whether the file is of no use, so that it is built again: it is damaged, or does not have what it must.
    #[must_use]
    pub fn needs_a_new_file(&self) -> bool {
        match self {
            Self::Sql { source, .. } => is_damage(source),
            Self::Unfit { .. } => true,
            Self::Io { .. } | Self::InUse | Self::Closed | Self::OldSqlite { .. } => false,
        }
    }

    /// The error and its cause in one line, for people.
    #[must_use]
    pub fn with_causes(&self) -> String {
        match std::error::Error::source(self) {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }
}

/// Whether SQLite says that the bytes are not those of a database of ours. What a column or a table should have and has not is
/// damage as well: the statements fit the schema.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::{Error as E, ErrorCode as Code};
    match error {
        E::SqliteFailure(failure, _) => matches!(
            failure.code,
            Code::DatabaseCorrupt
                | Code::NotADatabase
                | Code::Unknown
                | Code::ConstraintViolation
                | Code::TypeMismatch
                | Code::SchemaChanged
        ),
        E::SqlInputError { .. }
        | E::FromSqlConversionFailure(..)
        | E::IntegralValueOutOfRange(..)
        | E::InvalidColumnType(..)
        | E::QueryReturnedNoRows
        | E::Utf8Error(..) => true,
        _ => false,
    }
}

/// Says what was tried when SQLite fails.
pub(crate) fn sql(what: &'static str) -> impl FnOnce(rusqlite::Error) -> Error {
    move |source| Error::Sql { what, source }
}
