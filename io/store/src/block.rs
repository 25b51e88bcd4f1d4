//! Blocks: usually about 16 KiB of neighbouring entries of a run, read and checked as one. Little-endian.
//!
//! ```text
//! block = crc 4, count 4, value bytes 4, shared 1, layout 1, zero 2, prefix{shared}, entry{count}
//! entry = key{16 - shared}, value{value bytes}                     layout 0: every value has this length
//!       | key{16 - shared}, length + 1 (varint, 0: removed), value  layout 1: value bytes is 0
//! ```
//! * The keys of a block share their first bytes, which stand once.
//! * The checksum begins with the number of the run's file and the block's offset, so a block that was written to
//!   another place does not check.

use std::ops::Range;

use crate::format::{Site, u32_at};
use crate::{Key, VALUE_MAX};

/// Length of a block's header. Bytes.
const HEADER: usize = 16;
const EQUAL: u8 = 0;
const EACH: u8 = 1;

/// Collects the entries of one block, in the order of their keys.
#[derive(Debug, Default)]
pub(crate) struct BlockBuilder {
    keys: Vec<Key>,
    /// Length of each value and 1; 0 for a removed one.
    lens: Vec<u32>,
    values: Vec<u8>,
}

impl BlockBuilder {
    /// Adds an entry whose key is above the one before.
    pub fn push(&mut self, key: Key, value: Option<&[u8]>) {
        self.keys.push(key);
        self.lens.push(value.map_or(0, |value| value.len() as u32 + 1));
        self.values.extend_from_slice(value.unwrap_or_default());
    }

    /// The first key, if there is one.
    pub fn first(&self) -> Option<Key> {
        self.keys.first().copied()
    }

    /// Length of its keys and values. Bytes.
    pub fn bytes(&self) -> usize {
        self.keys.len() * size_of::<Key>() + self.values.len()
    }

    /// Writes the block behind `out` and begins the next one.
    pub fn finish(&mut self, at: Site, out: &mut Vec<u8>) {
        let begin = out.len();
        let (Some(first), Some(last)) = (self.keys.first(), self.keys.last()) else { return };
        let shared = first.0.iter().zip(&last.0).take_while(|(a, b)| a == b).count();
        let equal =
            self.lens.first().copied().filter(|len| *len > 0 && self.lens.iter().all(|one| one == len));
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&(self.keys.len() as u32).to_le_bytes());
        out.extend_from_slice(&equal.map_or(0, |len| len - 1).to_le_bytes());
        out.extend_from_slice(&[shared as u8, if equal.is_some() { EQUAL } else { EACH }, 0, 0]);
        out.extend_from_slice(&first.0[..shared]);
        let mut rest = self.values.as_slice();
        for (key, len) in self.keys.iter().zip(&self.lens) {
            out.extend_from_slice(&key.0[shared..]);
            if equal.is_none() {
                put_varint(out, *len);
            }
            let (value, after) = rest.split_at(len.saturating_sub(1) as usize);
            out.extend_from_slice(value);
            rest = after;
        }
        let crc = at.crc(&out[begin + 4..]);
        out[begin..begin + 4].copy_from_slice(&crc.to_le_bytes());
        self.keys.clear();
        self.lens.clear();
        self.values.clear();
    }
}

fn put_varint(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A checked block, and one of its entries.
#[derive(Debug, Default)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    /// Where the next entry begins.
    next: usize,
    /// Number of entries behind the current one.
    left: u32,
    key: Option<Key>,
    /// Where the current value stands; `None` when it is removed.
    value: Option<Range<usize>>,
}

impl Block {
    /// Checks a block's bytes. It stands before its first entry.
    pub fn check(bytes: Vec<u8>, at: Site) -> Result<Block, &'static str> {
        if bytes.len() < HEADER || u32_at(&bytes, 0) != at.crc(&bytes[4..]) {
            return Err("the checksum of a block does not match");
        }
        let shared = usize::from(bytes[12]);
        if shared > size_of::<Key>() || bytes.len() < HEADER + shared || bytes[13] > EACH {
            return Err("the header of a block makes no sense");
        }
        let left = u32_at(&bytes, 4);
        Ok(Block { bytes, next: HEADER + shared, left, key: None, value: None })
    }

    /// The key of the current entry; `None` behind the last one.
    pub fn key(&self) -> Option<Key> {
        self.key
    }

    /// The value of the current entry; `None` when it is removed.
    pub fn value(&self) -> Option<&[u8]> {
        self.value.clone().map(|range| &self.bytes[range])
    }

    /// Goes to the next entry; `false` behind the last one.
    pub fn advance(&mut self) -> Result<bool, &'static str> {
        let Some(left) = self.left.checked_sub(1) else {
            self.key = None;
            let whole = self.next == self.bytes.len();
            return if whole { Ok(false) } else { Err("a block has bytes behind its last entry") };
        };
        let shared = usize::from(self.bytes[12]);
        let mut key = [0; 16];
        key[..shared].copy_from_slice(&self.bytes[HEADER..HEADER + shared]);
        let own = self.next..self.next + size_of::<Key>() - shared;
        key[shared..].copy_from_slice(self.bytes.get(own.clone()).ok_or(OVER)?);
        self.next = own.end;
        let len = if self.bytes[13] == EQUAL { u32_at(&self.bytes, 8) + 1 } else { self.varint()? };
        let value = self.next..self.next + len.saturating_sub(1) as usize;
        if len as usize > VALUE_MAX + 1 || value.end > self.bytes.len() {
            return Err(OVER);
        }
        self.next = value.end;
        self.left = left;
        self.key = Some(Key(key));
        self.value = (len > 0).then_some(value);
        Ok(true)
    }

    fn varint(&mut self) -> Result<u32, &'static str> {
        let mut number = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = *self.bytes.get(self.next).ok_or(OVER)?;
            self.next += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u32::try_from(number).map_err(|_| OVER);
            }
        }
        Err(OVER)
    }
}

const OVER: &str = "an entry runs over its block";

#[cfg(test)]
mod tests {
    use super::*;

    type Read = (Key, Option<Vec<u8>>);

    const AT: Site = Site { number: 3, offset: 700 };

    fn key(first: u8, last: u8) -> Key {
        let mut key = [9; 16];
        (key[0], key[15]) = (first, last);
        Key(key)
    }

    fn built(entries: &[(Key, Option<&[u8]>)]) -> Vec<u8> {
        let (mut builder, mut out) = (BlockBuilder::default(), Vec::new());
        entries.iter().for_each(|(key, value)| builder.push(*key, *value));
        builder.finish(AT, &mut out);
        out
    }

    fn read(bytes: Vec<u8>) -> Result<Vec<Read>, &'static str> {
        let (mut block, mut entries) = (Block::check(bytes, AT)?, Vec::new());
        while block.advance()? {
            entries.extend(block.key().map(|key| (key, block.value().map(<[u8]>::to_vec))));
        }
        Ok(entries)
    }

    #[test]
    fn a_block_gives_back_what_was_put_in_it() {
        let long = vec![7; 1000];
        for entries in [
            vec![(key(1, 1), Some(&b"value"[..]))],
            vec![(key(1, 1), Some(&b""[..])), (key(1, 2), Some(b""))],
            vec![(key(1, 1), Some(&b"one"[..])), (key(1, 2), Some(b"two")), (key(1, 3), Some(b"six"))],
            vec![(key(1, 1), None), (key(1, 2), Some(&b"two"[..])), (key(2, 1), Some(&long))],
            vec![(key(1, 1), None), (key(200, 2), None)],
        ] {
            let bytes = built(&entries);
            let expected: Vec<_> =
                entries.iter().map(|(key, value)| (*key, value.map(<[u8]>::to_vec))).collect();
            assert_eq!(read(bytes), Ok(expected));
        }
    }

    #[test]
    fn values_of_one_length_and_near_keys_cost_their_own_bytes_alone() {
        let entries: Vec<_> = (0..200).map(|last| (key(1, last), Some(&[5; 46][..]))).collect();
        assert_eq!(built(&entries).len(), HEADER + 15 + 200 * 47);
    }

    #[test]
    fn every_flipped_bit_and_another_place_are_noticed() {
        let bytes = built(&[(key(1, 1), Some(&b"one"[..])), (key(1, 2), None)]);
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            assert!(read(flipped).is_err(), "bit {at}");
        }
        assert!(Block::check(bytes.clone(), Site { offset: 701, ..AT }).is_err());
        assert!(Block::check(bytes, Site { number: 4, ..AT }).is_err());
    }

    #[test]
    fn a_block_with_a_right_checksum_and_wrong_content_is_an_error_and_no_panic() {
        let bytes = built(&[(key(1, 1), Some(&b"one"[..])), (key(1, 2), None)]);
        for at in 4..bytes.len() {
            for value in [0, 1, 2, 16, 17, 127, 128, 255] {
                let mut forged = bytes.clone();
                forged[at] = value;
                let crc = AT.crc(&forged[4..]);
                forged[..4].copy_from_slice(&crc.to_le_bytes());
                // Whatever it says, it ends.
                let _ = read(forged);
            }
        }
    }
}
