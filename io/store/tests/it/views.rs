//! What a view promises.

use journal::memory::{Memory, Operation};
use journal::storage::Storage;
use journal::{Cursor, Lsn};
use store::{Change, Error, Key, Store, Tree, View};

use crate::{commit, cursor, key, merge_all, open, put, scanned, value};

#[test]
fn an_absent_store_is_empty_and_begins_at_the_beginning_of_the_log() {
    let store = open(&Memory::new(1));
    let view = store.view();
    assert_eq!((view.generation(), view.cursor(), view.meta()), (0, Cursor::default(), &b""[..]));
    assert!(!view.may_have(Tree::Rows, &key(1)) && !view.may_have(Tree::Keys, &key(1)));
    assert_eq!(view.get(Tree::Keys, &key(1)).unwrap(), None);
    assert_eq!(view.scan(Tree::Rows).count(), 0);
}

#[test]
fn a_commit_is_whole_and_survives_a_restart() {
    let memory = Memory::new(1);
    let mut store = open(&memory);
    commit(&mut store, &[put(Tree::Rows, [1, 2]), put(Tree::Keys, [3])].concat(), 7).unwrap();
    drop(store);
    let view = open(&memory).view();
    assert_eq!((view.generation(), view.cursor(), view.meta()), (1, cursor(7), &7u64.to_le_bytes()[..]));
    for (tree, number, there) in
        [(Tree::Rows, 1, true), (Tree::Rows, 2, true), (Tree::Rows, 3, false), (Tree::Keys, 3, true)]
    {
        assert_eq!(view.get(tree, &key(number)).unwrap(), there.then(|| value(number)));
        assert!(!there || view.may_have(tree, &key(number)));
    }
}

#[test]
fn the_newest_value_of_a_row_wins_and_a_removed_one_is_gone() {
    let memory = Memory::new(1);
    let mut store = open(&memory);
    let change = |value: Option<&'static [u8]>| Change { tree: Tree::Rows, key: key(1), value };
    store.commit([change(Some(b"one")), change(Some(b"two"))], cursor(1), b"").unwrap();
    assert_eq!(store.view().get(Tree::Rows, &key(1)).unwrap().unwrap(), b"two");
    store.commit([change(Some(b"three"))], cursor(2), b"").unwrap();
    assert_eq!(store.view().get(Tree::Rows, &key(1)).unwrap().unwrap(), b"three");
    store.commit([change(Some(b"four")), change(None)], cursor(3), b"").unwrap();
    assert_eq!(store.view().get(Tree::Rows, &key(1)).unwrap(), None);
    assert_eq!(scanned(&store.view(), Tree::Rows).len(), 0);
    merge_all(&mut store);
    assert_eq!((store.stats().rows, store.stats().runs), (0, 0), "what is removed takes no room for ever");
}

#[test]
fn a_commit_without_changes_moves_the_cursor() {
    let memory = Memory::new(1);
    let mut store = open(&memory);
    commit(&mut store, &put(Tree::Keys, [1]), 1).unwrap();
    commit(&mut store, &[], 5).unwrap();
    drop(store);
    let view = open(&memory).view();
    assert_eq!((view.generation(), view.cursor()), (2, cursor(5)));
    assert_eq!(view.get(Tree::Keys, &key(1)).unwrap(), Some(value(1)));
}

#[test]
fn a_view_answers_the_same_whatever_is_committed_and_merged_later() {
    let memory = Memory::new(1);
    let mut store = open(&memory);
    commit(&mut store, &put(Tree::Rows, 0..100), 1).unwrap();
    let view = store.view();
    let before = scanned(&view, Tree::Rows);
    for n in 0..40 {
        let changed: Vec<_> = (0..100).map(|row| (Tree::Rows, key(row), Some(value(row + n)))).collect();
        commit(&mut store, &changed, 2 + n).unwrap();
        commit(&mut store, &[(Tree::Rows, key(n), None)], 2 + n).unwrap();
        merge_all(&mut store);
    }
    assert_eq!(scanned(&view, Tree::Rows), before);
    assert_eq!((view.generation(), view.cursor()), (1, cursor(1)));
    assert!(store.stats().rows < 3 * 100, "{:?}", store.stats());
    let files = memory.list().unwrap().len();
    drop(view);
    assert!(!store.merge_step().unwrap());
    assert!(memory.list().unwrap().len() < files, "the files of the old view were not removed");
}

#[test]
fn files_that_a_crash_left_over_are_removed_at_the_next_start() {
    let memory = Memory::new(1);
    let mut store = open(&memory);
    commit(&mut store, &put(Tree::Keys, 0..3), 1).unwrap();
    drop(store);
    memory.create("000000000009.run").unwrap();
    memory.create("manifest.partial").unwrap();
    memory.create("somebody's").unwrap();
    drop(open(&memory));
    assert_eq!(memory.list().unwrap(), ["000000000001.run", "manifest", "somebody's"]);
}

#[test]
fn a_store_that_was_removed_is_empty() {
    let memory = Memory::new(1);
    let mut store = open(&memory);
    commit(&mut store, &put(Tree::Keys, 0..10), 1).unwrap();
    assert!(matches!(Store::remove_in(&memory), Err(Error::Directory(journal::Error::Locked { .. }))));
    assert!(matches!(
        Store::over(memory.clone(), crate::SMALL),
        Err(Error::Directory(journal::Error::Locked { .. }))
    ));
    drop(store);
    Store::remove_in(&memory).unwrap();
    assert_eq!(memory.list().unwrap().len(), 0);
    assert_eq!(open(&memory).view().generation(), 0);
}

#[test]
fn keys_with_the_same_first_bytes_are_told_apart() {
    let memory = Memory::new(1);
    let mut store = open(&memory);
    let near = |number: u64| Key((1 << 127 | u128::from(number)).to_be_bytes());
    // More than one block of them, and in two runs.
    let changes = |from: u64| (from..6000).step_by(2).map(move |n| (Tree::Keys, near(n), Some(value(n))));
    commit(&mut store, &changes(0).collect::<Vec<_>>(), 1).unwrap();
    commit(&mut store, &changes(1).collect::<Vec<_>>(), 2).unwrap();
    for n in 0..6000 {
        assert_eq!(store.view().get(Tree::Keys, &near(n)).unwrap(), Some(value(n)));
    }
    assert_eq!(store.view().get(Tree::Keys, &near(6000)).unwrap(), None);
    assert!(!store.view().may_have(Tree::Keys, &near(6000)), "it is above the last key");
}

#[test]
fn a_value_that_is_too_large_changes_nothing() {
    let memory = Memory::new(1);
    let mut store = open(&memory);
    let large = vec![0; store::VALUE_MAX + 1];
    let refused = commit(&mut store, &[(Tree::Rows, key(1), Some(large))], 1);
    assert!(matches!(refused, Err(Error::TooLarge { .. })));
    assert_eq!(store.view().generation(), 0);
    let large = vec![9; store::VALUE_MAX];
    commit(&mut store, &[(Tree::Rows, key(1), Some(large.clone())), (Tree::Rows, key(2), None)], 1).unwrap();
    assert!(store.view().get(Tree::Rows, &key(1)).unwrap() == Some(large));
}

#[test]
fn a_commit_that_failed_may_be_tried_again_and_nothing_of_it_is_seen() {
    for operation in
        [Operation::Create, Operation::Write, Operation::Sync, Operation::Rename, Operation::SyncNames]
    {
        for skip in 0..2 {
            for errno in [libc::EIO, libc::ENOSPC] {
                let memory = Memory::new(1);
                let mut store = open(&memory);
                commit(&mut store, &put(Tree::Keys, 0..10), 1).unwrap();
                let before = store.view();
                memory.fail(operation, skip, errno);
                if commit(&mut store, &put(Tree::Keys, 10..20), 2).is_err() {
                    assert_eq!(store.view().generation(), before.generation());
                    assert_eq!(scanned(&store.view(), Tree::Keys), scanned(&before, Tree::Keys));
                }
                // Whether the fault struck or waits for the second try, a third one succeeds.
                let again = commit(&mut store, &put(Tree::Keys, 10..20), 2)
                    .or_else(|_| commit(&mut store, &put(Tree::Keys, 10..20), 2));
                again.unwrap();
                drop((store, before));
                memory.crash(journal::memory::Crash::Lose);
                assert_eq!(scanned(&open(&memory).view(), Tree::Keys).len(), 20, "{operation:?} {skip}");
            }
        }
    }
}

#[test]
fn whenever_files_are_merged_while_a_view_is_read_it_is_the_store_before_or_after() {
    let (mut after, mut at) = (0, 0);
    loop {
        let memory = Memory::new(1);
        let mut store = open(&memory);
        (0..12).for_each(|n| commit(&mut store, &put(Tree::Keys, n * 40..n * 40 + 40), n + 1).unwrap());
        let before = View::read(&memory).unwrap();
        assert!(!before.has_moved(&memory));
        memory.before_read(at, move || {
            merge_all(&mut store);
            commit(&mut store, &put(Tree::Keys, 480..520), 13).unwrap();
        });
        let view = View::read(&memory).unwrap_or_else(|error| panic!("read {at}: {error}"));
        let withdrawn = memory.withdraw_before_read();
        assert_eq!(before.has_moved(&memory), !withdrawn, "read {at}");
        let is_after = view.cursor().lsn == Lsn(13);
        after += u64::from(is_after);
        if withdrawn {
            break;
        }
        // Its files may be gone, and then it says so.
        if is_after || !view.has_moved(&memory) {
            assert_eq!(scanned(&view, Tree::Keys).len(), 520, "read {at}");
        }
        at += 1;
    }
    assert!(at > 5 && after > 3, "{at} reads, {after} views of the store after the merge");
}
