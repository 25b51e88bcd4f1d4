//! The limit of open files: each connection needs one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::telemetry::events as telemetry;

/// Files the hub needs besides connections: segments, the state store, Redis, its own threads.
const BESIDES: u64 = 256;

/// Raises this process's limit of open files to what `connections` need, as far as the system lets it, and says so
/// when that is not enough: connections above the limit would be refused by the kernel, without a word.
pub fn allow(connections: u64) {
    let needed = connections + BESIDES;
    let limit = getrlimit(Resource::Nofile);
    // No limit at all is enough.
    let Some(current) = limit.current.filter(|current| *current < needed) else { return };
    let wanted = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit });
    let allowed = if raised.is_ok() { wanted } else { current };
    if allowed < needed {
        telemetry::few_files(needed, allowed);
    }
}

/// Raises this process's limit of open files as far as the system lets it: a backup opens every file of log and store.
pub fn allow_all() {
    let limit = getrlimit(Resource::Nofile);
    // What is not allowed shows when a file cannot be opened.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}
