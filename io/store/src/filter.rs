//! Filters: which keys a run may have, in memory, with about 18 bits a key.
//!
//! A filter says "maybe" for every key of its run, and for one in 65,536 others. It is built from the first 8 bytes of
//! the keys. A false *absent* is the one error that pays twice, so a filter is asked for each of its keys once it is
//! built, and it is checked whole when it is loaded. A run whose filter cannot be built has none, and says "maybe" for
//! every key.
//!
//! The fingerprints are in pages of their own, which the system gets back when the filter is dropped. In the
//! allocator's memory, blocks of 600 KiB that come and go were measured to leave half as much again unused.
//!
//! ```text
//! filter = seed 8, segment length 4, segments' length 4, fingerprint 2 {segments' length + 2 * segment length}
//! ```

use memmap2::{Mmap, MmapMut};
use xorf::{BinaryFuse16, BinaryFuse16Ref, DmaSerializable, Filter as _, FilterRef};

use crate::format::{array_at, u32_at};

/// Length of a filter without its fingerprints, in a file. Bytes.
const HEADER: usize = 16;

/// The filter of one run.
#[derive(Debug)]
pub(crate) struct Filter {
    /// As xorf writes it: seed 8, segment length 4, its mask 4, segments' length 4.
    descriptor: [u8; BinaryFuse16::DESCRIPTOR_LEN],
    /// In the order of bytes that the processor has.
    fingerprints: Mmap,
}

impl Filter {
    /// Builds a filter from the first bytes of the keys, in rising order. Equal ones count once. Needs about 35 bytes a
    /// key while it builds. `None` when it cannot be built.
    pub fn build(tops: &mut Vec<u64>) -> Option<Filter> {
        tops.dedup();
        let built = BinaryFuse16::try_from(&*tops).ok()?;
        let mut descriptor = [0; BinaryFuse16::DESCRIPTOR_LEN];
        built.dma_copy_descriptor_to(&mut descriptor);
        let mut pages = MmapMut::map_anon(built.dma_fingerprints().len()).ok()?;
        pages.copy_from_slice(built.dma_fingerprints());
        let filter = Filter { descriptor, fingerprints: pages.make_read_only().ok()? };
        tops.iter().all(|top| filter.may_have(*top)).then_some(filter)
    }

    /// Whether a key with these first bytes may be in the run.
    pub fn may_have(&self, top: u64) -> bool {
        BinaryFuse16Ref::from_dma(&self.descriptor, &self.fingerprints).contains(&top)
    }

    /// Length in a file. Bytes.
    pub fn len(&self) -> usize {
        HEADER + self.fingerprints.len()
    }

    /// Writes the filter behind `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.descriptor[..12]);
        out.extend_from_slice(&self.descriptor[16..]);
        let fingerprints = self.fingerprints.chunks_exact(2).map(|two| u16::from_ne_bytes(array_at(two, 0)));
        out.extend(fingerprints.flat_map(u16::to_le_bytes));
    }

    /// A filter from bytes whose checksum was right; `None` when they are no filter all the same.
    pub fn decode(bytes: &[u8]) -> Option<Filter> {
        let (header, stored) = bytes.split_at_checked(HEADER)?;
        let (segment, segments) = (u32_at(header, 8), u32_at(header, 12));
        // With these, no look-up reads behind the fingerprints.
        let is_possible = segment.is_power_of_two()
            && segments > 0
            && segments % segment == 0
            && stored.len() as u64 == 2 * (u64::from(segments) + 2 * u64::from(segment));
        if !is_possible {
            return None;
        }
        let mut descriptor = [0; BinaryFuse16::DESCRIPTOR_LEN];
        descriptor[..12].copy_from_slice(&header[..12]);
        descriptor[12..16].copy_from_slice(&(segment - 1).to_le_bytes());
        descriptor[16..].copy_from_slice(&segments.to_le_bytes());
        let mut pages = MmapMut::map_anon(stored.len()).ok()?;
        for (to, from) in pages.chunks_exact_mut(2).zip(stored.chunks_exact(2)) {
            to.copy_from_slice(&u16::from_le_bytes(array_at(from, 0)).to_ne_bytes());
        }
        Some(Filter { descriptor, fingerprints: pages.make_read_only().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tops(count: u64) -> Vec<u64> {
        let mut random = fastrand::Rng::with_seed(count);
        let mut tops: Vec<u64> = (0..count).map(|_| random.u64(..)).collect();
        tops.sort_unstable();
        tops
    }

    #[test]
    fn no_key_of_a_filter_is_ever_absent_also_after_it_was_stored() {
        for count in (1..200).chain([1_000, 16_384, 100_000]) {
            let keys = tops(count);
            let built = Filter::build(&mut keys.clone()).expect("it can be built");
            let mut bytes = Vec::new();
            built.encode(&mut bytes);
            assert_eq!(bytes.len(), built.len());
            let loaded = Filter::decode(&bytes).expect("it can be read");
            assert!(keys.iter().all(|top| built.may_have(*top) && loaded.may_have(*top)), "{count} keys");
        }
    }

    #[test]
    fn keys_with_the_same_first_bytes_count_once() {
        let mut twice: Vec<u64> = tops(500).into_iter().flat_map(|top| [top, top]).collect();
        let filter = Filter::build(&mut twice).expect("it can be built");
        assert!(twice.len() == 500 && twice.iter().all(|top| filter.may_have(*top)));
        let same = Filter::build(&mut vec![7; 1000]).expect("it can be built");
        assert!(same.may_have(7));
    }

    #[test]
    fn a_filter_says_maybe_for_few_keys_that_were_not_put() {
        let filter = Filter::build(&mut tops(16_384)).expect("it can be built");
        let mut random = fastrand::Rng::with_seed(0);
        let maybe = (0..1_000_000).filter(|_| filter.may_have(random.u64(..))).count();
        assert!(maybe < 50, "{maybe} in a million");
    }

    #[test]
    fn bytes_that_are_no_filter_are_refused_and_never_read_out_of_bounds() {
        let mut bytes = Vec::new();
        Filter::build(&mut tops(10)).expect("it can be built").encode(&mut bytes);
        assert!(Filter::decode(&[]).is_none() && Filter::decode(&bytes[..bytes.len() - 1]).is_none());
        for at in 0..HEADER {
            for value in [0, 1, 3, 128, 255] {
                let mut forged = bytes.clone();
                forged[at] = value;
                let Some(filter) = Filter::decode(&forged) else { continue };
                (0..1000).for_each(|top: u64| _ = filter.may_have(top.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            }
        }
    }
}
