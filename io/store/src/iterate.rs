//! Walks through runs in the order of their keys.

use std::sync::Arc;

use crate::block::Block;
use crate::run::{Run, file_name};
use crate::source::{OpenRun, RunSource};
use crate::{Error, Key};

/// One run, at one of its entries.
pub(crate) struct RunWalk {
    run: Arc<Run>,
    file: OpenRun,
    block: Block,
    /// The number of the block behind the current one.
    next: usize,
    key: Option<Key>,
}

impl RunWalk {
    /// Goes to the first entry whose key begins with `from` or is above it.
    pub fn start(run: Arc<Run>, source: &Arc<dyn RunSource>, from: u64) -> Result<RunWalk, Error> {
        let file = OpenRun::open(source, file_name(run.info.number))?;
        let next = run.index.candidates(from).start;
        let mut walk = RunWalk { run, file, block: Block::default(), next, key: None };
        walk.advance()?;
        while walk.key.is_some_and(|key| key.top() < from) {
            walk.advance()?;
        }
        Ok(walk)
    }

    /// Its key as a number, which is in the order of the keys.
    fn head(&self) -> Option<u128> {
        self.key.map(|key| u128::from_be_bytes(key.0))
    }

    /// Goes to the next entry.
    fn advance(&mut self) -> Result<(), Error> {
        let before = self.key;
        loop {
            let at = self.run.info.site(self.run.index.offsets[self.next.saturating_sub(1)]).offset;
            if self.block.advance().map_err(|what| self.file.damaged(at, what))? {
                self.key = self.block.key();
                // The merge below relies on the order.
                return if before < self.key {
                    Ok(())
                } else {
                    Err(self.file.damaged(at, "the keys of a run do not rise"))
                };
            }
            if self.next == self.run.index.blocks() {
                self.key = None;
                return Ok(());
            }
            self.block = self.run.block(&self.file, self.next)?;
            self.next += 1;
        }
    }
}

/// Several runs as one: each key once, with its newest value.
pub(crate) struct Merged {
    /// Newest first.
    walks: Vec<RunWalk>,
    /// The key at which each of them is, as a number: side by side, because all of them are compared for each entry.
    heads: Vec<Option<u128>>,
    /// The walk that has the current entry.
    at: Option<usize>,
}

impl Merged {
    /// Begins before the first entry whose key begins with `from` or is above it. `runs` are newest first.
    pub fn over(
        runs: impl IntoIterator<Item = Arc<Run>>,
        source: &Arc<dyn RunSource>,
        from: u64,
    ) -> Result<Merged, Error> {
        let walks = runs.into_iter().map(|run| RunWalk::start(run, source, from));
        let walks: Vec<RunWalk> = walks.collect::<Result<_, _>>()?;
        let heads = walks.iter().map(RunWalk::head).collect();
        Ok(Merged { walks, heads, at: None })
    }

    /// The next entry; `None` in place of its value when it says that the key is removed.
    #[expect(clippy::type_complexity, reason = "an entry has a key and perhaps a value")]
    pub fn next(&mut self) -> Result<Option<(Key, Option<&[u8]>)>, Error> {
        if let Some(passed) = self.at.and_then(|at| self.heads[at]) {
            for (walk, head) in self.walks.iter_mut().zip(&mut self.heads) {
                if *head == Some(passed) {
                    walk.advance()?;
                    *head = walk.head();
                }
            }
        }
        let mut least: Option<(u128, usize)> = None;
        for (at, head) in self.heads.iter().enumerate() {
            // Of equal ones, the first is the newest.
            if let Some(key) = *head
                && least.is_none_or(|(least, _)| key < least)
            {
                least = Some((key, at));
            }
        }
        self.at = least.map(|(_, at)| at);
        Ok(least.map(|(key, at)| (Key(key.to_be_bytes()), self.walks[at].block.value())))
    }
}
