//! Crashes: whatever a power failure leaves, everybody who was answered has their id, and nobody else's entry is torn.

use std::sync::mpsc;

use people::{Contents, People, storage::Memory};
use protocol::PlayerId;

use crate::rig::{empty, enrol, long, open, person, read, with};

/// A file that is written when the power fails: two answered people, and a batch of these names whose sync never
/// returned.
fn interrupted(names: &[String]) -> (Memory, Vec<PlayerId>) {
    let (people, memory, ids) = with(&["anna", "bert"]);
    memory.fail_next_sync(5);
    let (sender, answers) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    // The writer is kept busy with an answer, so that all names are in one batch.
    people.enrol(person("anna"), move |_| wait.recv().expect("the test goes on"));
    for name in names {
        let sender = sender.clone();
        people.enrol(person(name), move |result| sender.send(result).expect("the test waits"));
    }
    go.send(()).expect("the writer waits");
    drop(sender);
    assert!(answers.iter().all(|answer| answer.is_err()));
    (memory, ids)
}

/// Starts on these bytes: both people have their ids, and somebody new can be enrolled and found by the start after.
fn goes_on(bytes: Vec<u8>, ids: &[PlayerId], what: &str) -> Contents {
    let found = read(&bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    let memory = Memory::with(bytes);
    let before = found.count();
    let people = People::over(found, memory.clone()).expect("a storage");
    for (name, id) in ["anna", "bert"].iter().zip(ids) {
        assert_eq!(people.get(&person(name)), Some(*id), "{what}");
    }
    let carl = enrol(&people, "carl").expect("a disk");
    let after = read(&memory.after_power_failure(0)).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!((after.count(), after.has(carl), after.torn()), (before + 1, true, None), "{what}");
    after
}

#[test]
fn a_write_torn_at_any_byte_is_cut_and_everybody_answered_is_there() {
    let (memory, ids) = interrupted(&["dora".into(), "emil".into()]);
    let whole = memory.bytes();
    // The synced part ends where the write of the last batch began; the note of bert is written before it.
    let synced = memory.after_power_failure(12).len();
    assert!(whole.len() > synced + 80);
    for end in synced..whole.len() {
        let found = read(&whole[..end]).unwrap_or_else(|error| panic!("cut at {end}: {error}"));
        assert_eq!(found.count(), 2, "a batch is there whole or not at all");
        assert_eq!(found.torn().map(|torn| torn.bytes), (end > synced).then(|| (end - synced) as u64));
        goes_on(whole[..end].to_vec(), &ids, &format!("cut at {end}"));
    }
    for kept in 0..=memory.unsynced_bytes() {
        goes_on(memory.after_power_failure(kept), &ids, &format!("{kept} bytes kept"));
    }
}

#[test]
fn sectors_of_a_torn_write_that_never_came_are_no_damage() {
    let names: Vec<_> = (0..20).map(long).collect();
    let (memory, ids) = interrupted(&names);
    let whole = memory.bytes();
    let synced = memory.after_power_failure(12).len();
    for lost in (synced..whole.len()).step_by(512) {
        let mut bytes = whole.clone();
        let end = (lost + 512).min(bytes.len());
        bytes[lost..end].fill(0);
        let found = goes_on(bytes, &ids, &format!("a sector lost at {lost}"));
        assert_eq!(found.count(), 3, "the torn batch is cut as a whole");
    }
}

#[test]
fn an_entry_that_holds_the_bytes_of_a_batch_is_no_batch() {
    let (people, memory, ids) = with(&["anna"]);
    // The bytes of anna's batch are text, more or less: what is not is left out.
    let batch = &memory.bytes()[64..];
    let forged: String = batch.iter().map(|byte| char::from(byte & 0x7f)).take(128).collect();
    memory.fail_next_sync(5);
    assert!(enrol(&people, &forged).is_err());
    let whole = memory.bytes();
    for end in (64 + batch.len()..whole.len()).rev() {
        let found = read(&whole[..end]).expect("a torn tail");
        assert!(found.count() == 1 && found.has(ids[0]));
    }
}

#[test]
fn starts_and_ends_without_anybody_new_change_nothing_but_the_notes() {
    let (people, memory, ids) = with(&["anna", "bert"]);
    drop(people);
    let mut bytes = memory.bytes();
    for _ in 0..5 {
        let (people, again) = open(bytes.clone());
        drop(people);
        assert_eq!(again.bytes()[64..], bytes[64..]);
        bytes = again.after_power_failure(0);
    }
    goes_on(bytes, &ids, "after five starts");
    goes_on(empty(), &[], "an empty file");
}
