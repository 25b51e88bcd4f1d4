//! What a power failure takes.

/// What a power failure takes of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// All of it.
    All,
    /// A part of it, at random.
    Part,
}

/// What a power failure has taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Bytes written and not kept.
    pub bytes: u64,
    /// Changes of lengths that were not kept.
    pub lengths: u64,
    /// Changes of names that were not kept.
    pub names: u64,
}
