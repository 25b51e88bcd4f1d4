//! The number of a record, and how long one may be.

/// Longest record. Bytes.
pub const MAX_RECORD: usize = 16 << 20;

/// The number of a record: its place in the log. The first is 1; 0 is "nothing yet".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Lsn(pub u64);

impl Lsn {
    /// Past every record: as a limit, "whatever is there".
    pub const MAX: Lsn = Lsn(u64::MAX);

    /// The number after this one.
    pub fn next(self) -> Lsn {
        Lsn(self.0.saturating_add(1))
    }
}
