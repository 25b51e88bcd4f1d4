//! Damage: every byte of a small store is changed, files are cut, lost and swapped.

use journal::memory::Memory;
use journal::storage::Storage;
use store::{Error, Store, Tree};

use crate::{Entries, commit, key, merge_all, open, put, scanned};

/// A store of merged and unmerged runs.
fn small() -> Memory {
    let memory = Memory::new(1);
    let mut store = open(&memory);
    for n in 0..18 {
        let changes = [put(Tree::Rows, n..n + 6), put(Tree::Keys, n * 2..n * 2 + 2)].concat();
        commit(&mut store, &changes, n + 1).unwrap();
        if n == 16 {
            merge_all(&mut store);
        }
    }
    memory
}

/// All that a store says, or the first error.
fn read(memory: &Memory) -> Result<[Entries; 2], Error> {
    let store = Store::over(memory.clone(), crate::SMALL)?;
    let view = store.view();
    for number in 0..40 {
        view.get(Tree::Rows, &key(number))?;
        view.get(Tree::Keys, &key(number))?;
    }
    let scan = |tree| view.scan(tree).collect::<Result<Entries, Error>>();
    Ok([scan(Tree::Rows)?, scan(Tree::Keys)?])
}

#[test]
fn every_changed_byte_is_found_as_damage_or_changes_nothing() {
    let whole = small();
    let expected = read(&whole).unwrap();
    let (mut tried, mut harmless) = (0, 0);
    for name in whole.list().unwrap() {
        for at in 0..whole.bytes(&name).unwrap().len() as u64 {
            for mask in [1, 0x80, 0xff] {
                let memory = whole.copy();
                memory.flip(&name, at, mask);
                tried += 1;
                match read(&memory) {
                    Ok(found) => {
                        assert_eq!(found, expected, "{name} at {at}: a wrong answer");
                        harmless += 1;
                    }
                    Err(Error::Damaged { file, .. }) => assert_eq!(file, memory.path(&name)),
                    Err(other) => panic!("{name} at {at}: {other}"),
                }
            }
        }
    }
    println!("tried {tried}, wrong answers 0, harmless {harmless}");
    assert!(
        harmless > 0 && harmless < tried / 2,
        "damaged filters are built again, and little else is harmless"
    );
}

#[test]
fn no_damage_makes_a_key_absent() {
    let whole = small();
    let there = scanned(&open(&whole.copy()).view(), Tree::Keys);
    for name in whole.list().unwrap() {
        for at in 0..whole.bytes(&name).unwrap().len() as u64 {
            let memory = whole.copy();
            memory.flip(&name, at, 0x10);
            let Ok(store) = Store::over(memory, crate::SMALL) else { continue };
            let view = store.view();
            assert!(there.keys().all(|key| view.may_have(Tree::Keys, key)), "{name} at {at}");
        }
    }
}

#[test]
fn a_file_that_is_missing_cut_or_swapped_is_named() {
    let whole = small();
    let runs: Vec<String> = whole.list().unwrap().into_iter().filter(|name| name.ends_with(".run")).collect();
    assert!(runs.len() > 1);
    let refused = |memory: Memory, name: &str| match read(&memory) {
        Err(error @ Error::Damaged { .. }) => {
            assert!(error.needs_a_new_store());
            assert!(error.to_string().contains(name), "{error}");
        }
        other => panic!("{name}: {other:?}"),
    };
    for name in &runs {
        let memory = whole.copy();
        memory.remove(name).unwrap();
        refused(memory, name);
        for bytes in [0, 1, 60] {
            let memory = whole.copy();
            memory.change(name, |content| content.truncate(content.len() - 1 - bytes));
            refused(memory, name);
        }
        for other in runs.iter().filter(|other| *other != name) {
            let memory = whole.copy();
            let bytes = memory.bytes(other).unwrap();
            memory.change(name, |content| *content = bytes.clone());
            refused(memory, name);
        }
    }
    for bytes in [0, 129 << 20] {
        let memory = whole.copy();
        memory.change("manifest", |content| content.resize(bytes, 0));
        refused(memory, "manifest");
    }
}

#[test]
fn an_older_copy_of_a_run_under_the_same_name_is_refused() {
    let (a, b) = (Memory::new(1), Memory::new(1));
    for (memory, numbers) in [(&a, 0..5), (&b, 5..10)] {
        commit(&mut open(memory), &put(Tree::Keys, numbers), 1).unwrap();
    }
    let foreign = b.bytes("000000000001.run").unwrap();
    a.change("000000000001.run", |content| *content = foreign.clone());
    assert!(matches!(read(&a), Err(Error::Damaged { .. })));
}

#[test]
fn a_later_version_is_named() {
    let memory = small();
    memory.change("manifest", |bytes| {
        bytes[8..12].copy_from_slice(&9u32.to_le_bytes());
        let said = bytes.len() - 4;
        let crc = crc32c::crc32c(&bytes[..said]);
        bytes[said..].copy_from_slice(&crc.to_le_bytes());
    });
    let error = read(&memory).unwrap_err();
    assert!(matches!(error, Error::Version { version: 9, .. }) && error.needs_a_new_store(), "{error}");
}

#[test]
fn a_merge_that_meets_damage_stops_and_the_store_goes_on_without_it() {
    let memory = Memory::new(1);
    let mut store = open(&memory);
    for n in 0..15 {
        commit(&mut store, &put(Tree::Keys, n * 2..n * 2 + 2), n + 1).unwrap();
    }
    // The first block of the first run.
    memory.flip("000000000001.run", 20, 1);
    commit(&mut store, &put(Tree::Keys, 30..32), 16).unwrap();
    let files = memory.list().unwrap();
    for _ in 0..2 {
        let refused = loop {
            match store.merge_step() {
                Ok(true) => {}
                Ok(false) => panic!("the damage was not noticed"),
                Err(error) => break error,
            }
        };
        assert!(matches!(&refused, Error::Damaged { file, .. } if *file == memory.path("000000000001.run")));
        assert!(refused.needs_a_new_store());
        assert_eq!(memory.list().unwrap(), files, "the merge has left something over");
    }
    commit(&mut store, &put(Tree::Keys, 32..34), 17).unwrap();
    let view = store.view();
    assert!((0..34).all(|n| view.may_have(Tree::Keys, &key(n))));
    assert!((2..34).all(|n| view.get(Tree::Keys, &key(n)).unwrap().is_some()));
    assert!((0..2).all(|n| matches!(view.get(Tree::Keys, &key(n)), Err(Error::Damaged { .. }))));
}
