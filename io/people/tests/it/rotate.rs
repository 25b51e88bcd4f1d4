//! The change of the master key: everybody keeps their id, and the old key opens nothing any more.

use std::path::Path;

use people::{Contents, DATABASE, Error, Master, rotate};
use protocol::PlayerId;
use rusqlite::Connection;

use crate::rig::{Image, master, person, read, with};

fn other() -> Master {
    Master::new(b"the next master key of these tests")
}

/// The store is under the new key alone, and has everybody.
fn is_under_the_new_key(directory: &Path, ids: &[PlayerId]) {
    let found = Contents::read(directory, &other()).expect("a sound store").expect("a store");
    found.check_keys(|_| false).expect("everybody has a key");
    for (name, id) in ["anna", "bert"].iter().zip(ids) {
        assert_eq!(found.find(&person(name)), Some(*id));
        assert_eq!(found.person(*id).expect("it opens"), Some(person(name)));
    }
    assert!(found.is_excluded(&person("carl")), "the blind index does not change with the master key");
    assert!(matches!(read(directory), Err(Error::WrongKey { .. })));
}

/// A store of two people, and one who was excluded.
fn store() -> (tempfile::TempDir, Vec<PlayerId>) {
    let (directory, ids) = with(&["anna", "bert", "carl"]);
    read(directory.path()).expect("sound").erase(&[(ids[2], true)]).expect("a disk");
    (directory, ids)
}

#[test]
fn everybody_keeps_their_id_and_the_old_key_opens_nothing() {
    let (directory, ids) = store();
    let before = Image::of(directory.path());
    let hashes: Vec<[u8; 16]> = {
        let database = Connection::open(directory.path().join(DATABASE)).expect("a database");
        let mut rows =
            database.prepare("SELECT lookup FROM person UNION SELECT tag FROM person").expect("SQL");
        let rows = rows.query_map([], |row| row.get(0)).expect("SQL");
        rows.map(|hash| hash.expect("16 bytes")).collect()
    };
    let done = rotate(directory.path(), &master(), &other()).expect("a disk").expect("a store");
    assert_eq!((done.people, done.changed), (2, true));
    is_under_the_new_key(directory.path(), &ids);
    let after = Image::of(directory.path());
    let again = rotate(directory.path(), &master(), &other()).expect("a disk").expect("a store");
    assert!(!again.changed && Image::of(directory.path()) == after);
    // Nothing of the old look-up hashes, codes and wrapped keys is left, in free pages neither.
    let wrapped = before.keys[92..].chunks_exact(48).take(3).map(|entry| &entry[8..]);
    assert!(wrapped.chain([&before.keys[44..84]]).all(|key| !has(&after.keys, key)));
    assert!(hashes.len() == 2 * 2 && hashes.iter().all(|hash| has(&before.database, hash)));
    assert!(hashes.iter().all(|hash| !has(&after.database, hash)));
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_crash_between_the_two_files_is_refused_by_a_start_and_finished_by_the_same_command() {
    let (directory, ids) = store();
    let before = Image::of(directory.path());
    rotate(directory.path(), &master(), &other()).expect("a disk");
    let after = Image::of(directory.path());
    Image { database: before.database, keys: after.keys }.put(directory.path());
    for master in [master(), other()] {
        let refused = Contents::read(directory.path(), &master);
        let said = refused.expect_err("two keys").to_string();
        assert!(said.contains("run `hub person rotate-key` with both"), "{said}");
    }
    let done = rotate(directory.path(), &master(), &other()).expect("a disk").expect("a store");
    assert!(done.changed);
    is_under_the_new_key(directory.path(), &ids);
}

#[test]
fn with_a_wrong_old_key_nothing_is_changed() {
    let (directory, _) = store();
    let before = Image::of(directory.path());
    let refused = rotate(directory.path(), &Master::new(b"no key of it"), &other());
    assert!(matches!(refused, Err(Error::WrongKey { .. })), "{refused:?}");
    assert!(Image::of(directory.path()) == before);
    let none = tempfile::tempdir().expect("a temporary directory");
    assert_eq!(rotate(none.path(), &master(), &other()).expect("no store is no error"), None);
}
