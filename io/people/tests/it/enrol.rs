//! Enrolling: one id a person, shared syncs, failures that close the file.

use std::{
    collections::{BTreeSet, HashSet},
    os::unix::fs::PermissionsExt,
    sync::{Barrier, mpsc},
    thread,
};

use people::{Contents, NotEnrolled, People, Person, Readiness};
use proptest::prelude::*;

use crate::rig::{empty, enrol, open, person, read, with};

#[test]
fn a_person_keeps_their_id_over_every_start_and_two_people_have_two() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    assert!(Contents::read(directory.path()).expect("no file is no error").is_none());
    let made = Contents::create(directory.path()).expect("a disk");
    let (file, path) = (made.id(), made.path().to_owned());
    assert!(Contents::create(directory.path()).is_err(), "the file that is there is never replaced");
    let people = People::open(made).expect("a disk");
    assert_eq!(people.get(&person("anna")), None);
    let anna = enrol(&people, "anna").expect("a disk");
    let bert = enrol(&people, "bert").expect("a disk");
    assert_ne!(anna, bert);
    assert_eq!(enrol(&people, "anna"), Ok(anna));
    let elsewhere = Person::new("https://other.example".into(), "anna").expect("within the bounds");
    assert_eq!(people.get(&elsewhere), None, "another issuer's anna is another person");
    drop(people);

    let mode = |path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("it is ours");
    let again = Contents::read(directory.path()).expect("a sound file").expect("a file");
    assert_eq!((again.id(), again.count(), again.torn()), (file, 2, None));
    assert!(again.has(anna) && again.has(bert));
    let people = People::open(again).expect("a disk");
    assert_eq!(mode(&path), 0o600, "looser modes are tightened");
    assert_eq!((people.id(), people.get(&person("anna"))), (file, Some(anna)));
    assert_eq!(people.get(&person("bert")), Some(bert));
    assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 1, "no draft is left");
}

#[test]
fn two_files_have_two_ids_and_ids_are_not_made_of_names() {
    let (one, _, ids) = with(&["anna"]);
    let (other, _, other_ids) = with(&["anna"]);
    assert_ne!(one.id(), other.id());
    assert_ne!(ids, other_ids, "the same name in another file has another id");
}

#[test]
fn everybody_who_waits_shares_a_sync_and_gets_an_id_of_their_own() {
    const PEOPLE: usize = 20_000;
    let (people, memory) = open(empty());
    let before = memory.syncs();
    let (sender, answers) = mpsc::channel();
    // The writer waits for the first answer to be taken, so all others are queued behind one sync.
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
    let syncs = memory.syncs() - before;
    // About 50 bytes each, and a MiB a batch.
    assert!(syncs <= 3, "{syncs} syncs");
    assert_eq!(people.stats().people, PEOPLE as u64 + 1);
    assert_eq!(read(&memory.bytes()).expect("a sound file").count(), PEOPLE as u64 + 1);
}

#[test]
fn racing_enrolments_of_one_person_give_one_id() {
    const RACERS: usize = 8;
    let (people, memory) = open(empty());
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
    assert_eq!(read(&memory.bytes()).expect("no person twice").count(), 50);
}

#[test]
fn after_a_failed_sync_nobody_is_enrolled_the_sync_is_not_tried_again_and_known_people_are_found() {
    let (people, memory, ids) = with(&["anna"]);
    memory.fail_next_sync(libc_eio());
    assert_eq!(enrol(&people, "bert"), Err(NotEnrolled::Closed));
    assert!(matches!(people.readiness(), Readiness::Closed(_)));
    let syncs = memory.syncs();
    assert_eq!(enrol(&people, "bert"), Err(NotEnrolled::Closed));
    assert_eq!(enrol(&people, "carl"), Err(NotEnrolled::Closed));
    assert_eq!(memory.syncs(), syncs, "the sync would succeed now, and prove nothing");
    assert_eq!(people.get(&person("bert")), None, "nobody has an id that may not be on the disk");
    assert_eq!(enrol(&people, "anna"), Ok(ids[0]));

    // The process ends; the page cache stays. What it has of bert is written again before anybody sees it.
    let (people, again) = open(memory.bytes());
    let bert = people.get(&person("bert")).expect("the page cache had the entry");
    let disk = read(&again.after_power_failure(0)).expect("a sound file");
    assert!(disk.has(bert) && disk.has(ids[0]));
    assert_eq!(enrol(&people, "bert"), Ok(bert));
    // The machine ends instead: bert is new, and gets an id nobody had.
    let (people, _) = open(memory.after_power_failure(0));
    assert_eq!(people.get(&person("anna")), Some(ids[0]));
    assert_ne!(enrol(&people, "bert"), Ok(bert));
}

#[test]
fn a_failed_write_closes_the_file_and_want_of_room_does_not() {
    let (people, memory, ids) = with(&["anna"]);
    for full in [28, 122, 27] {
        memory.fail_writes(Some(full));
        assert_eq!(enrol(&people, "bert"), Err(NotEnrolled::NoRoom), "errno {full}");
        assert!(matches!(people.readiness(), Readiness::NoRoom(_)));
        assert_eq!(people.get(&person("bert")), None);
        memory.fail_writes(None);
        // A shorter batch than the one of which a half is left behind the end.
        let name = format!("x{full}");
        let id = enrol(&people, &name).expect("there is room again");
        assert_eq!(people.readiness(), Readiness::Ready);
        let found = read(&memory.bytes()).expect("a sound file");
        assert!(found.has(id) && found.has(ids[0]));
    }
    memory.fail_writes(Some(libc_eio()));
    assert_eq!(enrol(&people, "bert"), Err(NotEnrolled::Closed));
    memory.fail_writes(None);
    assert_eq!(enrol(&people, "bert"), Err(NotEnrolled::Closed));
}

fn libc_eio() -> i32 {
    5
}

#[test]
fn a_name_is_shown_by_no_debug_output() {
    let (people, memory, _) = with(&["anna-the-subject"]);
    let contents = read(&memory.bytes()).expect("a sound file");
    for shown in [format!("{:?}", person("anna-the-subject")), format!("{people:?}"), format!("{contents:?}")]
    {
        assert!(!shown.contains("anna-the-subject"), "{shown}");
    }
}

proptest! {
    #[test]
    fn whatever_a_name_is_made_of_it_reads_back(names in prop::collection::hash_set("\\PC{1,64}|[\\x00-\\x1f]{1,8}", 1..20)) {
        let (people, memory) = open(empty());
        let mut ids = Vec::new();
        for name in &names {
            ids.push(enrol(&people, name).expect("a disk"));
        }
        let (again, _) = open(memory.bytes());
        for (name, id) in names.iter().zip(ids) {
            prop_assert_eq!(again.get(&person(name)), Some(id));
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
