//! Views: what the store was when a commit returned, for any number of readers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use journal::Cursor;
use journal::storage::Storage;

use crate::iterate::Merged;
use crate::manifest::Manifest;
use crate::run::{Run, RunFile};
use crate::source::RunSource;
use crate::{Error, Key, Tree};

/// The store at one commit. Cloning it is cheap, and so is dropping it. The files it reads stay until the last view of
/// them is gone.
///
/// After the [`Store`](crate::Store) itself was dropped, the next one that is opened on the directory may remove files
/// that only old views read; these then answer with an error.
#[derive(Clone)]
pub struct View(pub(crate) Arc<Snapshot>);

/// What a view shows.
pub(crate) struct Snapshot {
    pub generation: u64,
    pub at: Cursor,
    pub meta: Arc<[u8]>,
    pub rows: Arc<Shelf>,
    pub keys: Arc<Shelf>,
    pub source: Arc<dyn RunSource>,
}

impl Snapshot {
    /// What a manifest names. Reads the filters and no entries.
    pub fn load<S: Storage>(storage: &S, manifest: &Manifest) -> Result<Snapshot, Error> {
        Self::of(Arc::new(storage.clone()), manifest)
    }

    /// [`Snapshot::load`] from any source of the files.
    pub fn of(source: Arc<dyn RunSource>, manifest: &Manifest) -> Result<Snapshot, Error> {
        // The two runs of one commit share their file.
        let live: BTreeSet<u64> = manifest.runs.iter().map(|run| run.number).collect();
        let files: BTreeMap<u64, Arc<RunFile>> =
            live.into_iter().map(|number| (number, Arc::new(RunFile { number }))).collect();
        let runs = manifest.runs.iter().map(|info| Run::load(*info, files[&info.number].clone(), &source));
        let runs = runs.map(|run| run.map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        drop(files);
        let (rows, keys) = runs.into_iter().partition(|run: &Arc<Run>| run.info.tree == Tree::Rows);
        Ok(Snapshot {
            generation: manifest.generation,
            at: manifest.at,
            meta: manifest.meta.as_slice().into(),
            rows: Arc::new(Shelf::new(rows)),
            keys: Arc::new(Shelf::new(keys)),
            source,
        })
    }

    pub fn shelf(&self, tree: Tree) -> &Arc<Shelf> {
        match tree {
            Tree::Rows => &self.rows,
            Tree::Keys => &self.keys,
        }
    }
}

/// The live runs of one tree.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// By span, the largest ones first; those of one span newest first. All runs of a span are newer, for each of their
    /// keys, than the runs of the spans inside it. So this is, for each key, newest first.
    pub runs: Vec<Arc<Run>>,
    /// Where the key space is cut, so that each part has the same runs in all of it: the top 8 bytes of the first key.
    cuts: Vec<u64>,
    /// Where the list of each part begins in `order`, and the end of the last one.
    starts: Vec<u32>,
    /// The runs of each part, newest first, as places in `runs`.
    order: Vec<u32>,
}

impl Shelf {
    /// Of the runs of one span, the newest stands first in `runs`.
    pub fn new(mut runs: Vec<Arc<Run>>) -> Shelf {
        runs.sort_by_key(|run| run.info.span);
        let spans = runs.iter().map(|run| run.info.span);
        let mut cuts: Vec<u64> = spans.flat_map(|span| [Some(span.first()), span.end()]).flatten().collect();
        cuts.push(0);
        cuts.sort_unstable();
        cuts.dedup();
        let mut parts: Vec<Vec<u32>> = vec![Vec::new(); cuts.len()];
        for (place, run) in runs.iter().enumerate() {
            let span = run.info.span;
            let from = cuts.partition_point(|cut| *cut < span.first());
            let to = span.end().map_or(cuts.len(), |end| cuts.partition_point(|cut| *cut < end));
            parts[from..to].iter_mut().for_each(|part| part.push(place as u32));
        }
        let mut starts = vec![0];
        starts.extend(parts.iter().scan(0, |sum, part| {
            *sum += part.len() as u32;
            Some(*sum)
        }));
        Shelf { runs, cuts, starts, order: parts.concat() }
    }

    /// The part of the key space that has keys with these top 8 bytes.
    fn part_of(&self, top: u64) -> usize {
        self.cuts.partition_point(|cut| *cut <= top).saturating_sub(1)
    }

    /// The runs of a part, newest first.
    fn part(&self, part: usize) -> impl Iterator<Item = &Arc<Run>> {
        let [from, to] = [part, part + 1].map(|at| self.starts.get(at).map_or(0, |start| *start as usize));
        self.order[from..to].iter().map(|place| &self.runs[*place as usize])
    }

    /// The runs that may have a key, newest first. Reads no file.
    fn candidates(&self, key: Key) -> impl Iterator<Item = &Arc<Run>> {
        let top = key.top();
        self.part(self.part_of(top)).filter(move |run| run.may_have(&key, top))
    }
}

impl View {
    /// The store of a storage as it is now, which is not changed: another process may have it open for writing. That process
    /// removes files that it has merged, so a later read may find a file missing; then the store [has
    /// moved](View::has_moved), and can be read anew.
    ///
    /// # Errors
    /// When a file of the store cannot be read.
    pub fn read<S: Storage>(storage: &S) -> Result<View, Error> {
        let snapshot = match Manifest::with_files(storage, |manifest| Snapshot::load(storage, manifest))? {
            Some(snapshot) => snapshot,
            None => Snapshot::load(storage, &Manifest::default())?,
        };
        Ok(View(Arc::new(snapshot)))
    }

    /// Whether the store of a storage has another commit, or other files, than this view. `false` when that cannot be said.
    pub fn has_moved<S: Storage>(&self, storage: &S) -> bool {
        let Ok(Some(now)) = Manifest::read(storage) else { return false };
        let mine: BTreeSet<u64> = self.files().collect();
        let files = now.runs.iter().map(|run| run.number).collect();
        (self.generation(), mine) != (now.generation, files)
    }

    /// The numbers of the files that it reads.
    fn files(&self) -> impl Iterator<Item = u64> {
        self.0.rows.runs.iter().chain(&self.0.keys.runs).map(|run| run.info.number)
    }

    /// Number of commits before this view. Each commit raises it, also over restarts; a merge does not.
    pub fn generation(&self) -> u64 {
        self.0.generation
    }

    /// The place in the log that the view stands for; the beginning of the log when nothing was committed.
    pub fn cursor(&self) -> Cursor {
        self.0.at
    }

    /// The text that the commit has kept beside the cursor.
    pub fn meta(&self) -> &[u8] {
        &self.0.meta
    }

    /// Whether a key may be there. Reads no file. `false` is certain; `true` is wrong for about one absent key in 5,000.
    pub fn may_have(&self, tree: Tree, key: &Key) -> bool {
        self.0.shelf(tree).candidates(*key).next().is_some()
    }

    /// The value of a key. Reads a block of about 16 KiB, or none for a key that is certainly absent.
    pub fn get(&self, tree: Tree, key: &Key) -> Result<Option<Vec<u8>>, Error> {
        for run in self.0.shelf(tree).candidates(*key) {
            if let Some(value) = run.get(&self.0.source, key)? {
                return Ok(value);
            }
        }
        Ok(None)
    }

    /// All keys of a tree with their values, in the order of the keys. After an error it ends.
    pub fn scan(&self, tree: Tree) -> Scan {
        Scan { view: self.clone(), tree, part: 0, merged: None }
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.0.rows.runs.len() + self.0.keys.runs.len();
        f.debug_struct("View")
            .field("generation", &self.0.generation)
            .field("cursor", &self.0.at)
            .field("runs", &runs)
            .finish()
    }
}

/// The entries of a tree in the order of their keys. Made by [`View::scan`].
pub struct Scan {
    view: View,
    tree: Tree,
    /// The part of the key space that comes next.
    part: usize,
    merged: Option<(Merged, Option<u64>)>,
}

impl Scan {
    fn step(&mut self) -> Result<Option<(Key, Vec<u8>)>, Error> {
        let shelf = self.view.0.shelf(self.tree);
        loop {
            if let Some((merged, end)) = &mut self.merged {
                match merged.next()? {
                    Some((key, value)) if end.is_none_or(|end| key.top() < end) => {
                        if let Some(value) = value {
                            return Ok(Some((key, value.to_vec())));
                        }
                    }
                    Some(_) | None => self.merged = None,
                }
                continue;
            }
            let Some(from) = shelf.cuts.get(self.part).copied() else { return Ok(None) };
            let merged = Merged::over(shelf.part(self.part).cloned(), &self.view.0.source, from)?;
            self.part += 1;
            self.merged = Some((merged, shelf.cuts.get(self.part).copied()));
        }
    }
}

impl Iterator for Scan {
    type Item = Result<(Key, Vec<u8>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.merged = None;
            self.part = usize::MAX;
        }
        step.transpose()
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("view", &self.view).field("tree", &self.tree).finish_non_exhaustive()
    }
}
