//! The options of a log that is opened for writing.

/// The options of a log that is opened for writing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Length of a segment. Bytes; at least 4 KiB, default 64 MiB. The next segment is made ahead of need, so the log
    /// can take up to two segments more than its records. A batch that is longer gets a longer segment.
    pub segment_bytes: u64,
    /// Nice value requested for the writer's thread, -20..=19; ignored when the system refuses it. Default -10: a busy
    /// machine otherwise adds whole scheduler ticks to each commit.
    pub nice: i32,
}

impl Default for Options {
    fn default() -> Options {
        Options { segment_bytes: 64 << 20, nice: -10 }
    }
}
