//! Figures of a store.

/// What a store holds, and what it has written since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Entries of the runs of the rows, superseded and removed ones included.
    pub rows: u64,
    /// Entries of the runs of the keys.
    pub keys: u64,
    /// Live runs.
    pub runs: u64,
    /// Length of the live runs. Bytes.
    pub disk_bytes: u64,
    /// What filters and indexes of the live runs use in memory. Bytes.
    pub memory_bytes: u64,
    /// About how many merges are due. It rises while merges are slower than commits.
    pub merges_due: u64,
    /// Written by commits: runs and manifests. Bytes.
    pub committed_bytes: u64,
    /// Written by merges. Bytes; over `committed_bytes` it is the write amplification, less one.
    pub merged_bytes: u64,
    /// Commits that have returned.
    pub commits: u64,
    /// Merges that are finished.
    pub merges: u64,
}
