//! A copy of the people store, for a backup: the database as of one moment, and the key file that fits it.

use std::{fs, io, path::Path};

use crate::{
    Error,
    database::{Database, remove_if_there},
    keyfile::KEYS,
};

/// How often a copy is tried, when the key file is written meanwhile. It is written once for thousands of people, and with
/// each erasure.
const TRIES: usize = 5;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeopleCopy {
    /// The bytes of the key file, in which every key is wrapped; `None` when making the store was interrupted before it.
    pub keys: Option<Vec<u8>>,
}

/// Copies the database of a directory to a file that does not exist, as of one moment, and reads the key file of that
/// moment. `None` when there is no people store. Another process may use it; enrolling waits while the database is copied, about
/// a second for a gigabyte. Needs no master key, so nothing is authenticated.
///
/// # Errors
/// When it cannot be copied, is in use for longer than [`Error::InUse`] waits, or is no people database of this release.
pub fn copy(directory: &Path, to: &Path) -> Result<Option<PeopleCopy>, Error> {
    let mut before = keys(directory)?;
    for _ in 0..TRIES {
        let Some(database) = Database::open(directory)? else { return Ok(None) };
        database.copy(to).or_else(|error| remove_if_there(to).and(Err(error)))?;
        // An erasure destroys the key before the row: with the same keys before and after, every row has its key.
        let after = keys(directory)?;
        if before == after {
            return Ok(Some(PeopleCopy { keys: after }));
        }
        remove_if_there(to)?;
        before = after;
    }
    Err(Error::InUse { file: directory.join(KEYS) })
}

fn keys(directory: &Path) -> Result<Option<Vec<u8>>, Error> {
    let path = directory.join(KEYS);
    match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(Error::io("read", &path)),
    }
}
