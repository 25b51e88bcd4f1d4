//! Enrolling: one id a person, shared commits, failures that close the store.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    os::unix::fs::PermissionsExt,
    sync::{Barrier, mpsc},
    thread,
};

use people::{Contents, DATABASE, Error, KEYS, NotEnrolled, People, Person, Readiness, storage::NotKept};
use proptest::prelude::*;

use crate::rig::{Image, empty, enrol, in_memory, master, open, person, read, with};

#[test]
fn a_person_keeps_their_id_over_every_start_and_two_people_have_two() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    assert!(Contents::read(directory, &master()).expect("no store is no error").is_none());
    let store = Contents::create(directory, &master()).expect("a disk").id();
    assert!(Contents::create(directory, &master()).is_err(), "the store that is there is never replaced");
    let people = open(directory);
    assert_eq!(people.get(&person("anna")), None);
    let anna = enrol(&people, "anna").expect("a disk");
    let bert = enrol(&people, "bert").expect("a disk");
    assert_ne!(anna, bert);
    assert_eq!(enrol(&people, "anna"), Ok(anna));
    let elsewhere = Person::new("https://other.example".into(), "anna").expect("within the bounds");
    assert_eq!(people.get(&elsewhere), None, "another issuer's anna is another person");
    drop(people);

    let mode = |name| fs::metadata(directory.join(name)).expect("it is there").permissions().mode() & 0o777;
    for name in [DATABASE, KEYS] {
        assert_eq!(mode(name), 0o600, "{name}");
        fs::set_permissions(directory.join(name), fs::Permissions::from_mode(0o644)).expect("it is ours");
    }
    let again = read(directory).expect("a sound store");
    assert_eq!((again.id(), again.count()), (store, 2));
    assert!(again.has(anna) && again.has(bert));
    let people = People::open(again).expect("a disk");
    assert_eq!((mode(DATABASE), mode(KEYS)), (0o600, 0o600), "looser modes are tightened");
    assert_eq!((people.id(), people.get(&person("anna"))), (store, Some(anna)));
    assert_eq!(people.get(&person("bert")), Some(bert));
    let names = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("a name").file_name());
    let names: BTreeSet<_> = names.map(|name| name.into_string().expect("text")).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["people.db", "people.db-journal", "people.keys"]);
}

#[test]
fn two_stores_have_two_ids_and_ids_are_not_made_of_names() {
    let ((one, ids), (other, other_ids)) = (with(&["anna"]), with(&["anna"]));
    assert_ne!(read(one.path()).expect("sound").id(), read(other.path()).expect("sound").id());
    assert_ne!(ids, other_ids, "the same name in another store has another id");
}

#[test]
fn everybody_who_waits_shares_a_commit_and_gets_an_id_of_their_own() {
    const PEOPLE: usize = 10_000;
    let directory = empty();
    let people = open(directory.path());
    let (sender, answers) = mpsc::channel();
    // The writer waits for the first answer to be taken, so all others are queued behind one commit.
    let (go, wait) = mpsc::channel::<()>();
    people.enrol(person("first"), move |_| wait.recv().expect("the test goes on"));
    for number in 0..PEOPLE {
        let sender = sender.clone();
        people.enrol(person(&number.to_string()), move |result| {
            sender.send(result.expect("a disk")).expect("the test waits");
        });
    }
    go.send(()).expect("the writer waits");
    drop(sender);
    let ids: HashSet<_> = answers.iter().collect();
    assert_eq!(ids.len(), PEOPLE);
    let batches = people.stats().batches;
    assert!(batches <= 4, "{batches} commits: the first alone, then 4,096 people each");
    assert_eq!(people.stats().people, PEOPLE as u64 + 1);
    drop(people);
    let again = read(directory.path()).expect("a sound store");
    assert!(again.count() == PEOPLE as u64 + 1 && ids.iter().all(|id| again.has(*id)));
    again.check_keys(|_| false).expect("everybody has a key");
}

#[test]
fn racing_enrolments_of_one_person_give_one_id() {
    const RACERS: usize = 8;
    let (people, memory) = in_memory();
    for round in 0..50 {
        let (start, name) = (Barrier::new(RACERS), round.to_string());
        let ids: BTreeSet<_> = thread::scope(|scope| {
            let racers: Vec<_> = (0..RACERS)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        enrol(&people, &name).expect("a disk")
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().expect("no panic")).collect()
        });
        assert_eq!(ids.len(), 1, "round {round}");
        assert_eq!(people.get(&person(&name)), ids.first().copied());
    }
    assert_eq!(memory.people().len(), 50);
}

#[test]
fn after_a_failure_of_unknown_result_nobody_is_enrolled_nothing_is_tried_again_and_known_people_are_found() {
    let (people, memory) = in_memory();
    let anna = enrol(&people, "anna").expect("a disk");
    memory.fail(Some(NotKept::Closed("an error".into())));
    assert_eq!(enrol(&people, "bert"), Err(NotEnrolled::Closed));
    assert_eq!(people.readiness(), Readiness::Closed("an error".into()));
    memory.fail(None);
    let tried = memory.tried();
    assert_eq!(enrol(&people, "bert"), Err(NotEnrolled::Closed));
    assert_eq!(enrol(&people, "carl"), Err(NotEnrolled::Closed));
    assert_eq!(memory.tried(), tried, "it would succeed now, and prove nothing");
    assert_eq!(people.get(&person("bert")), None, "nobody has an id that may not be on the disk");
    assert_eq!(enrol(&people, "anna"), Ok(anna));
}

#[test]
fn want_of_room_and_of_the_database_ends_with_the_next_enrolment_that_succeeds() {
    let (people, memory) = in_memory();
    let anna = enrol(&people, "anna").expect("a disk");
    let cases = [
        (NotKept::NoRoom("full".into()), NotEnrolled::NoRoom, Readiness::NoRoom("full".into())),
        (NotKept::InUse("locked".into()), NotEnrolled::InUse, Readiness::InUse("locked".into())),
    ];
    for (round, (failure, told, readiness)) in cases.into_iter().enumerate() {
        memory.fail(Some(failure));
        assert_eq!(enrol(&people, "bert"), Err(told));
        assert_eq!(people.readiness(), readiness);
        assert_eq!((people.get(&person("bert")), people.get(&person("anna"))), (None, Some(anna)));
        memory.fail(None);
        let name = format!("later {round}");
        let id = enrol(&people, &name).expect("there is room again");
        assert_eq!((people.readiness(), people.get(&person(&name))), (Readiness::Ready, Some(id)));
    }
    memory.fail(Some(NotKept::NoRandom("none".into())));
    assert_eq!(enrol(&people, "bert"), Err(NotEnrolled::NoRandom));
    assert_eq!(people.readiness(), Readiness::Ready);
}

#[test]
fn a_database_that_another_process_holds_enrols_nobody_for_now_and_loses_nobody() {
    let (directory, ids) = with(&["anna"]);
    let people = open(directory.path());
    let other = rusqlite::Connection::open(directory.path().join(DATABASE)).expect("a database");
    other.execute_batch("BEGIN EXCLUSIVE").expect("nobody writes");
    assert!(matches!(read(directory.path()), Err(Error::InUse { .. })));
    assert_eq!(enrol(&people, "bert"), Err(NotEnrolled::InUse));
    other.execute_batch("ROLLBACK").expect("it was begun");
    let bert = enrol(&people, "bert").expect("the database is free");
    drop(people);
    let again = read(directory.path()).expect("a sound store");
    assert!(again.has(ids[0]) && again.has(bert) && again.count() == 2);
}

#[test]
fn when_keys_run_out_and_the_key_file_cannot_be_written_nobody_is_enrolled_and_nobody_is_lost() {
    let (directory, ids) = with(&["anna"]);
    let people = open(directory.path());
    let obstacle = directory.path().join("people.keys.partial");
    fs::create_dir(&obstacle).expect("a disk");
    let (sender, answers) = mpsc::channel();
    for number in 0..4_095 {
        let sender = sender.clone();
        people.enrol(person(&number.to_string()), move |result| sender.send(result).expect("the test waits"));
    }
    drop(sender);
    assert!(answers.iter().all(|result| result.is_ok()), "the keys that were made ahead are enough");
    assert_eq!(enrol(&people, "one more"), Err(NotEnrolled::Closed));
    assert_eq!(people.get(&person("anna")), Some(ids[0]));
    drop(people);
    fs::remove_dir(&obstacle).expect("it was made");
    let people = open(directory.path());
    assert_eq!(people.stats().people, 4_096);
    assert_eq!(people.get(&person("one more")), None);
    enrol(&people, "one more").expect("the disk is well again");
}

#[test]
fn a_name_is_in_no_file_and_in_no_debug_output() {
    let (directory, _) = with(&["anna-the-subject"]);
    let contents = read(directory.path()).expect("a sound store");
    let image = Image::of(directory.path());
    for name in ["anna-the-subject", "id.example"] {
        for bytes in [&image.database, &image.keys] {
            assert!(!bytes.windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
        }
    }
    let shown = format!("{:?} {contents:?}", person("anna-the-subject"));
    let people = People::open(contents).expect("a disk");
    let shown = format!("{shown} {people:?} {:?}", master());
    assert!(!shown.contains("anna-the-subject") && !shown.contains("master key of these tests"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_a_name_is_made_of_it_reads_back(names in prop::collection::hash_set("\\PC{1,64}|[\\x00-\\x1f]{1,8}", 1..20)) {
        let directory = empty();
        let people = open(directory.path());
        let mut ids = Vec::new();
        for name in &names {
            ids.push(enrol(&people, name).expect("a disk"));
        }
        drop(people);
        let again = read(directory.path()).expect("a sound store");
        for (name, id) in names.iter().zip(ids) {
            prop_assert_eq!(again.find(&person(name)), Some(id));
            prop_assert_eq!(again.person(id).expect("it opens"), Some(person(name)));
        }
    }
}

#[test]
fn an_issuer_and_a_subject_have_1_to_256_bytes() {
    let ok = |issuer: &str, subject: &str| Person::new(issuer.into(), subject).is_ok();
    let (longest, longer) = ("x".repeat(256), "x".repeat(257));
    assert!(ok("i", "s") && ok(&longest, &longest));
    assert!(!ok("", "s") && !ok("i", "") && !ok(&longer, "s") && !ok("i", &longer));
}
