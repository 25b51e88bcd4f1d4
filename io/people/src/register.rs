//! The mapping in memory, shared by all workers.

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use parking_lot::{Mutex, RwLock};
use protocol::PlayerId;

use crate::{
    Person,
    master::{Blind, Hash},
};

/// Whether new people are enrolled. Known people are found in every case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Readiness {
    /// They are.
    #[default]
    Ready,
    /// The last enrolment found no room; the next one tries again. The error of the system.
    NoRoom(String),
    /// The last enrolment found the database in use by another process; the next one tries again. The error of SQLite.
    InUse(String),
    /// A write or sync failed: nobody is enrolled until the store is opened again. The error of the system.
    Closed(String),
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// People with an id.
    pub people: u64,
    /// Batches written since the store was opened, each with one commit.
    pub batches: u64,
}

/// Parts of the map. When one of them grows it alone is locked, so that a look-up never waits for a million people.
const PARTS: usize = 64;

/// Who has which id, by the keyed hash of the name: no name is in it. A look-up takes one lock for reading. A person
/// costs 33 bytes and what the map has free: 38 to 76 bytes.
#[derive(Debug)]
pub(crate) struct Register {
    parts: [RwLock<HashMap<Hash, PlayerId>>; PARTS],
    excluded: RwLock<Option<Excluded>>,
    people: AtomicU64,
    batches: AtomicU64,
    readiness: Mutex<Readiness>,
}

/// Who was excluded and erased.
#[derive(Debug)]
struct Excluded {
    blind: Blind,
    hashes: HashSet<Hash>,
}

impl Default for Register {
    fn default() -> Self {
        Self {
            parts: std::array::from_fn(|_| RwLock::default()),
            excluded: RwLock::default(),
            people: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            readiness: Mutex::default(),
        }
    }
}

impl Register {
    /// The hash is keyed: nobody outside can choose the part.
    fn part(&self, person: Hash) -> &RwLock<HashMap<Hash, PlayerId>> {
        &self.parts[(person % PARTS as u128) as usize]
    }

    /// The id of a person.
    pub fn get(&self, person: Hash) -> Option<PlayerId> {
        self.part(person).read().get(&person).copied()
    }

    /// Adds a person; `false` when they have an id already, which stays.
    pub fn add(&self, person: Hash, player: PlayerId) -> bool {
        let mut part = self.part(person).write();
        let new = !part.contains_key(&person);
        if new {
            part.insert(person, player);
            self.people.fetch_add(1, Relaxed);
        }
        new
    }

    /// Forgets people who were erased. While nobody uses the register.
    pub fn remove(&self, players: &HashSet<PlayerId>) {
        for part in &self.parts {
            part.write().retain(|_, player| !players.contains(player));
        }
        self.people.fetch_sub(players.len() as u64, Relaxed);
    }

    /// Forgets one person who was erased.
    pub fn remove_one(&self, person: Hash) {
        if self.part(person).write().remove(&person).is_some() {
            self.people.fetch_sub(1, Relaxed);
        }
    }

    /// Adds a person to the blind index.
    pub fn exclude_also(&self, blind: Blind, person: Hash) {
        let mut excluded = self.excluded.write();
        excluded.get_or_insert_with(|| Excluded { blind, hashes: HashSet::new() }).hashes.insert(person);
    }

    /// Takes over the blind index.
    pub fn exclude(&self, blind: Blind, hashes: HashSet<Hash>) {
        *self.excluded.write() = (!hashes.is_empty()).then_some(Excluded { blind, hashes });
    }

    /// Whether a person was excluded and erased. Costs nothing while nobody is.
    pub fn is_excluded(&self, person: &Person) -> bool {
        let excluded = self.excluded.read();
        excluded.as_ref().is_some_and(|excluded| excluded.hashes.contains(&excluded.blind.hash(person)))
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
