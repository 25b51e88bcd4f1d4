//! A merge that is under way: sources in, new runs out, a piece at a time.

use std::sync::Arc;

use journal::storage::Storage;

use crate::choose::{Task, Weights};
use crate::iterate::Merged;
use crate::run::{Run, file_name};
use crate::source::RunSource;
use crate::span::Span;
use crate::write::RunWriter;
use crate::{Error, Options};

/// Bytes after which a piece ends although it has read fewer entries.
const PIECE_BYTES: u64 = 2 << 20;

/// A merge that is under way. Nothing is changed before its runs are in a manifest.
pub(crate) struct Merge<S: Storage> {
    pub task: Task,
    options: Options,
    merged: Merged,
    out: Option<(RunWriter<S::File>, Span)>,
    /// The runs that are finished and durable.
    pub done: Vec<Arc<Run>>,
    /// Every file that was begun, for when the merge fails.
    begun: Vec<u64>,
    /// Bytes written to finished files.
    pub written: u64,
}

impl<S: Storage> Merge<S> {
    pub fn start(task: Task, source: &Arc<dyn RunSource>, options: Options) -> Result<Merge<S>, Error> {
        let merged = Merged::over(task.sources.iter().cloned(), source, 0)?;
        Ok(Merge { task, options, merged, out: None, done: Vec::new(), begun: Vec::new(), written: 0 })
    }

    /// Does one piece. Returns `true` once the last run is written. Takes numbers of files from `next`.
    pub fn step(&mut self, storage: &S, next: &mut u64) -> Result<bool, Error> {
        let (depth, mut bytes) = (self.task.depth, 0);
        let most = Weights::of(self.options).most;
        for _ in 0..self.options.piece_entries.max(1) {
            let Some((key, value)) = self.merged.next()? else {
                end(&self.task, self.out.take(), &mut self.done, &mut self.written)?;
                return Ok(true);
            };
            if value.is_none() && self.task.is_last {
                continue;
            }
            let span = Span::child_of(depth, &key);
            let ends = |(writer, of): &mut (RunWriter<S::File>, Span)| *of != span || writer.weight() >= most;
            if let Some(full) = self.out.take_if(ends) {
                end(&self.task, Some(full), &mut self.done, &mut self.written)?;
            }
            let (writer, _) = match &mut self.out {
                Some(out) => out,
                None => {
                    let number = *next;
                    *next += 1;
                    self.begun.push(number);
                    self.out.insert((RunWriter::create(storage, number, self.options)?, span))
                }
            };
            writer.push(key, value)?;
            bytes += value.map_or(0, |value| value.len() as u64);
            if bytes >= PIECE_BYTES {
                break;
            }
        }
        Ok(false)
    }

    /// Removes what was written: the merge has failed, and no manifest names it.
    pub fn discard(self, storage: &S) {
        for number in self.begun {
            // The next start removes what is left over.
            let _ = storage.remove(&file_name(number));
        }
    }
}

/// Ends a run, and makes it durable.
fn end<F: journal::storage::File>(
    task: &Task,
    out: Option<(RunWriter<F>, Span)>,
    done: &mut Vec<Arc<Run>>,
    written: &mut u64,
) -> Result<(), Error> {
    let Some((mut writer, span)) = out else { return Ok(()) };
    done.extend(writer.end_run(task.tree, span)?.map(Arc::new));
    *written += writer.finish()?;
    Ok(())
}
