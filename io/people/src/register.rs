//! The mapping in memory, shared by all workers.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use parking_lot::{Mutex, RwLock};
use protocol::PlayerId;

use crate::Person;

/// Whether new people are enrolled. Known people are found in every case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Readiness {
    /// They are.
    #[default]
    Ready,
    /// The last enrolment found no room; the next one tries again. The error of the system.
    NoRoom(String),
    /// A write or sync failed: nobody is enrolled until the file is opened again. The error of the system.
    Closed(String),
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// People with an id.
    pub people: u64,
    /// Batches written since the file was opened, each with one sync.
    pub batches: u64,
}

/// Parts of the map. When one of them grows it alone is locked, so that a look-up never waits for a million people.
const PARTS: usize = 64;

/// Who has which id. A look-up takes one lock for reading.
#[derive(Debug)]
pub struct Register {
    parts: [RwLock<HashMap<Person, PlayerId>>; PARTS],
    /// Chooses the part. Random, because subjects come from outside.
    hasher: RandomState,
    people: AtomicU64,
    batches: AtomicU64,
    readiness: Mutex<Readiness>,
}

impl Default for Register {
    fn default() -> Self {
        Self {
            parts: std::array::from_fn(|_| RwLock::default()),
            hasher: RandomState::new(),
            people: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            readiness: Mutex::default(),
        }
    }
}

impl Register {
    fn part(&self, person: &Person) -> &RwLock<HashMap<Person, PlayerId>> {
        &self.parts[self.hasher.hash_one(person) as usize % PARTS]
    }

    /// The id of a person.
    pub fn get(&self, person: &Person) -> Option<PlayerId> {
        self.part(person).read().get(person).copied()
    }

    /// Adds a person; `false` when they have an id already, which stays.
    pub fn add(&self, person: Person, player: PlayerId) -> bool {
        let mut part = self.part(&person).write();
        let new = !part.contains_key(&person);
        if new {
            part.insert(person, player);
            self.people.fetch_add(1, Relaxed);
        }
        new
    }

    /// Counts a batch that is on disk.
    pub fn count_batch(&self) {
        self.batches.fetch_add(1, Relaxed);
    }

    /// What was counted.
    pub fn stats(&self) -> Stats {
        Stats { people: self.people.load(Relaxed), batches: self.batches.load(Relaxed) }
    }

    /// Whether new people are enrolled.
    pub fn readiness(&self) -> Readiness {
        self.readiness.lock().clone()
    }

    /// Whether a write or sync has failed for good.
    pub fn is_closed(&self) -> bool {
        matches!(*self.readiness.lock(), Readiness::Closed(_))
    }

    /// Sets whether new people are enrolled; returns what was so before.
    pub fn set(&self, readiness: Readiness) -> Readiness {
        std::mem::replace(&mut *self.readiness.lock(), readiness)
    }
}
