//! The log with what was removed from it, as the configuration names its archive: for a start that builds the state store
//! again, for `hub verify --archive`, and for followers that are far behind.

use std::{sync::Arc, time::Duration};

use ::archive::{Archive, RetryRule, WholeLog};
use journal::{Files, LogRecords, file::Directory, storage::Storage};

/// How long a call to the archive is repeated. A start that cannot have what it needs is given again by whoever watches it, and
/// a follower tries again by itself.
const WITHIN: Duration = Duration::from_secs(10);

/// The records of a log that is only looked at, and of the archive at `to`; `None` when that is empty. The archive is
/// opened when a removed record is asked for.
///
/// # Errors
/// When the files of the log cannot be read.
pub fn whole_of_files<S: Storage>(
    to: &str,
    files: &Files<S>,
) -> Result<Option<Arc<dyn LogRecords>>, journal::Error> {
    if to.is_empty() {
        return Ok(None);
    }
    let storage = files.storage().clone();
    let log = Arc::new(Files::over(storage.clone())?);
    Ok(Some(Arc::new(whole(to, log, storage))))
}

/// The same of a log that is being written in a directory.
///
/// # Errors
/// When the directory cannot be used.
pub fn whole_of_log(
    to: &str,
    log: Arc<dyn LogRecords>,
    directory: &std::path::Path,
) -> Result<Option<Arc<dyn LogRecords>>, journal::Error> {
    if to.is_empty() {
        return Ok(None);
    }
    Ok(Some(Arc::new(whole(to, log, Directory::open(directory)?))))
}

fn whole<S: Storage>(to: &str, log: Arc<dyn LogRecords>, storage: S) -> WholeLog<S> {
    let to = to.to_owned();
    let open = move || Archive::open(&to, RetryRule { within: WITHIN, ..RetryRule::default() });
    WholeLog::new(log, storage, open, std::env::temp_dir())
}
