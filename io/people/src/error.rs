//! Why the people store is refused, and why somebody was not enrolled. No text of an error has a part of a name.

use std::{
    io,
    path::{Path, PathBuf},
};

use protocol::PlayerId;
use rusqlite::ErrorCode as Code;

use crate::StoreId;

/// The people store cannot be read or opened, or is damaged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Bytes are not what was written. Nothing was changed.
    #[error("{} is damaged: {what}; restore it from a backup made after the log's", file.display())]
    Damaged {
        /// The database or the key file.
        file: PathBuf,
        /// What was found there.
        what: &'static str,
    },
    /// The master key is not the one that the file was written under.
    #[error(
        "{} is under another master key than the one that was given: give the hub the people key it had. If the key was \
         replaced and the rotation not finished, run `hub person rotate-key` with both", file.display()
    )]
    WrongKey {
        /// The database or the key file.
        file: PathBuf,
    },
    /// The database has people, and their keys are lost.
    #[error(
        "there is no key file {}, and people whose keys were in it: without it nobody can read who they are. Restore it \
         from a backup made with the database's or after it", file.display()
    )]
    NoKeys {
        /// Where it was looked for.
        file: PathBuf,
    },
    /// The key file does not have the keys of people in the database. It is the older of the two, or it is from after an
    /// erasure, and database and log are from before it.
    #[error(
        "{} does not have the keys of {count} player(s), such as {first}: it is older than the database, or from after an \
         erasure that the database and the log are older than. Restore the key file that was copied with the database, or the \
         newest database together with the newest key file", file.display()
    )]
    KeysLost {
        /// The key file.
        file: PathBuf,
        /// How many players.
        count: usize,
        /// One of them.
        first: PlayerId,
    },
    /// The key file is of another store than the database beside it.
    #[error(
        "{} is of people store {found:032x}, and the database beside it of {expected:032x}: restore the two together",
        file.display()
    )]
    OtherStore {
        /// The key file.
        file: PathBuf,
        /// The store it is of.
        found: StoreId,
        /// The store of the database.
        expected: StoreId,
    },
    /// There are keys without a database: a new store would overwrite them.
    #[error(
        "there is a key file {} without the database: restore the database, or move the key file away",
        file.display()
    )]
    KeysAlone {
        /// The key file.
        file: PathBuf,
    },
    /// The people file of a build before the store.
    #[error(
        "{} is a people file of an earlier build, which this release does not read: it cannot be taken over. Give the hub \
         another journal.directory, and keep this one with the build that wrote it", file.display()
    )]
    Old {
        /// The file.
        file: PathBuf,
    },
    /// Another release wrote the file.
    #[error("{} has format version {version}, this release reads {reads}", file.display())]
    Version {
        /// The database or the key file.
        file: PathBuf,
        /// The version it states.
        version: i64,
        /// The version that is read.
        reads: i64,
    },
    /// The SQLite that this hub was built with has a known fault.
    #[error("this hub was built with SQLite {found}, which can lose data; 3.51.3 is the oldest that is used")]
    Sqlite {
        /// Its version.
        found: &'static str,
    },
    /// Another process uses the database.
    #[error("{} is in use by another process; try again", file.display())]
    InUse {
        /// The database.
        file: PathBuf,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    NoRandom(#[source] getrandom::Error),
    /// The database could not do something.
    #[error("cannot {action} {}", file.display())]
    Database {
        /// What was tried: a verb.
        action: &'static str,
        /// The database.
        file: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// An operation of the operating system failed.
    #[error("cannot {action} {}", file.display())]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// The file or its directory.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: an [`Error::Io`] with what was tried, and on which file.
    pub(crate) fn io(action: &'static str, file: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { action, file: file.to_owned(), source }
    }

    /// For `map_err`: what an error of SQLite means for the file.
    pub(crate) fn sql(action: &'static str, file: &Path) -> impl FnOnce(rusqlite::Error) -> Error {
        move |source| {
            let file = file.to_owned();
            match source.sqlite_error_code() {
                Some(Code::DatabaseBusy | Code::DatabaseLocked) => Error::InUse { file },
                Some(
                    Code::CannotOpen
                    | Code::SystemIoFailure
                    | Code::DiskFull
                    | Code::ReadOnly
                    | Code::OutOfMemory,
                ) => Error::Database { action, file, source },
                // Statements and types are ours: what does not fit them is not what we wrote.
                _ => Error::Damaged { file, what: "it is not a sound people database" },
            }
        }
    }
}

/// Why somebody new was not enrolled. Nobody has an id from it; the request may be repeated later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotEnrolled {
    /// There is no room on the disk. The next enrolment tries again.
    #[error("there is no room for the people store")]
    NoRoom,
    /// Another process reads the database for long. The next enrolment tries again.
    #[error("the people store is in use by another process")]
    InUse,
    /// The system gave no random bytes for an id.
    #[error("the system gives no random bytes")]
    NoRandom,
    /// A write or sync has failed. What is on the disk is unknown until the store is opened again.
    #[error("the people store takes nobody after a failed write")]
    Closed,
    /// Who asks was excluded and erased. This is final.
    #[error("this person is excluded")]
    Excluded,
}

/// Why somebody was not erased from the open store, or not asked about. Nothing was changed, or a part of it was; the same
/// call carries on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotErased {
    /// There is no room on the disk: the key file is written anew before the old one is removed.
    #[error("there is no room for the people store")]
    NoRoom,
    /// Another process reads the database for long.
    #[error("the people store is in use by another process")]
    InUse,
    /// A write or sync has failed, or something in the store is not what the hub wrote. The store must be opened again.
    #[error("the people store cannot be used after a failure: the hub's log messages say which")]
    Closed,
}

impl NotErased {
    /// Whether the same call may succeed a moment later.
    #[must_use]
    pub fn passes(self) -> bool {
        match self {
            NotErased::NoRoom | NotErased::InUse => true,
            NotErased::Closed => false,
        }
    }
}
