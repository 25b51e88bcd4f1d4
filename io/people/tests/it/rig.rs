//! Stores in temporary directories, and enrolments that wait.

use std::{fs, path::Path, sync::mpsc};

use people::{
    Contents, DATABASE, Erased, Error, KEYS, Master, NotEnrolled, NotErased, People, Person,
    storage::{Memory, PlayerStanding},
};
use protocol::PlayerId;
use tempfile::TempDir;

pub const ISSUER: &str = "https://id.example";

pub fn master() -> Master {
    Master::new(b"the master key of these tests, 32 bytes")
}

pub fn person(subject: &str) -> Person {
    Person::new(ISSUER.into(), subject).expect("within the bounds")
}

pub fn read(directory: &Path) -> Result<Contents, Error> {
    Contents::read(directory, &master()).map(|found| found.expect("a store"))
}

/// A new store, as `hub init` makes it.
pub fn empty() -> TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    Contents::create(directory.path(), &master()).expect("a disk");
    directory
}

pub fn open(directory: &Path) -> People {
    People::open(read(directory).expect("a sound store")).expect("a disk")
}

/// An empty store that keeps its people in memory.
pub fn in_memory() -> (People, Memory) {
    let directory = empty();
    let memory = Memory::default();
    let contents = read(directory.path()).expect("a sound store");
    (People::over(contents, memory.clone()).expect("a thread"), memory)
}

/// Enrols and waits for the answer.
pub fn enrol(people: &People, subject: &str) -> Result<PlayerId, NotEnrolled> {
    let (sender, answer) = mpsc::channel();
    people.enrol(person(subject), move |result| sender.send(result).expect("the test waits"));
    answer.recv().expect("an answer")
}

/// Erases from the open store and waits for the answer.
pub fn erase_open(people: &People, player: PlayerId, excluded: bool) -> Result<Erased, NotErased> {
    let (sender, answer) = mpsc::channel();
    people.erase(player, excluded, move |result| sender.send(result).expect("the test waits"));
    answer.recv().expect("an answer")
}

/// What the open store has under an id.
pub fn standing(people: &People, player: PlayerId) -> Result<PlayerStanding, NotErased> {
    let (sender, answer) = mpsc::channel();
    people.standing(player, move |result| sender.send(result).expect("the test waits"));
    answer.recv().expect("an answer")
}

/// A new store with these people, each enrolled alone.
pub fn with(subjects: &[&str]) -> (TempDir, Vec<PlayerId>) {
    let directory = empty();
    let people = open(directory.path());
    let ids = subjects.iter().map(|subject| enrol(&people, subject).expect("a disk")).collect();
    (directory, ids)
}

/// Both files of a store at one moment.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    pub database: Vec<u8>,
    pub keys: Vec<u8>,
}

impl Image {
    pub fn of(directory: &Path) -> Self {
        let bytes = |name| fs::read(directory.join(name)).expect("a file of the store");
        Self { database: bytes(DATABASE), keys: bytes(KEYS) }
    }

    /// Puts the files into a directory.
    pub fn put(&self, directory: &Path) {
        fs::write(directory.join(DATABASE), &self.database).expect("a disk");
        fs::write(directory.join(KEYS), &self.keys).expect("a disk");
    }
}
