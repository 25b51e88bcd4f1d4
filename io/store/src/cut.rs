//! A cut: the files of a store as of one commit, open, so that they can be copied while its writer goes on.
//!
//! Files of runs never change. The writer removes those that it has merged, but an open file can be read although it was
//! removed.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use journal::Cursor;
use journal::storage::{File, Storage};

use crate::manifest::{self, Manifest};
use crate::run::file_name;
use crate::source::{self, RunSource};
use crate::view::Snapshot;
use crate::{Error, View};

/// The name of the file that says which runs are the store.
pub const MANIFEST: &str = manifest::NAME;

/// The files of a store as of one commit.
#[derive(Debug)]
pub struct StoreCut<F> {
    /// The place in the log that the store stands for.
    pub cursor: Cursor,
    /// The bytes of the file [`MANIFEST`].
    pub manifest: Vec<u8>,
    /// The names of the files of runs, and the files.
    pub runs: Vec<(String, F)>,
}

impl<F: File> StoreCut<F> {
    /// Takes a cut. A writer may be at work; it does not wait. `None` when there is no store.
    ///
    /// Needs an open file for each file of the store. Of the files only the manifest is read.
    ///
    /// # Errors
    /// When the manifest cannot be read, or a file that it names cannot be opened.
    pub fn take<S: Storage<File = F>>(storage: &S) -> Result<Option<Self>, Error> {
        Manifest::with_files(storage, |manifest| {
            let runs = open(storage, manifest)?;
            Ok(Self { cursor: manifest.at, manifest: manifest.encode(), runs })
        })
    }
}

impl<F: File + Sync> StoreCut<F> {
    /// The store of the cut, to be read: what is copied of these files is what the view shows. The files stay open as long as
    /// there is a view.
    ///
    /// # Errors
    /// When a file is not as it was written, or cannot be read.
    pub fn view(self: &Arc<Self>, directory: PathBuf) -> Result<View, Error> {
        let manifest = Manifest::of_bytes(&self.manifest, directory.join(MANIFEST))?;
        let source = CutFiles { cut: self.clone(), directory };
        Snapshot::of(Arc::new(source), &manifest).map(|snapshot| View(Arc::new(snapshot)))
    }
}

/// The files of a cut, by name.
struct CutFiles<F> {
    cut: Arc<StoreCut<F>>,
    /// Where they are, or were: for messages.
    directory: PathBuf,
}

impl<F: File + Sync> RunSource for CutFiles<F> {
    fn open(&self, name: &str) -> io::Result<Box<dyn source::ReadAt>> {
        let place = self.cut.runs.iter().position(|(run, _)| run == name);
        let place = place.ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(CutFile { cut: self.cut.clone(), place }))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// One file of a cut.
struct CutFile<F> {
    cut: Arc<StoreCut<F>>,
    place: usize,
}

impl<F: File + Sync> source::ReadAt for CutFile<F> {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.cut.runs[self.place].1.read_at(offset, bytes)
    }
}

/// Opens every file that a manifest names.
fn open<S: Storage>(storage: &S, manifest: &Manifest) -> Result<Vec<(String, S::File)>, Error> {
    // The two runs of a commit share their file.
    let numbers: BTreeSet<u64> = manifest.runs.iter().map(|run| run.number).collect();
    let mut runs = Vec::with_capacity(numbers.len());
    for name in numbers.into_iter().map(file_name) {
        match storage.read(&name) {
            Ok(file) => runs.push((name, file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let what = "the file is missing";
                return Err(Error::Damaged { file: storage.path(&name), offset: 0, what });
            }
            Err(error) => return Err(Error::io("open", storage.path(&name))(error)),
        }
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use journal::{Lsn, memory::Memory};

    use super::*;
    use crate::{Change, Key, Options, Store, Tree, View};

    /// Commits so many keys, from a first one on.
    fn commit(store: &mut Store<Memory>, first: u64, keys: u64) {
        let place = |n: u64| {
            Key((u128::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)).to_be_bytes())
        };
        let changes =
            (first..first + keys).map(|n| Change { tree: Tree::Keys, key: place(n), value: Some(b"value") });
        let at = Cursor { lsn: Lsn(first + keys), ..Cursor::default() };
        store.commit(changes, at, b"meta").expect("a disk");
    }

    #[test]
    fn a_cut_is_copied_whole_although_its_files_are_merged_and_removed_meanwhile() {
        let storage = Memory::new(1);
        let options = Options { run_entries: 512, ..Options::default() };
        let mut store = Store::over(storage.clone(), options).expect("a disk");
        (0..12).for_each(|n| commit(&mut store, n * 500, 500));
        let cut = StoreCut::take(&storage).expect("a store").expect("a store");

        while store.merge_step().expect("a disk") {}
        commit(&mut store, 6_000, 500);
        let names = storage.list().expect("a disk");
        assert!(cut.runs.iter().any(|(name, _)| !names.contains(name)), "files of the cut were removed");

        whole(&cut, 6_000);
        // It is read from the files that were opened.
        let cut = Arc::new(cut);
        let view = cut.view("store".into()).expect("it is whole");
        assert_eq!(view.scan(Tree::Keys).filter(Result::is_ok).count(), 6_000);
        drop(cut);
        assert_eq!((view.cursor().lsn, view.scan(Tree::Keys).count()), (Lsn(6_000), 6_000));
    }

    /// The copy of a cut has every key.
    fn whole(cut: &StoreCut<<Memory as Storage>::File>, keys: usize) {
        let copy = Memory::new(2);
        let put = |name: &str, bytes: &[u8]| {
            copy.create(name).expect("a disk").write_at(0, bytes).expect("a disk");
        };
        for (name, file) in &cut.runs {
            let mut bytes = vec![0; file.len().expect("a disk") as usize];
            file.read_at(0, &mut bytes).expect("a disk");
            put(name, &bytes);
        }
        put(MANIFEST, &cut.manifest);
        let view = View::read(&copy).expect("a store");
        assert_eq!((view.cursor(), view.cursor().lsn), (cut.cursor, Lsn(keys as u64)));
        assert_eq!(view.scan(Tree::Keys).filter(Result::is_ok).count(), keys);
    }

    #[test]
    fn no_store_has_no_cut_and_a_missing_file_is_an_error() {
        let storage = Memory::new(1);
        assert!(StoreCut::take(&storage).expect("an empty directory").is_none());
        let mut store = Store::over(storage.clone(), Options::default()).expect("a disk");
        commit(&mut store, 0, 500);
        let cut = StoreCut::take(&storage).expect("a store").expect("a store");
        storage.remove(&cut.runs[0].0).expect("a disk");
        assert!(matches!(StoreCut::take(&storage), Err(Error::Damaged { .. })));
    }

    #[test]
    fn whenever_files_are_merged_during_a_cut_it_is_the_store_before_or_after() {
        let (mut after, mut at) = (0, 0);
        loop {
            let storage = Memory::new(1);
            let options = Options { run_entries: 512, ..Options::default() };
            let mut store = Store::over(storage.clone(), options).expect("a disk");
            (0..12).for_each(|n| commit(&mut store, n * 500, 500));
            storage.before_read(at, move || {
                while store.merge_step().expect("a disk") {}
                commit(&mut store, 6_000, 500);
            });
            let cut = StoreCut::take(&storage)
                .unwrap_or_else(|error| panic!("read {at}: {error}"))
                .expect("a store");
            let is_after = cut.cursor.lsn > Lsn(6_000);
            whole(&cut, if is_after { 6_500 } else { 6_000 });
            after += u64::from(is_after);
            if storage.withdraw_before_read() {
                break;
            }
            at += 1;
        }
        assert!(at > 10 && after > 5, "{at} reads, {after} cuts of the store after the merge");
    }
}
