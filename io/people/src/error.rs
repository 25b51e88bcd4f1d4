//! Why the people file is refused, and why somebody was not enrolled.

use std::{
    io,
    path::{Path, PathBuf},
};

/// The people file cannot be read or opened, or is damaged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Bytes that had been synced are not what was written. Nothing was changed.
    #[error("{} is damaged at offset {offset}: {what}; restore it from a backup made after the log's", file.display())]
    Damaged {
        /// The people file.
        file: PathBuf,
        /// Where the first bad structure begins. Bytes.
        offset: u64,
        /// What was found there.
        what: &'static str,
    },
    /// Another release wrote the file.
    #[error("{} has format version {version}, this release reads {}", file.display(), crate::format::VERSION)]
    Version {
        /// The people file.
        file: PathBuf,
        /// The version it states.
        version: u32,
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
}

/// Why somebody new was not enrolled. Nobody has an id from it; the request may be repeated later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotEnrolled {
    /// There is no room on the disk. The next enrolment tries again.
    #[error("there is no room for the people file")]
    NoRoom,
    /// The system gave no random bytes for an id.
    #[error("the system gives no random bytes")]
    NoRandom,
    /// A write or sync has failed. What is on the disk is unknown until the file is opened again.
    #[error("the people file takes nobody after a failed write")]
    Closed,
}
