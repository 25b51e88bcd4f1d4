//! Tests of the state store through its public interface: a model beside it, a crash at every change of a file, every
//! byte damaged, and what merges may cost.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod corruption;
mod crash_points;
mod golden;
mod merges;
mod model;
mod on_disk;
mod views;

use std::collections::BTreeMap;

use journal::memory::Memory;
use journal::{Cursor, LineageId, Lsn};
use store::{Change, Error, Key, Options, Store, Tree, View};

/// What a tree holds.
type Entries = BTreeMap<Key, Vec<u8>>;

fn cursor(lsn: u64) -> Cursor {
    Cursor { lineage: LineageId([3; 16]), lsn: Lsn(lsn), hash: [lsn as u8; 32] }
}

/// A key that is spread evenly, as hashes are.
fn key(number: u64) -> Key {
    let mut random = fastrand::Rng::with_seed(number);
    Key(random.u128(..).to_be_bytes())
}

/// A value that differs for each key.
fn value(number: u64) -> Vec<u8> {
    format!("value {number} ").repeat(1 + number as usize % 5).into_bytes()
}

/// Runs and blocks so small that a few commits fill several levels.
const SMALL: Options = Options { run_entries: 48, block_bytes: 100, piece_entries: 5 };

fn open(memory: &Memory) -> Store<Memory> {
    Store::over(memory.clone(), SMALL).unwrap()
}

fn put(tree: Tree, numbers: impl IntoIterator<Item = u64>) -> Vec<(Tree, Key, Option<Vec<u8>>)> {
    numbers.into_iter().map(|number| (tree, key(number), Some(value(number)))).collect()
}

fn commit<S: journal::storage::Storage>(
    store: &mut Store<S>,
    changes: &[(Tree, Key, Option<Vec<u8>>)],
    lsn: u64,
) -> Result<(), Error> {
    let changes =
        changes.iter().map(|(tree, key, value)| Change { tree: *tree, key: *key, value: value.as_deref() });
    store.commit(changes, cursor(lsn), &lsn.to_le_bytes())
}

/// Merges until nothing is due.
fn merge_all<S: journal::storage::Storage>(store: &mut Store<S>) {
    while store.merge_step().unwrap() {}
}

fn scanned(view: &View, tree: Tree) -> Entries {
    let entries: Vec<_> = view.scan(tree).collect::<Result<_, _>>().unwrap();
    assert!(entries.is_sorted_by(|(a, _), (b, _)| a < b), "a scan is in the order of the keys");
    entries.into_iter().collect()
}
