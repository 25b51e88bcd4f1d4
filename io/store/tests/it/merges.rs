//! What merges keep, what they may cost, and what is left when one fails.

use journal::memory::{Crash, Memory, Operation};
use journal::storage::Storage;
use store::{Change, Error, Key, Options, Store, Tree};

use crate::{Entries, SMALL, commit, cursor, key, merge_all, open, put, scanned, value};

/// Puts keys in commits of so many, and merges after each until nothing is due.
fn filled(store: &mut Store<Memory>, keys: u64, each: u64) {
    let value = [7; 46];
    for (n, from) in (0..keys).step_by(each as usize).enumerate() {
        let changes = (from..keys.min(from + each)).map(|n| Change {
            tree: Tree::Keys,
            key: key(n),
            value: Some(&value),
        });
        store.commit(changes, cursor(n as u64 + 1), b"").unwrap();
        merge_all(store);
    }
}

/// The length of each file of runs.
fn files(memory: &Memory) -> Vec<usize> {
    let names = memory.list().unwrap();
    let runs = names.iter().filter(|name| name.ends_with(".run"));
    runs.map(|name| memory.bytes(name).unwrap().len()).collect()
}

#[test]
fn no_file_grows_with_the_store_and_each_key_is_written_a_few_times() {
    const KEYS: u64 = 100_000;
    let options = Options { run_entries: 512, block_bytes: 1 << 10, piece_entries: 100 };
    let memory = Memory::new(1);
    let mut store = Store::over(memory.clone(), options).unwrap();
    filled(&mut store, KEYS, 64);
    let stats = store.stats();
    assert_eq!((stats.keys, stats.merges_due), (KEYS, 0));
    // Twice the entries of a full run, at 100 bytes: 46 of value, 16 of key, and filters of few keys are large.
    assert!(files(&memory).iter().max().unwrap() < &(2 * 512 * 100), "{stats:?}");
    let amplification = (stats.committed_bytes + stats.merged_bytes) as f64 / stats.committed_bytes as f64;
    // By the commit, into a full run, and for each layer: log4(100,000 / 512) is 3.8.
    assert!(amplification < 6.0, "{amplification:.1} {stats:?}");
    assert!((KEYS / 512..KEYS / 64).contains(&stats.runs), "{stats:?}");
    let view = store.view();
    assert!((0..KEYS).all(|n| view.may_have(Tree::Keys, &key(n))));
    assert!((0..KEYS).step_by(97).all(|n| view.get(Tree::Keys, &key(n)).unwrap().is_some()));
    assert_eq!(scanned(&view, Tree::Keys).len() as u64, KEYS);
    let maybe = (KEYS..2 * KEYS).filter(|n| view.may_have(Tree::Keys, &key(*n))).count();
    assert!(maybe < 60, "{maybe} of {KEYS} absent keys may be there");
}

#[test]
fn rows_that_change_again_and_again_do_not_fill_the_disk() {
    const ROWS: u64 = 400;
    let memory = Memory::new(1);
    let mut store = Store::over(memory.clone(), Options { run_entries: 64, ..SMALL }).unwrap();
    for n in 0..300 {
        let rows = (0..40).map(|row| (n * 37 + row * 11) % ROWS);
        let changes: Vec<_> = rows.map(|row| (Tree::Rows, key(row), Some(value(n)))).collect();
        commit(&mut store, &changes, n + 1).unwrap();
        merge_all(&mut store);
        assert!(store.stats().rows < 4 * ROWS, "commit {n}: {:?}", store.stats());
    }
    assert_eq!(scanned(&store.view(), Tree::Rows).len() as u64, ROWS);
    let gone: Vec<_> = (0..ROWS).map(|row| (Tree::Rows, key(row), None)).collect();
    commit(&mut store, &gone, 301).unwrap();
    merge_all(&mut store);
    assert_eq!(scanned(&store.view(), Tree::Rows).len(), 0);
    assert!(store.stats().rows < ROWS, "what was removed is dropped: {:?}", store.stats());
}

#[test]
fn keys_that_are_not_spread_evenly_get_right_answers_and_merges_end() {
    let memory = Memory::new(1);
    let mut store = open(&memory);
    // All of them in one span of the deepest layer.
    let near = |n: u64| Key((0xabcd << 112 | u128::from(n)).to_be_bytes());
    for n in 0..100 {
        for tree in [Tree::Rows, Tree::Keys] {
            let changes: Vec<_> = (0..20).map(|k| (tree, near(n * 20 + k), Some(value(k)))).collect();
            commit(&mut store, &changes, n + 1).unwrap();
        }
        merge_all(&mut store);
    }
    for tree in [Tree::Rows, Tree::Keys] {
        assert_eq!(scanned(&store.view(), tree).len(), 2000);
        assert!((0..2000).all(|n| store.view().get(tree, &near(n)).unwrap() == Some(value(n % 20))));
    }
}

#[test]
fn a_commit_larger_than_a_run_is_one_commit() {
    let memory = Memory::new(1);
    let mut store = open(&memory);
    commit(&mut store, &[put(Tree::Rows, 0..500), put(Tree::Keys, 0..500)].concat(), 1).unwrap();
    assert!(files(&memory).len() > 5, "it was one file");
    drop(store);
    let store = open(&memory);
    assert_eq!(store.view().generation(), 1);
    for tree in [Tree::Rows, Tree::Keys] {
        let expected: Entries = (0..500).map(|n| (key(n), value(n))).collect();
        assert_eq!(scanned(&store.view(), tree), expected);
    }
}

#[test]
fn a_store_goes_on_with_other_options() {
    let memory = Memory::new(1);
    let mut expected = Entries::new();
    for n in 0..30 {
        let options = [
            Options { run_entries: 4, block_bytes: 1, piece_entries: 1 },
            Options::default(),
            Options { run_entries: 20, block_bytes: 300, piece_entries: 7 },
        ][n as usize % 3];
        let mut store = Store::over(memory.clone(), options).unwrap();
        commit(&mut store, &put(Tree::Keys, n * 30..n * 30 + 30), n + 1).unwrap();
        expected.extend((n * 30..n * 30 + 30).map(|n| (key(n), value(n))));
        merge_all(&mut store);
        assert_eq!(scanned(&store.view(), Tree::Keys), expected);
    }
}

#[test]
fn a_commit_between_two_pieces_of_a_merge_is_kept() {
    let memory = Memory::new(1);
    let mut store = open(&memory);
    let mut expected = Entries::new();
    for n in 0..200 {
        let changes: Vec<_> =
            (0..5).map(|row| (Tree::Rows, key(row * n % 37), Some(value(row + n)))).collect();
        expected.extend(changes.iter().map(|(_, key, value)| (*key, value.clone().unwrap())));
        commit(&mut store, &changes, n + 1).unwrap();
        store.merge_step().unwrap();
        assert_eq!(scanned(&store.view(), Tree::Rows), expected);
    }
    assert!(store.stats().merges > 10, "{:?}", store.stats());
}

#[test]
fn a_merge_that_failed_leaves_the_store_as_it_was_and_is_done_again() {
    let operations =
        [Operation::Create, Operation::Write, Operation::Sync, Operation::Rename, Operation::SyncNames];
    for (operation, skip) in operations.into_iter().flat_map(|kind| (0..3).map(move |skip| (kind, skip))) {
        let memory = Memory::new(1);
        let mut store = open(&memory);
        for n in 0..16 {
            commit(&mut store, &put(Tree::Keys, n * 4..n * 4 + 4), n + 1).unwrap();
        }
        let expected = scanned(&store.view(), Tree::Keys);
        memory.fail(operation, skip, libc::EIO);
        let mut failures = 0;
        loop {
            match store.merge_step() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    assert!(matches!(error, Error::Io { .. }) && !error.needs_a_new_store(), "{error}");
                    failures += 1;
                }
            }
            assert_eq!(scanned(&store.view(), Tree::Keys), expected);
        }
        assert!(failures < 2, "{operation:?} {skip}: {failures} failures of one fault");
        assert!(skip > 0 || failures == 1, "{operation:?} is never called");
        assert!(store.stats().merges > 0 && store.stats().merges_due == 0);
        drop(store);
        memory.crash(Crash::Lose);
        assert_eq!(scanned(&open(&memory).view(), Tree::Keys), expected);
    }
}

#[test]
fn a_full_disk_stops_merges_and_they_go_on_when_there_is_room() {
    let memory = Memory::new(1);
    let mut store = open(&memory);
    for n in 0..16 {
        commit(&mut store, &put(Tree::Keys, n * 4..n * 4 + 4), n + 1).unwrap();
    }
    let used = memory.used();
    memory.limit_space(used + 1000);
    let refused = loop {
        match store.merge_step() {
            Ok(true) => {}
            Ok(false) => panic!("the merge had room"),
            Err(error) => break error,
        }
    };
    let Error::Io { source, .. } = &refused else { panic!("{refused}") };
    assert_eq!(source.raw_os_error(), Some(libc::ENOSPC));
    assert_eq!(memory.used(), used, "the failed merge has left something over");
    assert_eq!(scanned(&store.view(), Tree::Keys).len(), 64);
    memory.limit_space(u64::MAX);
    merge_all(&mut store);
    assert_eq!(scanned(&store.view(), Tree::Keys).len(), 64);
    assert!(memory.used() < used);
}

#[test]
fn a_view_can_be_read_by_many_threads_while_the_store_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(&dir.path().join("store"), SMALL).unwrap();
    commit(&mut store, &put(Tree::Keys, 0..200), 1).unwrap();
    let (send, views) = std::sync::mpsc::sync_channel::<(store::View, u64)>(4);
    let views = std::sync::Mutex::new(views);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Ok((view, keys)) = views.lock().unwrap().recv() else { return };
                    assert_eq!(view.scan(Tree::Keys).filter(|entry| entry.is_ok()).count() as u64, keys);
                    for n in (0..keys).step_by(7) {
                        assert_eq!(view.get(Tree::Keys, &key(n)).unwrap(), Some(value(n)));
                    }
                }
            });
        }
        for n in 0..60 {
            let keys = 200 + n * 10;
            commit(&mut store, &put(Tree::Keys, keys..keys + 10), n + 2).unwrap();
            send.send((store.view(), keys + 10)).unwrap();
            merge_all(&mut store);
        }
        drop(send);
    });
}

#[test]
fn a_merge_is_no_larger_however_many_runs_wait_for_one() {
    let memory = Memory::new(1);
    let mut store = open(&memory);
    for n in 0..60 {
        commit(&mut store, &put(Tree::Keys, n * 48..n * 48 + 48), n + 1).unwrap();
    }
    let (before, waiting) = (store.stats(), store.stats().merges_due);
    assert!(waiting > 10, "{before:?}");
    // Manifests are written by commits too, so this is more than a run has.
    let run = before.committed_bytes / 60;
    let mut last = before;
    while store.merge_step().unwrap() {
        let now = store.stats();
        if now.merges > last.merges {
            let merged = now.merged_bytes - last.merged_bytes;
            assert!(merged <= 12 * run, "a merge of {merged} bytes, and a run has {run}");
            last = now;
        }
    }
    assert!(last.merges > 10 && store.stats().merges_due == 0, "{last:?}");
    assert_eq!(scanned(&store.view(), Tree::Keys).len(), 60 * 48);
}
