//! Writes a file of runs: entries in, blocks, index and filter out.

use std::path::PathBuf;
use std::sync::Arc;

use journal::storage::{File, Storage};

use crate::block::BlockBuilder;
use crate::filter::Filter;
use crate::format::Site;
use crate::run::{Index, Run, RunFile, RunInfo, encode_end, file_name};
use crate::span::Span;
use crate::{Error, Key, Options, Tree};

/// Bytes written between two syncs. The log's own syncs run between many small syncs; one sync of a whole merge would
/// make every bet wait.
const PART: usize = 1 << 20;

/// A file of runs that is being written. It has no meaning before the manifest names it.
#[derive(Debug)]
pub(crate) struct RunWriter<F> {
    file: F,
    path: PathBuf,
    shared: Arc<RunFile>,
    /// Bytes that are not written yet, and where they go.
    pending: Vec<u8>,
    written: u64,
    /// Where the run that is being written begins.
    begin: u64,
    block: BlockBuilder,
    block_bytes: usize,
    index: Index,
    tops: Vec<u64>,
    keys: Option<[Key; 2]>,
    removed: u32,
}

impl<F: File> RunWriter<F> {
    /// Makes an empty file.
    pub fn create<S: Storage<File = F>>(
        storage: &S,
        number: u64,
        options: Options,
    ) -> Result<RunWriter<F>, Error> {
        let path = storage.path(&file_name(number));
        let file = storage.create(&file_name(number)).map_err(Error::io("create", &path))?;
        Ok(RunWriter {
            file,
            path,
            shared: Arc::new(RunFile { number }),
            pending: Vec::new(),
            written: 0,
            begin: 0,
            block: BlockBuilder::default(),
            block_bytes: options.block_bytes,
            index: Index::default(),
            tops: Vec::new(),
            keys: None,
            removed: 0,
        })
    }

    /// Adds an entry to the run. Its key is above the one before.
    pub fn push(&mut self, key: Key, value: Option<&[u8]>) -> Result<(), Error> {
        if self.block.bytes() >= self.block_bytes {
            self.end_block()?;
        }
        self.block.push(key, value);
        self.tops.push(key.top());
        self.removed += u32::from(value.is_none());
        self.keys = Some([self.keys.map_or(key, |keys| keys[0]), key]);
        Ok(())
    }

    /// Number of entries of the run so far.
    pub fn entries(&self) -> usize {
        self.tops.len()
    }

    /// Bytes of the file so far.
    pub fn bytes(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    /// The size of the run so far that merges go by ([`RunInfo::weight`]).
    pub fn weight(&self) -> u64 {
        (self.entries() as u64).max((self.bytes() - self.begin) / 64)
    }

    fn end_block(&mut self) -> Result<(), Error> {
        let Some(first) = self.block.first() else { return Ok(()) };
        let offset = self.bytes();
        self.index.tops.push(first.top());
        self.index.offsets.push((offset - self.begin) as u32);
        self.block.finish(Site { number: self.shared.number, offset }, &mut self.pending);
        if self.pending.len() >= PART { self.write(true) } else { Ok(()) }
    }

    /// Ends the run: builds its filter and writes index, filter and footer. `None` when it has no entry.
    pub fn end_run(&mut self, tree: Tree, span: Span) -> Result<Option<Run>, Error> {
        self.end_block()?;
        let Some(keys) = self.keys.take() else { return Ok(None) };
        let mut index = std::mem::take(&mut self.index);
        index.offsets.push((self.bytes() - self.begin) as u32);
        index.tops.shrink_to_fit();
        index.offsets.shrink_to_fit();
        let mut tops = std::mem::take(&mut self.tops);
        let info = RunInfo {
            tree,
            span,
            number: self.shared.number,
            offset: self.begin as u32,
            len: 0,
            entries: tops.len() as u32,
            removed: std::mem::take(&mut self.removed),
            crc: 0,
        };
        let filter = Filter::build(&mut tops);
        drop(tops);
        let mut run = Run { info, file: self.shared.clone(), index, keys, filter };
        run.info.crc = encode_end(&run, &mut self.pending);
        run.info.len = (self.bytes() - self.begin) as u32;
        self.begin = self.bytes();
        Ok(Some(run))
    }

    /// Makes the file durable; returns its length.
    pub fn finish(mut self) -> Result<u64, Error> {
        self.write(false)?;
        self.sync()?;
        Ok(self.written)
    }

    fn write(&mut self, sync: bool) -> Result<(), Error> {
        self.file.write_at(self.written, &self.pending).map_err(Error::io("write", &self.path))?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        if sync { self.sync() } else { Ok(()) }
    }

    fn sync(&self) -> Result<(), Error> {
        self.file.sync().map_err(Error::io("sync", &self.path))
    }
}
