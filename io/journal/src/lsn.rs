//! The lsn, which is the place of a record in the log, and the largest size of a record.

/// Largest record. Bytes.
pub const MAX_RECORD: usize = 16 << 20;

/// The place of a record in the log. The first record has 1; 0 means "no record yet".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Lsn(pub u64);

impl Lsn {
    /// Above every record; as a limit it means "no limit".
    pub const MAX: Lsn = Lsn(u64::MAX);

    /// The next lsn.
    pub fn next(self) -> Lsn {
        Lsn(self.0.saturating_add(1))
    }
}
