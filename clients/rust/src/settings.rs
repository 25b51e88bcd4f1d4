//! The settings of a client that reconnects by itself.

use std::time::Duration;

use crate::Options;

/// How a [`Resilient`](crate::Resilient) connects and waits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How each connection is made. `resume` is for the first; later ones go on where the last one ended.
    pub options: Options,
    /// Limit of the first wait after a failure.
    pub wait_base: Duration,
    /// Limit of any wait. A connection that lasted as long makes the next waits start from `wait_base` again.
    pub wait_max: Duration,
    /// Longest time one call may take over all attempts; a change's outcome is then reported as unknown. A longer wait
    /// that a hub asks for is cut to this.
    pub give_up_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            options: Options::default(),
            wait_base: Duration::from_millis(100),
            wait_max: Duration::from_secs(10),
            give_up_after: Duration::from_secs(120),
        }
    }
}
