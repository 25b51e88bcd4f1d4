//! Followers: they read the log behind the writer. One writes checkpoints; the other checks old parts of the log for
//! damage.

pub mod checkpoint;
pub mod scrub;

use rustix::process::setpriority_process;

/// Lowers the priority of the calling thread to `nice`, so that play goes first when there are too few cores.
fn step_back(nice: i32) {
    // On Linux, "this process" is the calling thread.
    if setpriority_process(None, nice).is_err() {
        tracing::debug!("a follower keeps the priority of play");
    }
}
