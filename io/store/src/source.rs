//! Where views read files from: any storage, without its type.
//!
//! A file is opened for each look-up and each scan. So the number of open files does not depend on the number of runs;
//! opening costs a few microseconds beside a read of 16 KiB.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use journal::storage::{File, Storage};

use crate::Error;

/// A file that is open for reading.
pub(crate) trait ReadAt: Send {
    /// Reads at an offset until `bytes` is full or the file ends; returns how many were read.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;
}

impl<F: File> ReadAt for F {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        File::read_at(self, offset, bytes)
    }
}

/// A flat directory of files to read.
pub(crate) trait RunSource: Send + Sync {
    /// Opens a file.
    fn open(&self, name: &str) -> io::Result<Box<dyn ReadAt>>;
    /// Its path, for messages.
    fn path(&self, name: &str) -> PathBuf;
}

impl<S: Storage> RunSource for S {
    fn open(&self, name: &str) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(self.read(name)?))
    }

    fn path(&self, name: &str) -> PathBuf {
        Storage::path(self, name)
    }
}

/// The file of a run, open for reading.
pub(crate) struct OpenRun {
    file: Box<dyn ReadAt>,
    source: Arc<dyn RunSource>,
    name: String,
}

impl OpenRun {
    /// Opens a file of the store. One that is missing is damage: the manifest names only files that exist.
    pub fn open(source: &Arc<dyn RunSource>, name: String) -> Result<OpenRun, Error> {
        match source.open(&name) {
            Ok(file) => Ok(OpenRun { file, source: source.clone(), name }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::Damaged { file: source.path(&name), offset: 0, what: "the file is missing" })
            }
            Err(error) => Err(Error::io("open", source.path(&name))(error)),
        }
    }

    /// Reads `len` bytes.
    pub fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; len];
        let read = self.file.read_at(offset, &mut bytes);
        if read.map_err(Error::io("read", self.source.path(&self.name)))? < len {
            return Err(self.damaged(offset, "the file ends before what the manifest states"));
        }
        Ok(bytes)
    }

    /// An [`Error::Damaged`] of this file.
    pub fn damaged(&self, offset: u64, what: &'static str) -> Error {
        Error::Damaged { file: self.source.path(&self.name), offset, what }
    }
}
