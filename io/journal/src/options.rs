//! What may be chosen when a log is opened for writing.

/// How a log is opened for writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Length of a segment. Bytes; 4 KiB at least, default 64 MiB. Prepared ahead of need, so up to twice as
    /// much is taken before it is used. A record that is longer gets a longer segment.
    pub segment_bytes: u64,
    /// Scheduling priority asked for the writer's thread, -20..=19, best effort. Default -10: a busy machine
    /// otherwise adds whole scheduler ticks to each commit.
    pub nice: i32,
}

impl Default for Options {
    fn default() -> Options {
        Options { segment_bytes: 64 << 20, nice: -10 }
    }
}
