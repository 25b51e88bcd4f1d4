//! Erasing from the open store: the same as from one that nobody uses, between two batches of enrolments.

use std::{fs, path::Path, sync::mpsc};

use people::{
    DATABASE, Erased, KEYS, NotEnrolled, NotErased, People, Readiness,
    storage::{NotKept, PlayerStanding},
};
use protocol::PlayerId;
use rusqlite::{Connection, Row};

use crate::rig::{Image, empty, enrol, erase_open, in_memory, open, person, read, standing, with};

const UNKNOWN: PlayerId = PlayerId(77);

fn removed(player: PlayerId) -> Result<Erased, NotErased> {
    Ok(Erased { removed: vec![player], unrecognised: vec![] })
}

/// The parts of a person's row that only this person has, and the wrapped key.
fn parts_of(directory: &Path, player: PlayerId) -> Vec<Vec<u8>> {
    let database = Connection::open(directory.join(DATABASE)).expect("a database");
    let columns = "SELECT lookup, issuer, subject, tag, slot FROM person WHERE player = ?1";
    let read = |row: &Row<'_>| {
        let parts = (0..4).map(|column| row.get(column)).collect::<Result<Vec<Vec<u8>>, _>>();
        Ok((parts?, row.get::<_, i64>(4)? as usize))
    };
    let (mut parts, slot) = database.query_row(columns, [player.0.to_be_bytes()], read).expect("a row");
    let keys = fs::read(directory.join(KEYS)).expect("a key file");
    parts.push(keys[92 + 48 * slot + 8..92 + 48 * (slot + 1)].to_vec());
    parts
}

fn has_none_of(directory: &Path, parts: &[Vec<u8>]) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("a file").path();
        let bytes = fs::read(&path).expect("a file");
        let left = parts.iter().any(|part| bytes.windows(part.len()).any(|window| window == part));
        assert!(!left, "{} has a part of the row or the key", path.display());
    }
}

#[test]
fn who_is_erased_from_the_open_store_is_nobody_and_comes_back_as_somebody_new() {
    let (directory, ids) = with(&["anna", "bert"]);
    let before = Image::of(directory.path());
    let parts = parts_of(directory.path(), ids[0]);
    let people = open(directory.path());
    let there = PlayerStanding { has: true, named: true, erased: false, excludes: false };
    assert_eq!(standing(&people, ids[0]), Ok(there));
    assert_eq!(erase_open(&people, ids[0], false), removed(ids[0]));
    assert_eq!((people.get(&person("anna")), people.get(&person("bert"))), (None, Some(ids[1])));
    assert_eq!(people.stats().people, 1);
    has_none_of(directory.path(), &parts);
    let gone = PlayerStanding { erased: true, ..PlayerStanding::default() };
    assert_eq!(standing(&people, ids[0]), Ok(gone));
    assert_eq!(erase_open(&people, ids[0], false), Ok(Erased::default()), "it may be repeated");
    let again = enrol(&people, "anna").expect("a disk");
    assert!(!ids.contains(&again));
    drop(people);

    // A store that was erased from while nobody used it has the same.
    let twin = empty();
    before.put(twin.path());
    let erased = read(twin.path()).expect("a sound store").erase(&[(ids[0], false)]);
    assert_eq!(erased.expect("a disk").removed, [ids[0]]);
    let (one, other) = (read(directory.path()).expect("sound"), read(twin.path()).expect("sound"));
    assert_eq!(one.erased().collect::<Vec<_>>(), other.erased().collect::<Vec<_>>());
    assert!(!one.has(ids[0]) && one.has(ids[1]) && one.has(again) && one.count() == 2);
    assert_eq!(one.person(ids[1]).expect("a database"), Some(person("bert")), "the others are readable");
    let people = People::open(one).expect("every key is there");
    assert_eq!(people.get(&person("anna")), Some(again));
}

#[test]
fn an_exclusion_is_recognised_at_once_and_after_the_next_start() {
    let (directory, ids) = with(&["anna", "bert"]);
    let people = open(directory.path());
    assert_eq!(erase_open(&people, ids[0], true), removed(ids[0]));
    for people in [people, open(directory.path())] {
        assert!(people.is_excluded(&person("anna")) && !people.is_excluded(&person("bert")));
        assert_eq!(enrol(&people, "anna"), Err(NotEnrolled::Excluded));
        let excluded = PlayerStanding { erased: true, excludes: true, ..PlayerStanding::default() };
        assert_eq!(standing(&people, ids[0]), Ok(excluded));
        assert_eq!(erase_open(&people, ids[0], true), Ok(Erased::default()));
        assert_eq!(erase_open(&people, ids[0], false), Ok(Erased::default()), "the exclusion stays");
    }
    let people = open(directory.path());
    assert_eq!(erase_open(&people, ids[1], false), removed(ids[1]));
    let late = Ok(Erased { removed: vec![], unrecognised: vec![ids[1]] });
    assert_eq!(erase_open(&people, ids[1], true), late, "nothing says any more who it was");
    assert!(!people.is_excluded(&person("bert")));
}

#[test]
fn an_id_that_nobody_has_is_noted_as_erased_and_costs_nobody_anything() {
    let (directory, ids) = with(&["anna"]);
    let people = open(directory.path());
    assert_eq!(standing(&people, UNKNOWN), Ok(PlayerStanding::default()));
    assert_eq!(erase_open(&people, UNKNOWN, false), Ok(Erased::default()));
    drop(people);
    let found = read(directory.path()).expect("a sound store");
    assert!(found.is_erased(UNKNOWN) && found.has(ids[0]) && found.count() == 1);
}

#[test]
fn an_erasure_that_another_process_stops_before_the_row_is_carried_on_by_the_same_call() {
    for excluded in [false, true] {
        let (directory, ids) = with(&["anna", "bert"]);
        let people = open(directory.path());
        let parts = parts_of(directory.path(), ids[0]);
        let reads = Connection::open(directory.path().join(DATABASE)).expect("a database");
        reads.execute_batch("BEGIN; SELECT count(*) FROM person;").expect("a sound database");
        assert_eq!(erase_open(&people, ids[0], excluded), Err(NotErased::InUse), "no change is committed");
        assert!(people.get(&person("anna")).is_some() && people.readiness() == Readiness::Ready);
        reads.execute_batch("COMMIT").expect("a sound database");
        assert_eq!(erase_open(&people, ids[0], excluded), removed(ids[0]));
        assert_eq!(people.is_excluded(&person("anna")), excluded);
        has_none_of(directory.path(), &parts);
        // With the exclusion already there, it is taken over all the same.
        let known = open(directory.path()).is_excluded(&person("anna"));
        assert_eq!(known, excluded);
    }
}

#[test]
fn a_store_that_cannot_be_written_erases_nobody_and_one_that_failed_enrols_nobody_either() {
    let (people, memory) = in_memory();
    let anna = enrol(&people, "anna").expect("memory");
    memory.fail(Some(NotKept::NoRoom("full".into())));
    assert_eq!(erase_open(&people, anna, false), Err(NotErased::NoRoom));
    assert_eq!(people.get(&person("anna")), Some(anna));
    memory.fail(Some(NotKept::Closed("a sync failed".into())));
    assert_eq!(erase_open(&people, anna, false), Err(NotErased::Closed));
    memory.fail(None);
    let tried = memory.tried();
    assert_eq!(erase_open(&people, anna, false), Err(NotErased::Closed), "never twice");
    assert_eq!(enrol(&people, "bert"), Err(NotEnrolled::Closed));
    assert_eq!(memory.tried(), tried);
}

#[test]
fn an_erasure_has_its_turn_between_the_enrolments_before_it_and_behind_it() {
    let (people, memory) = in_memory();
    let anna = enrol(&people, "anna").expect("memory");
    let (sender, answers) = mpsc::channel();
    // The writer waits in the first answer, so that all others are queued behind it.
    let (go, wait) = mpsc::channel::<()>();
    people.enrol(person("first"), move |_| wait.recv().expect("the test goes on"));
    let tell = |what: &'static str| {
        let sender = sender.clone();
        move |player: Option<PlayerId>| sender.send((what, player)).expect("the test waits")
    };
    let (before, erased, behind) = (tell("before"), tell("erased"), tell("behind"));
    people.enrol(person("anna"), move |result| before(result.ok()));
    people.erase(anna, false, move |result| erased(result.expect("memory").removed.first().copied()));
    people.enrol(person("anna"), move |result| behind(result.ok()));
    go.send(()).expect("the writer waits");
    let told: Vec<_> = (0..3).map(|_| answers.recv().expect("an answer")).collect();
    assert_eq!(told[..2], [("before", Some(anna)), ("erased", Some(anna))]);
    let again = memory.people().iter().find(|one| one.person == person("anna")).map(|one| one.player);
    assert_eq!(told[2], ("behind", again));
    assert!(again.is_some() && again != Some(anna));
}
