//! Errors of the log: an operation of the system failed, or the files are not as they were written.
//!
//! This crate retries only the making of a new segment's file. Nearly every error names the file, and damage also the
//! offset, so that an operator knows what to restore.

use std::io;
use std::path::{Path, PathBuf};

use crate::{LineageId, Lsn, format::VERSION};

/// Why the log could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process (or another part of this one) has the log open for writing.
    #[error("log in {} is locked by {}", dir.display(), holder(*pid))]
    Locked {
        /// The directory of the log.
        dir: PathBuf,
        /// The process that holds the lock, when the file `lock` names it.
        pid: Option<u32>,
    },
    /// Bytes that had been synced are not what was written. Nothing was changed; restore the file from a copy.
    #[error("log is damaged in {} at offset {offset}: {what}", file.display())]
    Damaged {
        /// The damaged file.
        file: PathBuf,
        /// Where the first bad structure begins in the file. Bytes.
        offset: u64,
        /// What was found there.
        what: &'static str,
    },
    /// The hash of a batch does not match although its checksums do: a record in it or before it was altered or moved.
    #[error("hash chain breaks at record {} in {} at offset {offset}", lsn.0, file.display())]
    Chain {
        /// The file of the batch.
        file: PathBuf,
        /// Where the batch begins. Bytes.
        offset: u64,
        /// The first record of the batch.
        lsn: Lsn,
    },
    /// Records that must exist are not in any segment.
    #[error("log has no record {} in {}: {what}", lsn.0, place.display())]
    Missing {
        /// The segment's file where it is known, otherwise the directory of the log.
        place: PathBuf,
        /// The first missing record.
        lsn: Lsn,
        /// Why the record must exist.
        what: &'static str,
    },
    /// Records were removed from the log on purpose, after they were archived.
    #[error(
        "record {} was removed from {} after it was archived: the log begins at record {} (docs/operating.md, archive)",
        lsn.0, place.display(), first.0
    )]
    Removed {
        /// The directory of the log.
        place: PathBuf,
        /// The first record that is needed.
        lsn: Lsn,
        /// The first record that the log keeps.
        first: Lsn,
    },
    /// A record that was removed from the log cannot be read from its archive. That says nothing about the log.
    #[error("record {} was removed from the log, and cannot be read from the archive", lsn.0)]
    NotFetched {
        /// The first record that is needed.
        lsn: Lsn,
        /// Whether what the archive has is wrong, and somebody must look. Otherwise the archive cannot be reached or used
        /// now, and the same may succeed later.
        wrong: bool,
        /// The error of the archive, which names the object.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The log ends before a record that a file beside it tells of: records were lost, or the directory is a restored
    /// copy.
    #[error(
        "log ends at record {} in {}, and {} tells of record {}: records are missing, or it is a restored copy",
        last.0, place.display(), file.display(), lsn.0
    )]
    Ends {
        /// The last segment, or the one that should follow.
        place: PathBuf,
        /// The last record.
        last: Lsn,
        /// The file that tells of a later one.
        file: PathBuf,
        /// The record that it tells of.
        lsn: Lsn,
    },
    /// A position of a lineage that the log has abandoned before it, or never had: it is of a future that was lost when
    /// a copy was restored.
    #[error("{} is at record {} of lineage {lineage}, which {}", file.display(), lsn.0, abandoned(*forked))]
    Abandoned {
        /// Where the position was kept.
        file: PathBuf,
        /// Its record.
        lsn: Lsn,
        /// Its lineage.
        lineage: LineageId,
        /// The last record that the log has of that lineage; `None` when it never had it.
        forked: Option<Lsn>,
    },
    /// The directory is not the one in which the log was opened: it was removed, replaced or unmounted. Records written
    /// since then are in files that the next start will not find.
    #[error("the directory of the log, {}, is not the one that was opened: {what}", dir.display())]
    Gone {
        /// The path of the directory.
        dir: PathBuf,
        /// What is at the path now.
        what: &'static str,
    },
    /// There is no room for a new segment. Nothing was changed; it may be tried again.
    #[error("no room for a new segment, {}", file.display())]
    NoRoom {
        /// The file that was being made.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A new segment's file cannot be made for another reason than room, such as too many open files. Nothing was
    /// changed; it may be tried again.
    #[error("a new segment, {}, cannot be made", file.display())]
    NotMade {
        /// The file that was being made.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A segment of another log lies in the directory.
    #[error("{} belongs to another log", file.display())]
    Foreign {
        /// The segment.
        file: PathBuf,
    },
    /// A file has a format version that this release does not read.
    #[error(
        "{} has format version {version}, and this release reads version {VERSION}: {} (docs/operating.md, upgrade and \
         rollback)",
        file.display(), advice(*version)
    )]
    Version {
        /// The file.
        file: PathBuf,
        /// The version it states.
        version: u32,
    },
    /// An operation of the operating system failed.
    #[error("cannot {action} {}", file.display())]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// The file or directory.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// Another writer has the log since.
    #[error("the log is another writer's: this one, of epoch {epoch}, may not append record {} and the ones behind it", first.0)]
    Fenced {
        /// The epoch of the writer that is refused.
        epoch: u32,
        /// The first record of the batch that is not in the log.
        first: Lsn,
    },
    /// An earlier write or sync failed; what is on disk is unknown until the log is opened again.
    #[error("log takes no more records after a failed write")]
    Poisoned,
}

/// An error and its causes in one line, for people.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

impl Error {
    /// For `map_err`: an [`Error::Io`] with what was tried, and on which file.
    pub(crate) fn io(action: &'static str, file: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { action, file: file.as_ref().to_owned(), source }
    }
}

impl Error {
    /// The error and its causes in one line, for people.
    pub fn with_causes(&self) -> String {
        with_causes(self)
    }

    /// Whether the error shows that the log is damaged or gone.
    pub fn tells_of_damage(&self) -> bool {
        match self {
            Error::Damaged { .. }
            | Error::Chain { .. }
            | Error::Missing { .. }
            | Error::Ends { .. }
            | Error::Abandoned { .. }
            | Error::Foreign { .. }
            | Error::Gone { .. } => true,
            Error::Io { source, .. } => {
                source.kind() == io::ErrorKind::NotFound || source.raw_os_error() == Some(libc::EIO)
            }
            Error::Locked { .. }
            | Error::Removed { .. }
            | Error::NotFetched { .. }
            | Error::Version { .. }
            | Error::NoRoom { .. }
            | Error::NotMade { .. }
            | Error::Fenced { .. }
            | Error::Poisoned => false,
        }
    }

    /// Whether the error shows that the files are gone, cut or replaced: the next start will not find what is written
    /// now. A check that the system refused shows nothing.
    pub(crate) fn tells_of_loss(&self) -> bool {
        match self {
            Error::Damaged { .. }
            | Error::Chain { .. }
            | Error::Missing { .. }
            | Error::Ends { .. }
            | Error::Abandoned { .. }
            | Error::Foreign { .. }
            | Error::Gone { .. } => true,
            Error::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
            }
            Error::Locked { .. }
            | Error::Removed { .. }
            | Error::NotFetched { .. }
            | Error::Version { .. }
            | Error::NoRoom { .. }
            | Error::NotMade { .. }
            | Error::Fenced { .. }
            | Error::Poisoned => false,
        }
    }

    /// Whether nothing was changed, and the same operation may succeed later.
    pub(crate) fn may_be_tried_again(&self) -> bool {
        matches!(self, Error::NoRoom { .. } | Error::NotMade { .. })
    }

    /// For a file that is being made and is still empty: turns an error of a full disk or quota into [`Error::NoRoom`],
    /// and want of open files, memory or rights into [`Error::NotMade`].
    pub(crate) fn or_not_made(self) -> Error {
        match self {
            Error::Io { file, source, .. } if is_full(&source) => Error::NoRoom { file, source },
            Error::Io { file, source, .. } if may_pass(&source) => Error::NotMade { file, source },
            other => other,
        }
    }
}

fn is_full(source: &io::Error) -> bool {
    matches!(source.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT | libc::EFBIG))
}

/// Whether the process or the system lacks open files, memory, or the right to write.
fn may_pass(source: &io::Error) -> bool {
    let number = source.raw_os_error();
    let lacks = matches!(number, Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::EAGAIN));
    lacks || matches!(number, Some(libc::EACCES | libc::EPERM | libc::EROFS))
}

fn abandoned(forked: Option<Lsn>) -> String {
    forked.map_or_else(
        || "this log does not have".to_owned(),
        |last| format!("this log abandoned at record {}, when a copy was restored", last.0),
    )
}

/// What to do about a file of another version.
fn advice(version: u32) -> &'static str {
    if version > VERSION {
        "a later release wrote it. Go on with that release or a later one, on the same directory"
    } else {
        "go on with the build that wrote it, or begin a new log in another journal.directory"
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
