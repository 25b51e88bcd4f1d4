//! What can be set of a store. The defaults are measured (docs/performance.md); tests use small numbers.

/// Sizes of the pieces that a store is made of. They may change between two starts: a store can be read with any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Entries of a full run, 4 or more. Most files have about so many, and a merge four times as many. Building a
    /// filter needs about 35 bytes for each, twice as many entries at most.
    pub run_entries: u64,
    /// Bytes of keys and values at which a block is ended. A look-up reads one block; each block has 12 bytes of index
    /// in memory.
    pub block_bytes: usize,
    /// Entries that one call of [`Store::merge_step`](crate::Store::merge_step) reads at most.
    pub piece_entries: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { run_entries: 1 << 18, block_bytes: 16 << 10, piece_entries: 1 << 15 }
    }
}
