//! The bytes of a store do not change unless the version of its format does.

use journal::memory::Memory;
use journal::storage::Storage;
use store::Tree;

use crate::{commit, key, merge_all, open, put};

/// Each file of a store with every part of the format: its name, its length and its checksum.
const FILES: &[(&str, usize, u32)] = &[
    ("000000000076.run", 2888, 1181977891),
    ("000000000077.run", 2905, 283777509),
    ("000000000078.run", 2979, 3490911199),
    ("000000000079.run", 2921, 1199963009),
    ("000000000098.run", 3086, 182036685),
    ("000000000117.run", 2974, 2928159724),
    ("000000000118.run", 1308, 3327202015),
    ("000000000121.run", 1288, 3632808497),
    ("000000000123.run", 577, 2030817341),
    ("000000000124.run", 1242, 2700362215),
    ("000000000125.run", 153, 4088643970),
    ("000000000126.run", 1273, 208344889),
    ("000000000127.run", 153, 3450239586),
    ("manifest", 644, 1214729159),
];

#[test]
fn the_files_of_format_version_1_are_what_they_were() {
    let memory = Memory::new(1);
    let mut store = open(&memory);
    for n in 0..40 {
        let changes = [put(Tree::Rows, n..n + 9), put(Tree::Keys, n * 8..n * 8 + 8)].concat();
        commit(&mut store, &changes, n + 1).unwrap();
        commit(&mut store, &[(Tree::Rows, key(n), None)], n + 1).unwrap();
        if n < 38 {
            merge_all(&mut store);
        }
    }
    drop(store);
    let files: Vec<(String, usize, u32)> = memory
        .list()
        .unwrap()
        .into_iter()
        .map(|name| {
            let bytes = memory.bytes(&name).unwrap();
            (name, bytes.len(), crc32c::crc32c(&bytes))
        })
        .collect();
    let expected: Vec<_> = FILES.iter().map(|(name, len, crc)| (name.to_string(), *len, *crc)).collect();
    assert_eq!(files, expected, "raise VERSION in io/store/src/format.rs, and say so in the changelog");
}
