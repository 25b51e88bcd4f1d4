//! Random commits, merges and restarts, beside a map.

use journal::memory::Memory;
use proptest::collection::vec;
use proptest::prelude::*;
use store::{Key, Options, Store, Tree, View};

use crate::{Entries, commit, merge_all, scanned, value};

/// Numbers of keys that a case uses, so that many are put twice.
const KEYS: u64 = 90;

/// Two keys each have the same first 15 bytes.
fn key(number: u64) -> Key {
    let mut key = crate::key(number / 2);
    key.0[15] = number as u8 % 2;
    key
}

#[derive(Debug, Clone)]
enum Step {
    /// Changes of rows: a number of a key, and the number of its value or none.
    Commit(Vec<(Tree, u64, Option<u64>)>),
    Merge,
    MergeAll,
    Reopen,
    /// Keeps a view, to compare it at the end.
    Keep,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let tree = prop_oneof![Just(Tree::Rows), Just(Tree::Keys)];
    let change = (tree, 0..KEYS, proptest::option::weighted(0.7, 0..1000u64));
    vec(
        prop_oneof![
            6 => vec(change, 0..25).prop_map(Step::Commit),
            3 => Just(Step::Merge),
            1 => Just(Step::MergeAll),
            1 => Just(Step::Reopen),
            1 => Just(Step::Keep),
        ],
        1..80,
    )
}

fn compare(view: &View, [rows, keys]: &[Entries; 2]) {
    for (tree, expected) in [(Tree::Rows, rows), (Tree::Keys, keys)] {
        assert!(scanned(view, tree) == *expected, "a scan of {tree:?} differs");
        for number in 0..KEYS {
            let key = key(number);
            assert!(view.get(tree, &key).unwrap().as_ref() == expected.get(&key), "a value differs");
            assert!(
                view.may_have(tree, &key) || !expected.contains_key(&key),
                "a key that was put is absent"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_answers_as_a_map_does(steps in steps(), run_entries in 4..60u64) {
        let memory = Memory::new(1);
        let options = Options { run_entries, block_bytes: 100, piece_entries: 5 };
        let open = || Store::over(memory.clone(), options).unwrap();
        let mut store = open();
        let (mut model, mut kept) = ([Entries::new(), Entries::new()], Vec::new());
        let mut commits = 0;
        for step in steps {
            match step {
                Step::Commit(changes) => {
                    commits += 1;
                    let changes: Vec<_> = changes
                        .into_iter()
                        .map(|(tree, number, new)| (tree, key(number), new.map(value)))
                        .collect();
                    commit(&mut store, &changes, commits).unwrap();
                    for (tree, key, new) in changes {
                        let entries = &mut model[usize::from(tree == Tree::Keys)];
                        match new {
                            Some(new) => entries.insert(key, new),
                            None => entries.remove(&key),
                        };
                    }
                }
                Step::Merge => _ = store.merge_step().unwrap(),
                Step::MergeAll => merge_all(&mut store),
                Step::Reopen => {
                    // Views of a store that was dropped are not promised to work.
                    kept.drain(..).for_each(|(view, model)| compare(&view, &model));
                    drop(store);
                    store = open();
                }
                Step::Keep => kept.push((store.view(), model.clone())),
            }
            prop_assert_eq!(store.view().generation(), commits);
            compare(&store.view(), &model);
        }
        kept.iter().for_each(|(view, model)| compare(view, model));
        merge_all(&mut store);
        compare(&store.view(), &model);
    }
}
