//! A file that keeps something over a restart: read once, replaced whole, synced before it takes the old one's place.
//!
//! It is no part of the log and no system of record: without it, alerts begin anew and what is usual is learnt again.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

/// Longest file that is read, bytes.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A file that keeps one value.
#[derive(Debug, Clone)]
pub struct KeptFile(PathBuf);

impl KeptFile {
    /// The file of this name in a directory of its own beside the log.
    #[must_use]
    pub fn of(data: &Path, name: &str) -> Self {
        Self(data.join("monitoring").join(name))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What it keeps; `None` when there is no file.
    ///
    /// # Errors
    /// When it cannot be read, or has something else.
    pub fn read<T: DeserializeOwned>(&self) -> io::Result<Option<T>> {
        let length = match fs::metadata(&self.0) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if length > BYTES_MAX {
            return Err(io::Error::other(format!("it has {length} bytes, more than the hub writes")));
        }
        serde_json::from_slice(&fs::read(&self.0)?).map(Some).map_err(io::Error::other)
    }

    /// Replaces it.
    ///
    /// # Errors
    /// When it cannot be written: then the old one stays.
    pub fn write<T: Serialize>(&self, value: &T) -> io::Result<()> {
        let directory = self.0.parent().unwrap_or(Path::new("."));
        // Closed to others, as the directory of the log is.
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let partial = self.0.with_extension("partial");
        let mut file = File::create(&partial)?;
        file.write_all(&serde_json::to_vec(value).map_err(io::Error::other)?)?;
        file.sync_all()?;
        fs::rename(&partial, &self.0)?;
        File::open(directory)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_whole_or_not_at_all() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = KeptFile::of(directory.path(), "x.json");
        assert_eq!(file.read::<Vec<u8>>().expect("no file is no fault"), None);
        file.write(&vec![1, 2]).expect("a disk");
        file.write(&vec![3]).expect("a disk");
        // What a crash leaves while a newer one is written.
        fs::write(file.path().with_extension("partial"), "[4").expect("a disk");
        assert_eq!(file.read::<Vec<u8>>().expect("it is whole"), Some(vec![3]));
        fs::write(file.path(), "[3").expect("a disk");
        assert!(file.read::<Vec<u8>>().is_err(), "it was damaged");
        file.write(&vec![5]).expect("and is replaced");
        assert_eq!(file.read::<Vec<u8>>().expect("it is whole"), Some(vec![5]));
    }
}
