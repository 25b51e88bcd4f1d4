//! A state store for one proof, in the system's directory for temporary files (`TMPDIR`): so a log of any length is proven
//! in bounded memory. It is removed when the proof is over.

use journal::file::Directory;
use tempfile::TempDir;

use super::Error;

/// A directory of its own, removed with this.
pub struct Scratch(TempDir);

impl Scratch {
    /// Makes the directory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Self, Error> {
        let made = tempfile::Builder::new().prefix("hub-verify-").tempdir();
        made.map(Self).map_err(|source| Error::Scratch { directory: std::env::temp_dir(), source })
    }

    /// The storage of a store in it.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn storage(&self) -> Result<Directory, Error> {
        Ok(Directory::create(self.0.path())?)
    }
}
