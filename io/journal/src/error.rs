//! Errors of the log: an operation of the system failed, or the files are not what was written.
//!
//! No variant is ever retried here. Every one names the file, and damage names the offset too, so that an
//! operator knows what to restore before reading anything else.

use std::io;
use std::path::{Path, PathBuf};

use crate::Lsn;

/// Why the log could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process (or another part of this one) has the log open for writing.
    #[error("log in {} is locked by {}", dir.display(), holder(*pid))]
    Locked {
        /// The directory of the log.
        dir: PathBuf,
        /// The process that holds it, where its lock file tells.
        pid: Option<u32>,
    },
    /// Bytes that had been synced are no longer what was written. Restore the file from a copy; nothing was
    /// changed.
    #[error("log is damaged in {} at offset {offset}: {what}", file.display())]
    Damaged {
        /// The damaged file.
        file: PathBuf,
        /// Where in it the first bad structure begins. Bytes.
        offset: u64,
        /// What was found there.
        what: &'static str,
    },
    /// A record does not follow from the one before it although its checksum holds: it was altered or
    /// misplaced.
    #[error("hash chain breaks at record {} in {} at offset {offset}", lsn.0, file.display())]
    Chain {
        /// The file of the record.
        file: PathBuf,
        /// Where the record's batch begins. Bytes.
        offset: u64,
        /// The record.
        lsn: Lsn,
    },
    /// Records that must exist are in no segment.
    #[error("log has no record {} in {}: {what}", lsn.0, place.display())]
    Missing {
        /// The segment's file where it is known, otherwise the directory of the log.
        place: PathBuf,
        /// The first record that is not there.
        lsn: Lsn,
        /// How that is known.
        what: &'static str,
    },
    /// The directory is not the one in which the log was opened: it was removed, replaced or unmounted. What was
    /// written since went into files that no start will find.
    #[error("the directory of the log, {}, is not the one that was opened: {what}", dir.display())]
    Gone {
        /// Where it was.
        dir: PathBuf,
        /// What is there now.
        what: &'static str,
    },
    /// There is no room for a new segment. Nothing was changed; it may be tried again.
    #[error("no room for a new segment, {}", file.display())]
    NoRoom {
        /// The file that was being made.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A segment of another log lies in the directory.
    #[error("{} belongs to another log", file.display())]
    Foreign {
        /// The segment.
        file: PathBuf,
    },
    /// A file was written in a format this release does not know.
    #[error("{} has format version {version}, this release reads {}", file.display(), crate::format::VERSION)]
    Version {
        /// The file.
        file: PathBuf,
        /// The version it states.
        version: u32,
    },
    /// The operating system refused.
    #[error("cannot {action} {}", file.display())]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// On which file or directory.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An earlier write or sync failed; what is on disk is unknown until the log is opened again.
    #[error("log takes no more records after a failed write")]
    Poisoned,
}

impl Error {
    /// For `map_err`: says what was tried on which file.
    pub(crate) fn io(action: &'static str, file: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { action, file: file.as_ref().to_owned(), source }
    }
}

impl Error {
    /// Whether it tells that what had been written is not there any more: a follower that meets it has found damage.
    pub fn tells_of_damage(&self) -> bool {
        match self {
            Error::Damaged { .. }
            | Error::Chain { .. }
            | Error::Missing { .. }
            | Error::Foreign { .. }
            | Error::Gone { .. } => true,
            Error::Io { source, .. } => {
                source.kind() == io::ErrorKind::NotFound || source.raw_os_error() == Some(libc::EIO)
            }
            Error::Locked { .. } | Error::Version { .. } | Error::NoRoom { .. } | Error::Poisoned => false,
        }
    }

    /// Whether a file that must be there is not.
    pub(crate) fn tells_of_missing_file(&self) -> bool {
        matches!(self, Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Tells want of room from every other failure to make a file.
    pub(crate) fn or_no_room(self) -> Error {
        let full = |source: &io::Error| {
            matches!(source.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT | libc::EFBIG))
        };
        match self {
            Error::Io { file, source, .. } if full(&source) => Error::NoRoom { file, source },
            other => other,
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
