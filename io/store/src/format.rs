//! What all files of the store have in common: the version, the checksum, and how numbers are read. Little-endian.

/// The version of the format that this release writes and reads: of the manifest and of the runs it names.
pub(crate) const VERSION: u32 = 1;

/// Where bytes belong; part of their checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Site {
    /// The number of the file.
    pub number: u64,
    /// The offset in it. Bytes.
    pub offset: u64,
}

impl Site {
    /// The checksum of bytes at this place.
    pub fn crc(self, bytes: &[u8]) -> u32 {
        let mut seed = [0; 16];
        seed[..8].copy_from_slice(&self.number.to_le_bytes());
        seed[8..].copy_from_slice(&self.offset.to_le_bytes());
        crc32c::crc32c_append(crc32c::crc32c(&seed), bytes)
    }
}

/// The number of 4 bytes at an offset; the caller knows that they are there.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

/// The number of 8 bytes at an offset; the caller knows that they are there.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

/// The bytes at an offset; the caller knows that they are there.
pub(crate) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the range has the length of the array")
}
