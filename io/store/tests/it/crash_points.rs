//! A crash at every change of a file: of commits and of merges, with all that a disk may do to what was not synced.

use journal::memory::{Crash, Memory};
use store::{Options, Store, Tree};

use crate::{Entries, commit, key, scanned, value};

/// So small that merges divide runs among the parts of the key space, and some of them make several files.
const TINY: Options = Options { run_entries: 8, block_bytes: 100, piece_entries: 7 };

fn open(memory: &Memory) -> Store<Memory> {
    Store::over(memory.clone(), TINY).unwrap()
}

const CRASHES: [Crash; 6] =
    [Crash::Lose, Crash::Keep, Crash::Torn(700), Crash::Random(1), Crash::Random(2), Crash::Random(3)];

/// The changes of each commit: rows change, come and go; a key is put once. Every commit can be told from the others.
fn changes(n: u64) -> Vec<(Tree, store::Key, Option<Vec<u8>>)> {
    let mut changes = vec![(Tree::Rows, key(0), Some(value(n)))];
    changes.extend((1..6).map(|row| (Tree::Rows, key(row * n % 11), Some(value(row + n)))));
    changes.push((Tree::Rows, key(n % 7), None));
    changes.extend((0..3).map(|k| (Tree::Keys, key(1000 + 3 * n + k), Some(value(n)))));
    changes
}

/// What the trees hold after `n` commits.
fn expected(n: u64) -> [Entries; 2] {
    let mut trees = [Entries::new(), Entries::new()];
    for (tree, key, value) in (1..=n).flat_map(changes) {
        let entries = &mut trees[usize::from(tree == Tree::Keys)];
        match value {
            Some(value) => entries.insert(key, value),
            None => entries.remove(&key),
        };
    }
    trees
}

/// Commits and merges until the machine is off; returns how many commits have returned.
fn work(store: &mut Store<Memory>, from: u64, to: u64) -> u64 {
    for n in from..=to {
        if commit(store, &changes(n), n).is_err() {
            return n - 1;
        }
        if n % 3 == 0 && merge(store).is_err() {
            return n;
        }
    }
    to
}

fn merge(store: &mut Store<Memory>) -> Result<(), store::Error> {
    while store.merge_step()? {}
    Ok(())
}

#[test]
fn a_crash_at_any_write_leaves_the_old_commit_or_the_new_one() {
    const COMMITS: u64 = 18;
    let operations = {
        let memory = Memory::new(1);
        let mut store = open(&memory);
        assert_eq!(work(&mut store, 1, COMMITS), COMMITS);
        let stats = store.stats();
        // More runs than the small ones of two spans: some are in the children.
        assert!(stats.merges > 10 && stats.runs > 8, "{stats:?}");
        memory.operations()
    };
    let (mut tried, mut lost, mut doubled) = (0, 0, 0);
    for crash in CRASHES {
        for point in 0..operations {
            let memory = Memory::new(1);
            let mut store = open(&memory);
            memory.power_off_after(point);
            let returned = work(&mut store, 1, COMMITS);
            memory.crash(crash);
            drop(store);
            tried += 1;

            let mut store = open(&memory);
            let found = store.view().cursor().lsn.0;
            // One commit may have been under way.
            assert!(
                found == returned || found == returned + 1,
                "{crash:?} at {point}: {found} of {returned}"
            );
            let there = [Tree::Rows, Tree::Keys].map(|tree| scanned(&store.view(), tree));
            let expected_then = expected(found);
            for (there, expected) in there.iter().zip(&expected_then) {
                lost += expected.iter().filter(|(key, value)| there.get(*key) != Some(*value)).count();
                doubled += there.keys().filter(|key| !expected.contains_key(*key)).count();
            }
            for key in expected_then[1].keys() {
                assert!(store.view().may_have(Tree::Keys, key), "{crash:?} at {point}: a key is absent");
            }
            // The log is read again behind the cursor, and the store goes on.
            assert_eq!(work(&mut store, found + 1, found + 7), found + 7);
            drop(store);
            let store = open(&memory);
            for (tree, expected) in [Tree::Rows, Tree::Keys].into_iter().zip(expected(found + 7)) {
                assert_eq!(scanned(&store.view(), tree), expected, "{crash:?} at {point}");
            }
        }
    }
    println!("tried {tried}, lost {lost}, doubled {doubled}");
    assert_eq!((lost, doubled), (0, 0));
}

#[test]
fn a_second_crash_while_the_store_is_opened_changes_nothing() {
    for (seed, point) in (0..40).flat_map(|seed| (0..12).map(move |point| (seed, point))) {
        let memory = Memory::new(1);
        let mut store = open(&memory);
        memory.power_off_after(60 + seed);
        let returned = work(&mut store, 1, 100);
        memory.crash(Crash::Random(seed));
        drop(store);
        memory.power_off_after(point);
        drop(Store::over(memory.clone(), TINY));
        memory.crash(Crash::Random(seed + 1));
        let found = open(&memory).view().cursor().lsn.0;
        assert!(found == returned || found == returned + 1, "seed {seed}, point {point}");
        assert_eq!(scanned(&open(&memory).view(), Tree::Rows), expected(found)[0]);
    }
}
