//! The limit of open files: each connection needs one.

use crate::telemetry::events as telemetry;

/// Files the hub needs besides connections: segments, checkpoints, Redis, its own threads.
const BESIDES: u64 = 256;

/// Raises this process's limit of open files to what `connections` need, as far as the system lets it, and says so
/// when that is not enough: connections above the limit would be refused by the kernel, without a word.
pub fn allow(connections: u64) {
    let needed = connections + BESIDES;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the call writes the struct it is given and nothing else.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 || limit.rlim_cur >= needed {
        return;
    }
    limit.rlim_cur = needed.min(limit.rlim_max);
    // SAFETY: the call reads the struct it is given and nothing else.
    let raised = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } == 0;
    if !raised || limit.rlim_cur < needed {
        let allowed = limit.rlim_cur;
        telemetry::few_files(needed, allowed);
    }
}
