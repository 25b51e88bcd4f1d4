//! The bytes of a segment: its header, the frames of its batches, the records in a frame. Little-endian.
//!
//! ```text
//! segment  = header (512) frame* zeros
//! header   = magic 8, version 4, epoch 4, log id 16, salt 16, first lsn 8, hash of the batch before it 32,
//!            file bytes 8, first lsn of the segment before 8, lineage 16, 0.., crc 4
//! frame    = magic 4, epoch 4, first lsn 8, count 4, body bytes 4, batch hash 32, zero 4, crc 4, record{count},
//!            zeros to 512
//! record   = payload bytes 4, crc 4, payload
//! ```
//! * A frame is one batch, one write and one sync. It fills whole 512-byte sectors, so that no later write
//!   touches a sector that holds acknowledged records.
//! * The salt is random, never leaves the files, and goes into each frame's checksum. So nobody can make a payload
//!   that looks like a frame to a recovery that searches for frames.
//! * A record's checksum continues from the one before it, starting at (salt, epoch, first lsn): a record
//!   moved within its batch, or a body under another header, does not check.
//! * A segment's file has its whole length from the time it gets its name, and its header states that length and the
//!   segment before. So a missing, shorter or longer file is noticed without reading the rest.
//! * A frame without records is a *mark*: it proves that everything before it had been synced. One is written
//!   by each writable open (it carries the new epoch) and one by each orderly stop. It repeats the hash of the batch
//!   before it.

use crate::Lsn;
use crate::cursor::{Cursor, LineageId};
use crate::proof::record_hash;

/// The version of the format that this release writes and reads.
pub(crate) const VERSION: u32 = 2;
/// Frames and headers begin at multiples of this, the smallest sector size in use. Bytes.
pub(crate) const BLOCK: usize = 512;
/// Length of a frame's header. Bytes.
pub(crate) const FRAME_HEADER: usize = 64;
/// Length of a record without its payload. Bytes.
pub(crate) const RECORD_HEADER: usize = 8;

const SEGMENT_MAGIC: [u8; 8] = *b"hub\0log\n";
const FRAME_MAGIC: [u8; 4] = *b"hubf";

/// The header of a segment, its first block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub id: [u8; 16],
    pub salt: [u8; 16],
    pub epoch: u32,
    /// The first record the segment holds, or will hold.
    pub first: Lsn,
    /// The hash of the batch before `first`.
    pub previous: [u8; 32],
    /// Length of the file. Bytes.
    pub bytes: u64,
    /// The first record of the segment before; 0 for the first segment.
    pub before: Lsn,
    /// The lineage of its records.
    pub lineage: LineageId,
}

/// Why a first block is not a segment header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderFlaw {
    Bad,
    Version(u32),
}

impl SegmentHeader {
    pub fn encode(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        block[..8].copy_from_slice(&SEGMENT_MAGIC);
        block[8..12].copy_from_slice(&VERSION.to_le_bytes());
        block[12..16].copy_from_slice(&self.epoch.to_le_bytes());
        block[16..32].copy_from_slice(&self.id);
        block[32..48].copy_from_slice(&self.salt);
        block[48..56].copy_from_slice(&self.first.0.to_le_bytes());
        block[56..88].copy_from_slice(&self.previous);
        block[88..96].copy_from_slice(&self.bytes.to_le_bytes());
        block[96..104].copy_from_slice(&self.before.0.to_le_bytes());
        block[104..120].copy_from_slice(&self.lineage.0);
        let crc = crc32c::crc32c(&block[..BLOCK - 4]);
        block[BLOCK - 4..].copy_from_slice(&crc.to_le_bytes());
        block
    }

    /// The end of the batch before the segment.
    pub fn follows(&self) -> Cursor {
        let lsn = Lsn(self.first.0.saturating_sub(1));
        Cursor { lineage: self.lineage, lsn, hash: self.previous }
    }

    pub fn decode(block: &[u8]) -> Result<SegmentHeader, HeaderFlaw> {
        let whole = block.len() == BLOCK && block[..8] == SEGMENT_MAGIC;
        if !whole || u32_at(block, BLOCK - 4) != crc32c::crc32c(&block[..BLOCK - 4]) {
            return Err(HeaderFlaw::Bad);
        }
        match u32_at(block, 8) {
            VERSION => Ok(SegmentHeader {
                epoch: u32_at(block, 12),
                id: array_at(block, 16),
                salt: array_at(block, 32),
                first: Lsn(u64_at(block, 48)),
                previous: array_at(block, 56),
                bytes: u64_at(block, 88),
                before: Lsn(u64_at(block, 96)),
                lineage: LineageId(array_at(block, 104)),
            }),
            version => Err(HeaderFlaw::Version(version)),
        }
    }
}

/// The header of a frame, before the records of its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub epoch: u32,
    pub first: Lsn,
    pub count: u32,
    /// Length of all records, without padding. Bytes.
    pub bytes: u32,
    /// The hash of the batch; of the batch before for a mark.
    pub hash: [u8; 32],
}

impl FrameHeader {
    /// Writes the header into the first bytes of `frame`.
    pub fn encode(&self, salt: &[u8; 16], frame: &mut [u8]) {
        frame[..4].copy_from_slice(&FRAME_MAGIC);
        frame[4..8].copy_from_slice(&self.epoch.to_le_bytes());
        frame[8..16].copy_from_slice(&self.first.0.to_le_bytes());
        frame[16..20].copy_from_slice(&self.count.to_le_bytes());
        frame[20..24].copy_from_slice(&self.bytes.to_le_bytes());
        frame[24..56].copy_from_slice(&self.hash);
        frame[56..60].fill(0);
        let crc = salted(salt, &frame[..60]);
        frame[60..64].copy_from_slice(&crc.to_le_bytes());
    }

    /// Decodes a header; `None` when the bytes are not a frame header of this log.
    pub fn decode(salt: &[u8; 16], bytes: &[u8]) -> Option<FrameHeader> {
        if bytes.len() < FRAME_HEADER || bytes[..4] != FRAME_MAGIC {
            return None;
        }
        (u32_at(bytes, 60) == salted(salt, &bytes[..60])).then(|| FrameHeader {
            epoch: u32_at(bytes, 4),
            first: Lsn(u64_at(bytes, 8)),
            count: u32_at(bytes, 16),
            bytes: u32_at(bytes, 20),
            hash: array_at(bytes, 24),
        })
    }

    /// Length on disk, header and padding included. Bytes.
    pub fn len(&self) -> usize {
        (FRAME_HEADER + self.bytes as usize).next_multiple_of(BLOCK)
    }

    /// Checks the checksum of every record and the padding of a whole frame. The batch's hash is checked by the reader,
    /// which knows the batch before.
    pub fn check(&self, salt: &[u8; 16], frame: &[u8]) -> Result<(), &'static str> {
        if frame.len() < self.len() {
            return Err("a batch is cut short");
        }
        let body = &frame[FRAME_HEADER..FRAME_HEADER + self.bytes as usize];
        let (mut crc, mut at) = (seed(salt, self.epoch, self.first), 0);
        for _ in 0..self.count {
            let record = RawEntry::parse(&body[at..]).ok_or("a record runs over its batch")?;
            crc = record.checksum(crc);
            if crc != record.crc {
                return Err("a record's checksum does not match");
            }
            at += record.len();
        }
        if at != body.len() {
            return Err("a batch holds more than its records");
        }
        if frame[FRAME_HEADER + at..self.len()].iter().any(|byte| *byte != 0) {
            return Err("a batch's padding is not zero");
        }
        Ok(())
    }
}

/// One record in a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawEntry<'a> {
    crc: u32,
    pub payload: &'a [u8],
}

impl<'a> RawEntry<'a> {
    /// Splits the first record off `bytes`; `None` when its length does not fit.
    pub fn parse(bytes: &'a [u8]) -> Option<RawEntry<'a>> {
        let head = bytes.get(..RECORD_HEADER)?;
        let payload = bytes[RECORD_HEADER..].get(..u32_at(head, 0) as usize)?;
        Some(RawEntry { crc: u32_at(head, 4), payload })
    }

    /// Length in the frame. Bytes.
    pub fn len(&self) -> usize {
        RECORD_HEADER + self.payload.len()
    }

    fn checksum(&self, previous: u32) -> u32 {
        record_checksum(previous, self.payload)
    }
}

/// Appends a record to a frame being built; returns the running checksum and the record's hash.
pub(crate) fn push_record(frame: &mut Vec<u8>, crc: u32, lsn: Lsn, payload: &[u8]) -> (u32, [u8; 32]) {
    let crc = record_checksum(crc, payload);
    frame.extend_from_slice(&length(payload).to_le_bytes());
    frame.extend_from_slice(&crc.to_le_bytes());
    frame.extend_from_slice(payload);
    (crc, record_hash(lsn, payload))
}

/// The initial value of the checksums of a batch's records.
pub(crate) fn seed(salt: &[u8; 16], epoch: u32, first: Lsn) -> u32 {
    crc32c::crc32c_append(salted(salt, &epoch.to_le_bytes()), &first.0.to_le_bytes())
}

fn record_checksum(previous: u32, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(previous, &length(payload).to_le_bytes()), payload)
}

fn length(payload: &[u8]) -> u32 {
    u32::try_from(payload.len()).expect("records are bounded by MAX_RECORD")
}

fn salted(salt: &[u8; 16], bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(salt), bytes)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

/// The `N` bytes at `at`. Callers have checked the length.
pub(crate) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a slice of N bytes is an array of N")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: [u8; 16] = [7; 16];

    fn frame(payloads: &[&[u8]]) -> (FrameHeader, Vec<u8>) {
        let (mut bytes, mut crc) = (vec![0; FRAME_HEADER], seed(&SALT, 3, Lsn(9)));
        for (n, payload) in payloads.iter().enumerate() {
            (crc, _) = push_record(&mut bytes, crc, Lsn(9 + n as u64), payload);
        }
        let header = FrameHeader {
            epoch: 3,
            first: Lsn(9),
            count: payloads.len() as u32,
            bytes: (bytes.len() - FRAME_HEADER) as u32,
            hash: [6; 32],
        };
        header.encode(&SALT, &mut bytes);
        bytes.resize(header.len(), 0);
        (header, bytes)
    }

    #[test]
    fn a_frame_reads_back_and_fills_whole_sectors() {
        let (header, bytes) = frame(&[b"one", b"", &[5; 600]]);
        assert_eq!(bytes.len() % BLOCK, 0);
        assert_eq!(FrameHeader::decode(&SALT, &bytes), Some(header));
        assert_eq!(header.check(&SALT, &bytes), Ok(()));
    }

    #[test]
    fn a_frame_of_another_salt_is_no_frame() {
        let (_, bytes) = frame(&[b"one"]);
        assert_eq!(FrameHeader::decode(&[8; 16], &bytes), None);
    }

    #[test]
    fn every_flipped_bit_of_a_frame_is_found() {
        let (_, good) = frame(&[b"one", b"two"]);
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let found =
                FrameHeader::decode(&SALT, &bytes).is_none_or(|header| header.check(&SALT, &bytes).is_err());
            assert!(found, "bit {bit} went unseen");
        }
    }

    #[test]
    fn two_records_that_change_places_are_found() {
        let (header, mut bytes) = frame(&[b"one", b"two"]);
        let (from, len) = (FRAME_HEADER, RECORD_HEADER + 3);
        let first = bytes[from..from + len].to_vec();
        bytes.copy_within(from + len..from + 2 * len, from);
        bytes[from + len..from + 2 * len].copy_from_slice(&first);
        assert!(header.check(&SALT, &bytes).is_err());
    }

    // The expected values were computed from the layout above by another implementation of the checksum.
    #[test]
    fn the_layout_is_what_the_module_states() {
        let header = SegmentHeader {
            id: [1; 16],
            salt: [2; 16],
            epoch: 3,
            first: Lsn(4),
            previous: [5; 32],
            bytes: 6 << 20,
            before: Lsn(2),
            lineage: LineageId([8; 16]),
        };
        let bytes = header.encode();
        assert_eq!(SegmentHeader::decode(&bytes), Ok(header));
        assert_eq!(u32_at(&bytes, BLOCK - 4), 0x2d76_42ac);
        let (_, bytes) = frame(&[b"payload"]);
        assert_eq!(crc32c::crc32c(&bytes), 0x547f_78ca);
    }
}
