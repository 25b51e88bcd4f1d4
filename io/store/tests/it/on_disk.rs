//! The store in a directory of the file system.

use std::collections::BTreeSet;
use std::fs::DirEntry;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use store::{Options, Store, Tree};

use crate::{commit, key, merge_all, put, scanned, value};

/// The names of the files of a directory.
fn names(path: &Path) -> BTreeSet<String> {
    let name = |file: DirEntry| file.file_name().into_string().unwrap();
    std::fs::read_dir(path).unwrap().map(|file| name(file.unwrap())).collect()
}

#[test]
fn the_files_are_their_owners_alone_and_no_more_than_the_manifest_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data").join("store");
    let mut store = Store::open(&path, Options::default()).unwrap();
    for n in 0..40 {
        let changes = [put(Tree::Rows, n * 10..n * 10 + 20), put(Tree::Keys, n * 10..n * 10 + 10)].concat();
        commit(&mut store, &changes, n + 1).unwrap();
        store.merge_step().unwrap();
    }
    merge_all(&mut store);
    let (stats, view) = (store.stats(), store.view());
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
    let files: Vec<_> = std::fs::read_dir(&path).unwrap().map(Result::unwrap).collect();
    assert!(files.iter().all(|file| file.metadata().unwrap().mode() & 0o777 == 0o600));
    let before = names(&path);
    let runs = before.iter().filter(|name| name.ends_with(".run")).count();
    assert!(runs as u64 <= stats.runs, "{runs} files, {stats:?}");
    drop(store);
    // An open removes every file that the manifest does not name, and finds none.
    let again = Store::open(&path, Options::default()).unwrap();
    assert_eq!(names(&path), before);
    assert_eq!(scanned(&again.view(), Tree::Rows), scanned(&view, Tree::Rows));
    for n in 0..400 {
        assert_eq!(again.view().get(Tree::Keys, &key(n)).unwrap(), Some(value(n)));
    }
    drop(again);
    Store::remove(&path).unwrap();
    assert_eq!(Store::open(&path, Options::default()).unwrap().view().generation(), 0);
}
