//! Erasing: no file has the person any more, a crash between two steps is finished, an exclusion stays.

use std::{fs, path::Path};

use people::{Contents, DATABASE, Error, NotEnrolled, People};
use protocol::PlayerId;
use rusqlite::{Connection, Row};

use crate::rig::{Image, enrol, open, person, read, with};

/// Erases as a start does that finds these people in the log.
fn erase(directory: &Path, people: &[(PlayerId, bool)]) -> people::Erased {
    read(directory).expect("a sound store").erase(people).expect("a disk")
}

/// Nobody has the id of anna, bert has his, and anna comes back as somebody new.
fn is_gone(directory: &Path, ids: &[PlayerId], what: &str) {
    let found = read(directory).expect("a sound store");
    assert!(!found.has(ids[0]) && found.has(ids[1]) && found.count() == 1, "{what}");
    assert_eq!((found.find(&person("anna")), found.find(&person("bert"))), (None, Some(ids[1])), "{what}");
    assert_eq!(found.person(ids[0]).expect("a database"), None);
    let people = People::open(found).expect("a disk");
    let new = enrol(&people, "anna").expect("a disk");
    assert_ne!(new, ids[0], "{what}");
}

#[test]
fn who_was_erased_is_nobody_and_comes_back_as_somebody_new() {
    let (directory, ids) = with(&["anna", "bert"]);
    let row: Vec<Vec<u8>> = {
        let database = Connection::open(directory.path().join(DATABASE)).expect("a database");
        let columns = "SELECT lookup, issuer, subject, tag FROM person WHERE player = ?1";
        let column = |row: &Row<'_>| (0..4).map(|column| row.get(column)).collect();
        database.query_row(columns, [ids[0].0.to_be_bytes()], column).expect("her row")
    };
    let before = Image::of(directory.path());
    let wrapped = &before.keys[92 + 8..92 + 48];
    let has = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(row.iter().all(|part| has(&before.database, part)));
    let erased = erase(directory.path(), &[(ids[0], false)]);
    assert_eq!((erased.removed, erased.unrecognised), (vec![ids[0]], vec![]));
    for entry in fs::read_dir(directory.path()).expect("a directory") {
        let path = entry.expect("a file").path();
        let bytes = fs::read(&path).expect("a file");
        let left = row.iter().map(|part| &part[..]).chain([wrapped]).any(|part| has(&bytes, part));
        assert!(!left, "{} has a part of her row or her key, in free space", path.display());
    }
    is_gone(directory.path(), &ids, "erased");
    let found = read(directory.path()).expect("a sound store");
    assert_eq!(found.erased().collect::<Vec<_>>(), [(ids[0], false)], "the id alone is noted");
    let again = erase(directory.path(), &[(ids[0], false)]);
    assert_eq!(again, people::Erased::default(), "it may be repeated");
}

#[test]
fn a_crash_between_two_steps_is_finished_by_the_next_start() {
    let (directory, ids) = with(&["anna", "bert"]);
    let before = Image::of(directory.path());
    erase(directory.path(), &[(ids[0], false)]);
    let after = Image::of(directory.path());
    // The key is destroyed, the row is there.
    Image { database: before.database.clone(), keys: after.keys.clone() }.put(directory.path());
    let found = read(directory.path()).expect("a sound store");
    assert_eq!(found.person(ids[0]).expect("a database"), None, "nothing reads who it was");
    found.check_keys(|player| player == ids[0]).expect("the log says that this one is erased");
    assert!(
        matches!(found.check_keys(|_| false), Err(Error::KeysLost { count: 1, first, .. }) if first == ids[0])
    );
    let refused = People::open(found).expect_err("a key is missing").to_string();
    assert!(
        refused.contains("from after an erasure that the database and the log are older than"),
        "{refused}"
    );
    assert_eq!(erase(directory.path(), &[(ids[0], false)]).removed, [ids[0]]);
    is_gone(directory.path(), &ids, "the row was left");
    // The row is gone, the key is there: an old key file beside a new database.
    Image { database: after.database, keys: before.keys.clone() }.put(directory.path());
    is_gone(directory.path(), &ids, "the key was left");
    let people = open(directory.path());
    let new = people.get(&person("anna")).expect("she came back");
    drop(people);
    // The key of the erased row is no more in the key file: with the old row it opens nothing.
    let keys = Image::of(directory.path()).keys;
    Image { database: before.database, keys }.put(directory.path());
    assert_eq!(read(directory.path()).expect("sound").person(ids[0]).expect("a database"), None);
    assert_ne!(new, ids[0]);
}

#[test]
fn a_failed_write_of_the_key_file_leaves_the_person_and_the_same_call_carries_on() {
    let (directory, ids) = with(&["anna", "bert"]);
    let obstacle = directory.path().join("people.keys.partial");
    fs::create_dir(&obstacle).expect("a disk");
    let failed = read(directory.path()).expect("a sound store").erase(&[(ids[0], true)]);
    assert!(matches!(failed, Err(Error::Io { .. })), "{failed:?}");
    let found = read(directory.path()).expect("a sound store");
    assert!(found.has(ids[0]) && found.is_excluded(&person("anna")));
    fs::remove_dir(&obstacle).expect("it was made");
    let erased = erase(directory.path(), &[(ids[0], true)]);
    assert_eq!((erased.removed, erased.unrecognised), (vec![ids[0]], vec![]));
    let found = read(directory.path()).expect("a sound store");
    assert!(!found.has(ids[0]) && found.is_excluded(&person("anna")));
}

#[test]
fn after_an_older_backup_the_same_erasure_is_carried_out_again() {
    let (directory, ids) = with(&["anna", "bert"]);
    let backup = Image::of(directory.path());
    erase(directory.path(), &[(ids[0], true)]);
    backup.put(directory.path());
    assert_eq!(read(directory.path()).expect("sound").find(&person("anna")), Some(ids[0]), "she is back");
    let erased = erase(directory.path(), &[(ids[0], true)]);
    assert_eq!((erased.removed, erased.unrecognised), (vec![ids[0]], vec![]));
    assert!(read(directory.path()).expect("sound").is_excluded(&person("anna")));
}

#[test]
fn an_exclusion_outlives_the_person_and_refuses_who_comes_back_under_the_same_name() {
    let (directory, ids) = with(&["anna", "bert"]);
    erase(directory.path(), &[(ids[0], true)]);
    let people = open(directory.path());
    assert!(people.is_excluded(&person("anna")) && !people.is_excluded(&person("bert")));
    assert_eq!(enrol(&people, "anna"), Err(NotEnrolled::Excluded));
    assert_eq!(people.get(&person("anna")), None);
    enrol(&people, "carl").expect("others are welcome");
}

#[test]
fn an_exclusion_that_an_older_database_lost_with_the_key_is_told() {
    let (directory, ids) = with(&["anna", "bert"]);
    let before = Image::of(directory.path());
    erase(directory.path(), &[(ids[0], true)]);
    let keys = Image::of(directory.path()).keys;
    Image { database: before.database, keys }.put(directory.path());
    let erased = erase(directory.path(), &[(ids[0], true)]);
    assert_eq!((erased.removed, erased.unrecognised), (vec![ids[0]], vec![ids[0]]));
    assert!(!read(directory.path()).expect("sound").is_excluded(&person("anna")));
    // It is told at every start, until the exclusion is back.
    assert_eq!(erase(directory.path(), &[(ids[0], true)]).unrecognised, [ids[0]]);
}

#[test]
fn thousands_are_erased_with_one_write_of_the_key_file() {
    let (directory, ids) = with(&["anna", "bert"]);
    let people = open(directory.path());
    let (sender, answers) = std::sync::mpsc::channel();
    for number in 0..3_000 {
        let sender = sender.clone();
        people
            .enrol(person(&number.to_string()), move |id| sender.send(id.expect("a disk")).expect("a test"));
    }
    drop((people, sender));
    let all: Vec<(PlayerId, bool)> = answers.iter().map(|player| (player, false)).collect();
    let mut found = read(directory.path()).expect("a sound store");
    assert_eq!(found.erase(&all).expect("a disk").removed.len(), 3_000);
    assert_eq!((found.count(), found.has(ids[0])), (2, true));
    let again: Contents = read(directory.path()).expect("a sound store");
    assert_eq!((again.count(), again.find(&person("17"))), (2, None));
}
