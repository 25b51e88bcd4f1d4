//! Followers: they read the log behind the writer and keep something of their own: the checkpoint, and the certainty that
//! what was written long ago is still what it was.

pub mod checkpoint;
pub mod scrub;

/// Lets play go first where there are fewer cores than work: lowers the priority of the calling thread.
fn step_back(nice: libc::c_int) {
    // SAFETY: takes three integers and touches no memory of ours. On Linux, 0 names the calling thread.
    let refused = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) } != 0;
    if refused {
        tracing::debug!("a follower keeps the priority of play");
    }
}
