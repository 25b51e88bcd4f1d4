//! A copy of the people store, for a backup: the database as of one moment, and the key file that fits it.

use std::{fs, io, path::Path, thread, time::Duration};

use crate::{
    Error,
    database::{Database, remove_if_there},
    keyfile::{self, KEYS},
};

/// How often a copy is tried, and how long it waits in between, when people are erased meanwhile: an erasure destroys
/// the key some milliseconds before the row.
const TRIES: usize = 20;
const WAIT: Duration = Duration::from_millis(50);

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeopleCopy {
    /// The bytes of the key file, in which every key is wrapped; `None` when making the store was interrupted before
    /// it.
    pub keys: Option<Vec<u8>>,
    /// Number of people in the database whose key is not in the key file. Not 0 only when an erasure was interrupted:
    /// the log has its record, and a start carries it out.
    pub keyless: u64,
}

/// Copies the database of a directory to a file that does not exist, as of one moment, and reads the key file after it,
/// which has the keys of all people in the copy but for [`PeopleCopy::keyless`]. `None` when there is no people store.
/// Another process may use it; enrolling waits while the database is copied, about a second for a gigabyte. Needs no
/// master key, so nothing is authenticated.
///
/// # Errors
/// When it cannot be copied, is in use for longer than [`Error::InUse`] waits, or is no people store of this release.
pub fn copy(directory: &Path, to: &Path) -> Result<Option<PeopleCopy>, Error> {
    for again in (0..TRIES).rev() {
        let Some(mut database) = Database::open(directory)? else { return Ok(None) };
        let rows = database.copy(to)?;
        // Read behind the copy: a key is on disk before its row.
        let path = directory.join(KEYS);
        let keys = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            read => Some(read.map_err(Error::io("read", &path))?),
        };
        let slots =
            keys.as_deref().map(|bytes| keyfile::slots(bytes, &path)).transpose()?.unwrap_or_default();
        let keyless = rows.iter().filter(|slot| !slots.contains(slot)).count() as u64;
        if keyless == 0 || again == 0 {
            return Ok(Some(PeopleCopy { keys, keyless }));
        }
        remove_if_there(to)?;
        thread::sleep(WAIT);
    }
    Ok(None)
}
