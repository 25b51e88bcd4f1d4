//! The place where a follower of a log goes on: the end of a batch, in a lineage.

use std::fmt;

use crate::Lsn;

/// Identifies a lineage: a random number. The first one of a log has the log's own id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct LineageId(pub [u8; 16]);

impl fmt::Display for LineageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The end of a batch: where a follower goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cursor {
    /// The lineage of the log at that time.
    pub lineage: LineageId,
    /// The last record of the batch; 0 at the beginning of the log.
    pub lsn: Lsn,
    /// The hash of the batch; zeros at the beginning of the log.
    pub hash: [u8; 32],
}
