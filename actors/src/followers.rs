//! Followers: they read the log behind the writer. One writes checkpoints; the other checks old parts of the log for
//! damage.

pub mod checkpoint;
pub mod scrub;

/// Lowers the priority of the calling thread to `nice`, so that play goes first when there are too few cores.
fn step_back(nice: libc::c_int) {
    // SAFETY: takes three integers and touches no memory of ours. On Linux, 0 names the calling thread.
    let refused = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) } != 0;
    if refused {
        tracing::debug!("a follower keeps the priority of play");
    }
}
