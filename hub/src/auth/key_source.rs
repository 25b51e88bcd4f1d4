//! Where an issuer's set of keys is: a file, which another program may replace at any time.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{KeySet, KeySetError, jwk::SET_BYTES_MAX};

/// Where a set of keys is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file with the set.
    File(PathBuf),
}

/// A set of keys could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file.
    #[error("failed to read {path}")]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was read.
    #[error("{place} cannot be used: {why}")]
    Set {
        /// Where it was read.
        place: String,
        /// Why.
        why: KeySetError,
    },
}

/// What tells that a file was not changed: it is the same file, of the same length and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStamp {
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl KeySource {
    /// Reads the set. It may wait for a disk.
    ///
    /// # Errors
    /// Why there is none.
    pub fn read(&self) -> Result<KeySet, SourceError> {
        let text = match self {
            Self::File(path) => {
                bytes_of(path).map_err(|source| SourceError::File { path: path.clone(), source })?
            }
        };
        KeySet::parse(&text).map_err(|why| SourceError::Set { place: self.to_string(), why })
    }

    /// What tells whether the set was changed, without reading it; `None` when only reading tells.
    #[must_use]
    pub fn stamp(&self) -> Option<FileStamp> {
        match self {
            Self::File(path) => {
                let meta = fs::metadata(path).ok()?;
                let changed = (meta.mtime(), meta.mtime_nsec());
                Some(FileStamp { inode: meta.ino(), length: meta.len(), changed })
            }
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
        }
    }
}

/// The bytes of a file: one more than a set may have, at most.
fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    file.take(SET_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
