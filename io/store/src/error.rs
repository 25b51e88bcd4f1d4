//! Errors of the store: an operation of the system failed, or the files are not as they were written.
//!
//! The store is derived from the log, so no error loses anything: a store that cannot be read is removed and built
//! again. Errors name the file, and damage also the offset.

use std::io;
use std::path::{Path, PathBuf};

use crate::format::VERSION;

/// Why the store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Bytes are not what was written, or a file is missing. Remove the store and build it again.
    #[error("state store is damaged in {} at offset {offset}: {what}", file.display())]
    Damaged {
        /// The damaged file.
        file: PathBuf,
        /// Where the bad structure begins. Bytes.
        offset: u64,
        /// What was found there.
        what: &'static str,
    },
    /// The store has a format version that this release does not read. Remove the store and build it again.
    #[error("{} has format version {version}, and this release reads version {VERSION}", file.display())]
    Version {
        /// The manifest.
        file: PathBuf,
        /// The version it states.
        version: u32,
    },
    /// A value or the text beside the cursor is larger than the store takes. Nothing was changed.
    #[error("state store takes at most {most} bytes here, and was given {bytes}")]
    TooLarge {
        /// The length that was given. Bytes.
        bytes: usize,
        /// The largest length. Bytes.
        most: usize,
    },
    /// The directory cannot be used; for instance, another process has it.
    #[error("cannot use the directory of the state store")]
    Directory(#[source] journal::Error),
    /// An operation of the operating system failed. A commit or merge that failed may be tried again.
    #[error("cannot {action} {}", file.display())]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// The file or directory.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: an [`Error::Io`] with what was tried, and on which file.
    pub(crate) fn io(action: &'static str, file: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { action, file: file.as_ref().to_owned(), source }
    }

    /// Whether the store has to be removed and built again before it can be used.
    pub fn needs_a_new_store(&self) -> bool {
        match self {
            Error::Damaged { .. } | Error::Version { .. } => true,
            Error::TooLarge { .. } | Error::Directory(_) | Error::Io { .. } => false,
        }
    }

    /// The error and its causes in one line, for people.
    pub fn with_causes(&self) -> String {
        journal::with_causes(self)
    }
}
