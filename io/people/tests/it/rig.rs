//! A people file in memory, and enrolments that wait.

use std::{path::PathBuf, sync::mpsc};

use people::{Contents, Error, NotEnrolled, People, Person, storage::Memory};
use protocol::PlayerId;

/// A name that is as long as a subject may be, for batches of many bytes.
pub fn long(number: usize) -> String {
    format!("{number:0>256}")
}

pub fn person(subject: &str) -> Person {
    Person::new("https://id.example".into(), subject).expect("within the bounds")
}

pub fn read(bytes: &[u8]) -> Result<Contents, Error> {
    Contents::of(PathBuf::from("data/people"), bytes)
}

/// The bytes of a new file, as `hub init` makes it.
pub fn empty() -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let contents = Contents::create(directory.path()).expect("a disk");
    std::fs::read(contents.path()).expect("it was made")
}

/// Opens a file with these bytes.
pub fn open(bytes: Vec<u8>) -> (People, Memory) {
    let contents = read(&bytes).expect("a sound file");
    let memory = Memory::with(bytes);
    (People::over(contents, memory.clone()).expect("a storage"), memory)
}

/// Enrols and waits for the answer.
pub fn enrol(people: &People, subject: &str) -> Result<PlayerId, NotEnrolled> {
    let (sender, answer) = mpsc::channel();
    people.enrol(person(subject), move |result| sender.send(result).expect("the test waits"));
    answer.recv().expect("an answer")
}

/// A new file with these people, each enrolled alone.
pub fn with(subjects: &[&str]) -> (People, Memory, Vec<PlayerId>) {
    let (people, memory) = open(empty());
    let ids = subjects.iter().map(|subject| enrol(&people, subject).expect("a disk")).collect();
    (people, memory, ids)
}
