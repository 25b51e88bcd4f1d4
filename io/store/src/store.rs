//! The store as its writer has it: open, commit, merge, remove.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use journal::Cursor;
use journal::file::Directory;
use journal::storage::Storage;

use crate::choose::{Weights, due, next_task};
use crate::manifest::{self, Manifest};
use crate::merge::Merge;
use crate::run::{Run, RunInfo, file_name, file_number};
use crate::span::Span;
use crate::view::{Shelf, Snapshot, View};
use crate::write::RunWriter;
use crate::{Change, Error, META_MAX, Options, Stats, Tree, VALUE_MAX};

/// The state store, open for its one writer.
pub struct Store<S: Storage = Directory> {
    storage: S,
    options: Options,
    current: View,
    /// The number of the next file. A number is not used twice, also not after an error.
    next: u64,
    merging: Option<Merge<S>>,
    /// Runs that no manifest names any more. Each is dropped, and its file removed, once no view has it.
    old: Vec<Arc<Run>>,
    /// Views of before. Kept until nobody else has them, so that it is this thread that frees their memory.
    past: Vec<View>,
    written: Written,
    /// Held for as long as the store is open.
    _lock: S::Lock,
}

/// What was written since the store was opened.
#[derive(Debug, Clone, Copy, Default)]
struct Written {
    committed: u64,
    merged: u64,
    commits: u64,
    merges: u64,
}

impl Store<Directory> {
    /// Opens the store of a directory, which is made for its owner alone when it is missing. A store that is absent is
    /// empty, with the cursor at the beginning of the log. Files that a crash has left over are removed.
    ///
    /// Reads the filters and no entries: about 2.4 bytes a key.
    pub fn open(dir: &Path, options: Options) -> Result<Store, Error> {
        Store::over(Directory::create(dir).map_err(Error::Directory)?, options)
    }

    /// Removes the store of a directory, whatever is in it, so that it can be built again. Nothing else may have it
    /// open.
    pub fn remove(dir: &Path) -> Result<(), Error> {
        Store::remove_in(&Directory::create(dir).map_err(Error::Directory)?)
    }
}

impl<S: Storage> Store<S> {
    /// [`Store::open`] for any storage.
    pub fn over(storage: S, options: Options) -> Result<Store<S>, Error> {
        let lock = storage.lock().map_err(Error::Directory)?;
        let manifest = Manifest::read(&storage)?.unwrap_or_default();
        let live: BTreeSet<u64> = manifest.runs.iter().map(|run| run.number).collect();
        remove_files(&storage, |number| !live.contains(&number))?;

        let next = manifest.next.max(1);
        let snapshot = Snapshot::load(&storage, &manifest)?;
        Ok(Store {
            storage,
            options,
            current: View(Arc::new(snapshot)),
            next,
            merging: None,
            old: Vec::new(),
            past: Vec::new(),
            written: Written::default(),
            _lock: lock,
        })
    }

    /// [`Store::remove`] for any storage.
    pub fn remove_in(storage: &S) -> Result<(), Error> {
        let _lock = storage.lock().map_err(Error::Directory)?;
        // The manifest first: without it, the rest is left over.
        remove(storage, manifest::NAME)?;
        storage.sync_names().map_err(Error::io("sync directory", storage.path("")))?;
        remove_files(storage, |_| true)
    }

    /// The store as the last commit has left it.
    pub fn view(&self) -> View {
        self.current.clone()
    }

    /// Applies changes; of two changes of one key the later counts. When it returns, the changes, the cursor and `meta`
    /// are durable together; after an error, none of them is seen, and a start finds all or none. The same commit may
    /// be tried again.
    ///
    /// Three syncs: of the run, of the manifest, of the directory.
    pub fn commit<'a>(
        &mut self,
        changes: impl IntoIterator<Item = Change<'a>>,
        at: Cursor,
        meta: &[u8],
    ) -> Result<(), Error> {
        let changes = sorted(changes)?;
        check(meta.len(), META_MAX)?;
        let mut begun = Vec::new();
        let written = self.write_changes(&changes, &mut begun);
        let (runs, bytes) = written.inspect_err(|_| self.discard(&begun))?;
        let shelf = |tree, old: &Arc<Shelf>| {
            let new: Vec<_> = runs.iter().filter(|run| run.info.tree == tree).cloned().collect();
            if new.is_empty() { old.clone() } else { Arc::new(Shelf::new([new, old.runs.clone()].concat())) }
        };
        let old = &self.current.0;
        let snapshot = Snapshot {
            generation: old.generation + 1,
            at,
            meta: meta.into(),
            rows: shelf(Tree::Rows, &old.rows),
            keys: shelf(Tree::Keys, &old.keys),
            source: old.source.clone(),
        };
        let manifest_bytes = self.publish(snapshot, &begun)?;
        self.remove_old();
        self.written.committed += bytes + manifest_bytes;
        self.written.commits += 1;
        Ok(())
    }

    /// Does one bounded piece of merging, of about 2 MiB; `false` when nothing is due. The caller says when:
    /// three pieces for each commit of 16,384 changes keep up, on average, and forty for one of 262,144. Where merges fall
    /// behind, look-ups ask more filters ([`Stats::merges_due`]).
    ///
    /// An error leaves the store as it was, without what the merge has written; the next call begins it again.
    pub fn merge_step(&mut self) -> Result<bool, Error> {
        self.remove_old();
        let snapshot = &self.current.0;
        let mut merge = match self.merging.take() {
            Some(merge) => merge,
            None => {
                let task = [Tree::Rows, Tree::Keys]
                    .into_iter()
                    .find_map(|tree| next_task(Weights::of(self.options), tree, &snapshot.shelf(tree).runs));
                let Some(task) = task else { return Ok(false) };
                Merge::start(task, &snapshot.source, self.options)?
            }
        };
        match merge.step(&self.storage, &mut self.next) {
            Ok(false) => self.merging = Some(merge),
            Ok(true) => self.end_merge(merge)?,
            Err(error) => {
                merge.discard(&self.storage);
                return Err(error);
            }
        }
        Ok(true)
    }

    /// Figures of the store.
    pub fn stats(&self) -> Stats {
        let snapshot = &self.current.0;
        let runs = || snapshot.rows.runs.iter().chain(&snapshot.keys.runs);
        let entries = |shelf: &Shelf| shelf.runs.iter().map(|run| u64::from(run.info.entries)).sum();
        let memory = |run: &Arc<Run>| {
            let filter = run.filter.as_ref().map_or(0, |filter| filter.len());
            filter + run.index.blocks() * crate::run::INDEXED + size_of::<Run>()
        };
        let weights = Weights::of(self.options);
        let merges_due =
            due(weights, Tree::Rows, &snapshot.rows.runs) + due(weights, Tree::Keys, &snapshot.keys.runs);
        Stats {
            rows: entries(&snapshot.rows),
            keys: entries(&snapshot.keys),
            runs: runs().count() as u64,
            disk_bytes: runs().map(|run| u64::from(run.info.len)).sum(),
            memory_bytes: runs().map(|run| memory(run) as u64).sum(),
            merges_due: merges_due as u64,
            committed_bytes: self.written.committed,
            merged_bytes: self.written.merged,
            commits: self.written.commits,
            merges: self.written.merges,
        }
    }

    /// Writes a commit's runs, in one file or, for very many changes, several. Returns their length.
    fn write_changes(
        &mut self,
        changes: &[Change<'_>],
        begun: &mut Vec<u64>,
    ) -> Result<(Vec<Arc<Run>>, u64), Error> {
        let (mut runs, mut bytes) = (Vec::new(), 0);
        let target = Weights::of(self.options).target;
        let mut writer: Option<RunWriter<S::File>> = None;
        for same in changes.chunk_by(|a, b| a.tree == b.tree) {
            let mut rest = same;
            while let [first, ..] = rest {
                let out = match &mut writer {
                    Some(writer) => writer,
                    None => {
                        begun.push(self.next);
                        self.next += 1;
                        writer.insert(RunWriter::create(&self.storage, self.next - 1, self.options)?)
                    }
                };
                let mut taken = 0;
                while taken < rest.len() && out.weight() < target {
                    out.push(rest[taken].key, rest[taken].value)?;
                    taken += 1;
                }
                rest = &rest[taken..];
                runs.extend(out.end_run(first.tree, Span::ALL)?.map(Arc::new));
                if !rest.is_empty() {
                    bytes += writer.take().map_or(Ok(0), RunWriter::finish)?;
                }
            }
        }
        bytes += writer.map_or(Ok(0), RunWriter::finish)?;
        Ok((runs, bytes))
    }

    /// Puts the runs of a finished merge in the place of their sources.
    fn end_merge(&mut self, merge: Merge<S>) -> Result<(), Error> {
        let taken = |run: &Arc<Run>| merge.task.sources.iter().any(|source| Arc::ptr_eq(source, run));
        let shelf = |tree, old: &Arc<Shelf>| {
            if tree != merge.task.tree {
                return old.clone();
            }
            let at = old.runs.iter().position(taken).unwrap_or_default();
            let mut runs: Vec<_> = old.runs.iter().filter(|run| !taken(run)).cloned().collect();
            runs.splice(at..at, merge.done.iter().cloned());
            Arc::new(Shelf::new(runs))
        };
        let old = &self.current.0;
        let snapshot = Snapshot {
            generation: old.generation,
            at: old.at,
            meta: old.meta.clone(),
            rows: shelf(Tree::Rows, &old.rows),
            keys: shelf(Tree::Keys, &old.keys),
            source: old.source.clone(),
        };
        let begun: Vec<u64> = merge.done.iter().map(|run| run.info.number).collect();
        let manifest_bytes = self.publish(snapshot, &begun)?;
        self.written.merged += merge.written + manifest_bytes;
        self.written.merges += 1;
        self.old.extend(merge.task.sources.iter().cloned());
        drop(merge);
        self.remove_old();
        Ok(())
    }

    fn infos<'a>(&self, snapshot: &'a Snapshot) -> impl Iterator<Item = &'a RunInfo> + use<'a, S> {
        snapshot.rows.runs.iter().chain(&snapshot.keys.runs).map(|run| &run.info)
    }

    /// Makes a snapshot the store's, durable. `begun` are the files it adds. Returns the length of the manifest.
    fn publish(&mut self, snapshot: Snapshot, begun: &[u64]) -> Result<u64, Error> {
        let manifest = Manifest {
            generation: snapshot.generation,
            next: self.next,
            at: snapshot.at,
            meta: snapshot.meta.to_vec(),
            runs: self.infos(&snapshot).copied().collect(),
        };
        let bytes = manifest.write_partial(&self.storage).inspect_err(|_| self.discard(begun))?;
        // From here on a start may find the new manifest, so its files stay whatever happens.
        manifest::swap(&self.storage)?;
        self.past.push(std::mem::replace(&mut self.current, View(Arc::new(snapshot))));
        Ok(bytes)
    }

    /// Removes files that no manifest names. What cannot be removed is left over, and the next start removes it.
    fn discard(&self, files: &[u64]) {
        for number in files {
            let _ = self.storage.remove(&file_name(*number));
        }
    }

    /// Drops the old views, runs and files that no view of somebody else needs.
    fn remove_old(&mut self) {
        self.past.retain(|view| Arc::strong_count(&view.0) > 1);
        let storage = &self.storage;
        self.old.retain_mut(|run| {
            let Some(own) = Arc::get_mut(run) else { return true };
            // The two runs of a commit share their file.
            if Arc::get_mut(&mut own.file).is_some() {
                // What cannot be removed is left over, and the next start removes it.
                let _ = storage.remove(&file_name(own.info.number));
            }
            false
        });
    }
}

/// The last change of each key, in the order of trees and keys.
fn sorted<'a>(changes: impl IntoIterator<Item = Change<'a>>) -> Result<Vec<Change<'a>>, Error> {
    let mut changes: Vec<Change<'a>> = changes.into_iter().collect();
    for change in &changes {
        check(change.value.map_or(0, <[u8]>::len), VALUE_MAX)?;
    }
    changes.sort_by_key(|change| (change.tree, change.key));
    // Keeps the later of two: the sort is stable, and the earlier one is kept by `dedup_by`.
    changes.dedup_by(|later, kept| {
        let same = (later.tree, later.key) == (kept.tree, kept.key);
        if same {
            *kept = *later;
        }
        same
    });
    Ok(changes)
}

fn check(bytes: usize, most: usize) -> Result<(), Error> {
    if bytes > most { Err(Error::TooLarge { bytes, most }) } else { Ok(()) }
}

/// Removes the files of runs that `is_left_over` names, and what was left of a manifest.
fn remove_files<S: Storage>(storage: &S, is_left_over: impl Fn(u64) -> bool) -> Result<(), Error> {
    let names = storage.list().map_err(Error::io("list", storage.path("")))?;
    for name in names {
        if name == manifest::PARTIAL || file_number(&name).is_some_and(&is_left_over) {
            remove(storage, &name)?;
        }
    }
    Ok(())
}

fn remove<S: Storage>(storage: &S, name: &str) -> Result<(), Error> {
    match storage.remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", storage.path(name))(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

impl<S: Storage> fmt::Debug for Store<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("current", &self.current)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
