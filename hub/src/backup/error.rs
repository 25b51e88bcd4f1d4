//! Why there is no backup, or why one was not restored. Errors name the file.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::recovery::{self, Head};

/// A backup could not be made or restored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is there to be copied.
    #[error("there is no log in {0}")]
    NoLog(String),
    /// A backup or a restored log is put together in a directory of its own.
    #[error("{} is not empty: give a directory that is new or empty", .0.display())]
    NotEmpty(PathBuf),
    /// The backup would be lost with the log.
    #[error("{} is in the directory of the log: a backup is kept apart from it, best on another disk", .0.display())]
    BesideLog(PathBuf),
    /// The key file would be copied with what it opens.
    #[error("{} is in the directory of the backup: keys are kept apart from it", .0.display())]
    KeysInside(PathBuf),
    /// The backup would be copied with the key file.
    #[error("the directory of the backup is in {}: keys are kept apart from it", .0.display())]
    KeysAround(PathBuf),
    /// There are no keys to be copied.
    #[error("the people store has no key file yet, so there is nothing for --keys-to")]
    NoKeys,
    /// The log cannot be read.
    #[error("failed to read the log")]
    Journal(#[from] journal::Error),
    /// The state store cannot be read, and the log does not have all its records, so it could not be built again.
    #[error("failed to read the state store, and the oldest segments of the log were removed")]
    Store(#[source] store::Error),
    /// The people store cannot be copied.
    #[error("failed to copy the people store")]
    People(#[from] people::Error),
    /// The operating system refused something.
    #[error("failed to {action} {}", file.display())]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// The file or directory.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// There is no inventory, which is written last.
    #[error("{} has no whole backup: the file backup.json is missing", .0.display())]
    NotWhole(PathBuf),
    /// A later release made the backup.
    #[error("{} is a backup of format {found}, and this release reads format {reads}", file.display())]
    Newer {
        /// The inventory.
        file: PathBuf,
        /// The format it states.
        found: u32,
        /// The format that this release reads.
        reads: u32,
    },
    /// A file of the backup is not what was written. Nothing was restored.
    #[error("backup is damaged in {}: {what}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// An earlier restore ended while the files were given their places, or right behind that.
    #[error(
        "an earlier restore into {} was interrupted {}", .directory.display(),
        if *.whole {
            "when every file had its place: the log there is whole. Remove the empty folder restoring, and start the hub; or \
             restore into another directory"
        } else {
            "while files were given their places, and no hub starts on what is there: remove all of it, and restore again"
        }
    )]
    Interrupted {
        /// The directory of the log.
        directory: PathBuf,
        /// Whether every file has its place.
        whole: bool,
    },
    /// Every file has its place, and what is left to do failed.
    #[error("the restored log in {} is whole, and a hub can start on it; what failed came behind that", directory.display())]
    AtTheEnd {
        /// The directory of the log.
        directory: PathBuf,
        /// What failed.
        source: Box<Error>,
    },
    /// The restored log is refused, as a start would refuse it.
    #[error("failed to prove the restored log; nothing is left of it in {}", directory.display())]
    Unproven {
        /// Where it was restored.
        directory: PathBuf,
        /// Why.
        source: Box<recovery::Error>,
    },
    /// The restored log is sound, and another one than the inventory says.
    #[error("the restored log ends with {found}, and the inventory says {expected}")]
    OtherEnd {
        /// Where the log ends.
        found: Head,
        /// Where it was cut.
        expected: Head,
    },
    /// The answer could not be written.
    #[error("failed to write the answer")]
    Write(#[source] io::Error),
}

impl Error {
    /// For `map_err`: an [`Error::Io`] with what was tried, and on which file.
    pub(super) fn io(action: &'static str, file: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, file: file.as_ref().to_owned(), source }
    }

    /// A file of a backup that is not as it was written.
    pub(super) fn damaged(file: impl AsRef<Path>, what: &'static str) -> Self {
        Self::Damaged { file: file.as_ref().to_owned(), what }
    }
}
