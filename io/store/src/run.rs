//! Runs: sorted entries of one tree in a part of a file, with an index and a filter in memory. Little-endian.
//!
//! ```text
//! run    = block* index filter? footer
//! index  = (first 8 bytes of the block's first key, big-endian) 8, offset in the run 4, for each block
//! footer = blocks' bytes 4, blocks 4, index crc 4, filter bytes 4, filter crc 4, entries 4, removed 4, zero 4,
//!          first key 16, last key 16, crc 4
//! ```
//! The file of a merge has one run, that of a commit one for each tree. The manifest says where each run stands, and
//! repeats the checksum of its footer, so that a file that was swapped for another is noticed.

use std::ops::Range;
use std::sync::Arc;

use crate::block::Block;
use crate::filter::Filter;
use crate::format::{Site, array_at, u32_at};
use crate::source::{OpenRun, RunSource};
use crate::span::Span;
use crate::{Error, Key, Tree};

/// Length of a footer. Bytes.
pub(crate) const FOOTER: usize = 68;
/// Length of one block's part of an index. Bytes.
pub(crate) const INDEXED: usize = 12;

/// The name of a file of runs.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:012}.run")
}

/// The number in the name of a file of runs.
pub(crate) fn file_number(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".run")?.parse().ok()?;
    (file_name(number) == name).then_some(number)
}

/// The file of one run or two. Once nothing but the store's list of old files has it, it is removed.
#[derive(Debug)]
pub(crate) struct RunFile {
    pub number: u64,
}

/// What the manifest says of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunInfo {
    pub tree: Tree,
    /// The part of the key space that it is for.
    pub span: Span,
    /// The file.
    pub number: u64,
    /// Where the run begins in its file. Bytes.
    pub offset: u32,
    /// Its length. Bytes.
    pub len: u32,
    /// Number of its entries, of which some say that a key is removed.
    pub entries: u32,
    pub removed: u32,
    /// The checksum of its footer.
    pub crc: u32,
}

impl RunInfo {
    /// The size that merges go by: its entries, or 64 bytes for each where values are long.
    pub fn weight(&self) -> u64 {
        u64::from(self.entries).max(u64::from(self.len) / 64)
    }

    /// Where a part of the run stands.
    pub fn site(&self, offset: u32) -> Site {
        Site { number: self.number, offset: u64::from(self.offset) + u64::from(offset) }
    }
}

/// A run that can be asked.
#[derive(Debug)]
pub(crate) struct Run {
    pub info: RunInfo,
    pub file: Arc<RunFile>,
    pub index: Index,
    /// Its first and its last key.
    pub keys: [Key; 2],
    /// `None`: it may have every key.
    pub filter: Option<Filter>,
}

/// Where the blocks of a run stand.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// The top 8 bytes of the first key of each block.
    pub tops: Vec<u64>,
    /// The offset of each block in the run, and the end of the last one. Bytes.
    pub offsets: Vec<u32>,
}

impl Index {
    /// Number of blocks.
    pub fn blocks(&self) -> usize {
        self.tops.len()
    }

    /// The blocks that may have keys with these top 8 bytes.
    pub fn candidates(&self, top: u64) -> Range<usize> {
        let from = self.tops.partition_point(|first| *first < top).saturating_sub(1);
        from..self.tops.partition_point(|first| *first <= top)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        for (top, offset) in self.tops.iter().zip(&self.offsets) {
            out.extend_from_slice(&top.to_be_bytes());
            out.extend_from_slice(&offset.to_le_bytes());
        }
    }

    fn decode(bytes: &[u8], end: u32) -> Option<Index> {
        let blocks = bytes.len() / INDEXED;
        let mut index = Index { tops: Vec::with_capacity(blocks), offsets: Vec::with_capacity(blocks + 1) };
        for block in bytes.chunks_exact(INDEXED) {
            index.tops.push(u64::from_be_bytes(array_at(block, 0)));
            index.offsets.push(u32_at(block, 8));
        }
        index.offsets.push(end);
        (index.offsets[0] == 0 && index.offsets.is_sorted() && index.tops.is_sorted()).then_some(index)
    }
}

impl Run {
    /// Whether a key may be in the run. Reads no file.
    pub fn may_have(&self, key: &Key, top: u64) -> bool {
        let [first, last] = &self.keys;
        self.filter.as_ref().is_none_or(|filter| filter.may_have(top)) && first <= key && key <= last
    }

    /// Reads one block and checks it.
    pub fn block(&self, file: &OpenRun, block: usize) -> Result<Block, Error> {
        let (from, end) = (self.index.offsets[block], self.index.offsets[block + 1]);
        let at = self.info.site(from);
        let bytes = file.read(at.offset, (end - from) as usize)?;
        Block::check(bytes, at).map_err(|what| file.damaged(at.offset, what))
    }

    /// What the run says of a key: its value, that it is removed (`Some(None)`), or nothing.
    pub fn get(&self, source: &Arc<dyn RunSource>, key: &Key) -> Result<Option<Option<Vec<u8>>>, Error> {
        let file = OpenRun::open(source, file_name(self.info.number))?;
        for number in self.index.candidates(key.top()).rev() {
            let mut block = self.block(&file, number)?;
            loop {
                let at = self.info.site(self.index.offsets[number]).offset;
                if !block.advance().map_err(|what| file.damaged(at, what))? {
                    break;
                }
                if block.key() >= Some(*key) {
                    if block.key() == Some(*key) {
                        return Ok(Some(block.value().map(<[u8]>::to_vec)));
                    }
                    break;
                }
            }
        }
        Ok(None)
    }

    /// Loads what the manifest names. A filter that is missing or damaged is built again from the run's blocks.
    pub fn load(info: RunInfo, file: Arc<RunFile>, source: &Arc<dyn RunSource>) -> Result<Run, Error> {
        let open = OpenRun::open(source, file_name(info.number))?;
        let end = info.len as usize;
        let at = info.site(info.len.saturating_sub(FOOTER as u32));
        let footer = open.read(at.offset, FOOTER)?;
        let damaged = |what| open.damaged(at.offset, what);
        if u32_at(&footer, FOOTER - 4) != info.crc || info.crc != at.crc(&footer[..FOOTER - 4]) {
            return Err(damaged("the checksum of a footer does not match"));
        }
        let [blocks_len, blocks, _, filter_len] = [0, 4, 8, 12].map(|at| u32_at(&footer, at) as usize);
        let index_len = blocks.saturating_mul(INDEXED);
        if [blocks_len, index_len, filter_len, FOOTER].iter().fold(0, |sum, len| len.saturating_add(sum))
            != end
            || blocks == 0
        {
            return Err(damaged("the lengths in a footer do not fit the run"));
        }
        let at = info.site(blocks_len as u32);
        let bytes = open.read(at.offset, index_len + filter_len)?;
        let (index, filter) = bytes.split_at(index_len);
        if u32_at(&footer, 8) != at.crc(index) {
            return Err(open.damaged(at.offset, "the checksum of an index does not match"));
        }
        let index = Index::decode(index, blocks_len as u32)
            .ok_or_else(|| open.damaged(at.offset, "an index makes no sense"))?;
        let sound = u32_at(&footer, 16) == info.site((blocks_len + index_len) as u32).crc(filter);
        let filter = if sound { Filter::decode(filter) } else { None };
        let keys = [Key(array_at(&footer, 32)), Key(array_at(&footer, 48))];
        let mut run = Run { info, file, index, keys, filter };
        if run.filter.is_none() {
            run.filter = run.filter_again(&open);
            let file = source.path(&file_name(info.number));
            let file = file.display();
            match run.filter {
                Some(_) => {
                    tracing::warn!(%file, "a missing or damaged filter of the state store was built again")
                }
                None => {
                    tracing::warn!(%file, "a missing or damaged filter of the state store cannot be built again: each look-up in its run reads the disk")
                }
            }
        }
        Ok(run)
    }

    /// A new filter from the run's blocks; `None` when they cannot be read.
    fn filter_again(&self, file: &OpenRun) -> Option<Filter> {
        let mut tops = Vec::with_capacity(self.info.entries as usize);
        for number in 0..self.index.blocks() {
            let mut block = self.block(file, number).ok()?;
            while block.advance().ok()? {
                tops.extend(block.key().map(|key| key.top()));
            }
        }
        tops.is_sorted().then(|| Filter::build(&mut tops)).flatten()
    }
}

/// Writes what stands behind a run's blocks; returns the checksum of the footer.
pub(crate) fn encode_end(run: &Run, out: &mut Vec<u8>) -> u32 {
    let blocks_len = run.index.offsets.last().copied().unwrap_or_default();
    let begin = out.len();
    run.index.encode(out);
    let index_len = out.len() - begin;
    let index_crc = run.info.site(blocks_len).crc(&out[begin..]);
    if let Some(filter) = &run.filter {
        filter.encode(out);
    }
    let filter_at = run.info.site(blocks_len + index_len as u32);
    let filter_len = out.len() - begin - index_len;
    let filter_crc = filter_at.crc(&out[begin + index_len..]);
    let footer = out.len();
    for number in [
        blocks_len,
        run.index.blocks() as u32,
        index_crc,
        filter_len as u32,
        filter_crc,
        run.info.entries,
        run.info.removed,
        0,
    ] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    run.keys.iter().for_each(|key| out.extend_from_slice(&key.0));
    let crc = run.info.site(blocks_len + (footer - begin) as u32).crc(&out[footer..]);
    out.extend_from_slice(&crc.to_le_bytes());
    crc
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Key {
        Key([number; 16])
    }

    #[test]
    fn a_run_without_a_filter_may_have_every_key_between_its_first_and_its_last() {
        let info = RunInfo {
            tree: Tree::Keys,
            span: Span::ALL,
            number: 1,
            offset: 0,
            len: 0,
            entries: 2,
            removed: 0,
            crc: 0,
        };
        let file = Arc::new(RunFile { number: 1 });
        let run = Run { info, file, index: Index::default(), keys: [key(3), key(7)], filter: None };
        let may_have = |number: u8| run.may_have(&key(number), key(number).top());
        assert_eq!((0..9).filter(|number| may_have(*number)).collect::<Vec<u8>>(), [3, 4, 5, 6, 7]);
    }

    #[test]
    fn the_name_of_a_file_is_its_number_and_no_other_name_is() {
        assert_eq!(file_number(&file_name(7)), Some(7));
        assert_eq!(file_number(&file_name(u64::MAX)), Some(u64::MAX));
        for name in ["7.run", "000000000007.ru", "+00000000007.run", "manifest", "000000000007.run.old"] {
            assert_eq!(file_number(name), None, "{name}");
        }
    }

    #[test]
    fn every_block_that_may_have_a_key_is_a_candidate() {
        let index = Index { tops: vec![2, 5, 5, 5, 9], offsets: vec![0; 6] };
        let expected = [(1, 0..0), (2, 0..1), (3, 0..1), (5, 0..4), (7, 3..4), (9, 3..5), (10, 4..5)];
        for (top, blocks) in expected {
            assert_eq!(index.candidates(top), blocks, "{top}");
        }
    }
}
