//! Crashes: whatever one leaves, everybody who was answered has their id, and the store goes on.

use std::{fs, path::Path};

use people::{Contents, DATABASE, Error, KEYS, People};
use protocol::PlayerId;
use rusqlite::Connection;

use crate::rig::{Image, empty, enrol, master, open, person, read, with};

/// Starts on what is in a directory: these people have their ids, and somebody new can be enrolled and found again.
fn goes_on(directory: &Path, ids: &[(&str, PlayerId)], what: &str) {
    let people = open(directory);
    for (name, id) in ids {
        assert_eq!(people.get(&person(name)), Some(*id), "{what}");
    }
    let before = people.stats().people;
    let carl = enrol(&people, "carl").expect("a disk");
    drop(people);
    let after = read(directory).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!((after.count(), after.has(carl)), (before + 1, true), "{what}");
    after.check_keys(|_| false).expect("everybody has a key");
    let left = [directory.join("people.keys.partial"), directory.join("people.db.partial")];
    assert!(left.iter().all(|path| !path.exists()), "{what}");
}

#[test]
fn a_transaction_that_a_crash_interrupts_is_taken_back() {
    let (directory, ids) = with(&["anna", "bert"]);
    let writing = Connection::open(directory.path().join(DATABASE)).expect("a database");
    // Without a cache the pages of an open transaction are on the disk at once, and the old ones in the journal.
    writing
        .execute_batch("PRAGMA cache_size = 0; PRAGMA cache_spill = 1; BEGIN IMMEDIATE")
        .expect("a database");
    writing.execute_batch("DELETE FROM person; UPDATE store SET people = 0").expect("rows");
    for _ in 0..2_000 {
        let row = "INSERT INTO exclusion VALUES (randomblob(16), zeroblob(16), zeroblob(16))";
        writing.execute(row, []).expect("a row");
    }
    let crashed = tempfile::tempdir().expect("a temporary directory");
    for name in [DATABASE, "people.db-journal", KEYS] {
        fs::copy(directory.path().join(name), crashed.path().join(name)).expect("a disk");
    }
    assert!(Image::of(crashed.path()).database.len() > 50_000, "the transaction is half on the disk");
    assert!(fs::metadata(crashed.path().join("people.db-journal")).expect("a journal").len() > 4_096);
    goes_on(crashed.path(), &[("anna", ids[0]), ("bert", ids[1])], "an interrupted transaction");
}

#[test]
fn a_store_whose_making_was_interrupted_at_any_step_is_made() {
    // Before the database has its name: what is left is replaced.
    let directory = tempfile::tempdir().expect("a temporary directory");
    for name in ["people.db.partial", "people.db.partial-journal"] {
        fs::write(directory.path().join(name), "half a database").expect("a disk");
    }
    assert!(Contents::read(directory.path(), &master()).expect("no store").is_none());
    Contents::create(directory.path(), &master()).expect("a disk");
    goes_on(directory.path(), &[], "before the database");
    // Between the two files, and with half a key file.
    let directory = empty();
    assert!(!directory.path().join(KEYS).exists(), "the key file comes with the first start");
    fs::write(directory.path().join("people.keys.partial"), "half a key file").expect("a disk");
    goes_on(directory.path(), &[], "before the key file");
}

#[test]
fn keys_without_a_database_are_not_written_over() {
    let (directory, _) = with(&["anna"]);
    fs::remove_file(directory.path().join(DATABASE)).expect("it is there");
    let keys = fs::read(directory.path().join(KEYS)).expect("the key file");
    assert!(Contents::read(directory.path(), &master()).expect("no database").is_none());
    assert!(matches!(Contents::create(directory.path(), &master()), Err(Error::KeysAlone { .. })));
    assert_eq!(fs::read(directory.path().join(KEYS)).expect("the key file"), keys);
}

#[test]
fn keys_that_were_made_ahead_before_a_crash_are_used_and_none_is_used_twice() {
    let (directory, ids) = with(&["anna"]);
    let one = Image::of(directory.path());
    let people = open(directory.path());
    // More people than keys are left: the key file is written again.
    for number in 0..4_096 {
        people.enrol(person(&number.to_string()), |result| assert!(result.is_ok()));
    }
    enrol(&people, "last").expect("a disk");
    drop(people);
    let other = Image::of(directory.path());
    assert!(one.keys.len() < other.keys.len());
    // The crash came after the key file and before the database.
    Image { database: one.database.clone(), keys: other.keys.clone() }.put(directory.path());
    goes_on(directory.path(), &[("anna", ids[0])], "between key file and database");
    // The other way around cannot come from a crash: it is an old key file, and is refused.
    Image { database: other.database, keys: one.keys }.put(directory.path());
    let refused = People::open(read(directory.path()).expect("the database is sound"));
    assert!(matches!(refused, Err(Error::KeysLost { count: 2.., .. })), "{refused:?}");
}

#[test]
fn starts_and_ends_without_anybody_new_change_nothing() {
    let (directory, ids) = with(&["anna", "bert"]);
    let before = Image::of(directory.path());
    for _ in 0..3 {
        drop(open(directory.path()));
        assert!(Image::of(directory.path()) == before);
    }
    goes_on(directory.path(), &[("anna", ids[0]), ("bert", ids[1])], "after three starts");
}
