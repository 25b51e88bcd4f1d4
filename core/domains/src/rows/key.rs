//! What identifies a row.

use ledger::{Print, codec::Encoder};

/// Longest key of a row, bytes.
pub const KEY_BYTES_MAX: usize = 37;

/// Identifies a row: its kind, and its key among the rows of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    kind: u16,
    length: u8,
    bytes: [u8; KEY_BYTES_MAX],
}

impl RowKey {
    /// The key of a row of this kind; `None` when it is longer than [`KEY_BYTES_MAX`].
    #[must_use]
    pub fn new(kind: u16, key: &[u8]) -> Option<Self> {
        let mut bytes = [0; KEY_BYTES_MAX];
        bytes.get_mut(..key.len())?.copy_from_slice(key);
        Some(Self { kind, length: key.len() as u8, bytes })
    }

    /// The kind of the row.
    #[must_use]
    pub fn kind(&self) -> u16 {
        self.kind
    }

    /// The key's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// The print of a row with this value, for the digest of its kind.
pub(super) fn print(key: &RowKey, value: &[u8]) -> Print {
    let mut encoder = Encoder::plain(64);
    encoder.uint(key.kind.into());
    encoder.bytes(key.as_bytes());
    encoder.raw(value);
    Print::of(encoder.as_bytes())
}
