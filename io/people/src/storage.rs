//! The storage trait: what the thread that enrols needs of the disk. [`Disk`](crate::disk::Disk) is the one that a hub has,
//! [`Memory`] the one that fails on demand.

use std::sync::Arc;

use parking_lot::Mutex;
use protocol::PlayerId;

use crate::{
    Person,
    master::{Blind, Bytes32, Hash},
};

/// A person who is to have an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// The random id.
    pub player: PlayerId,
    /// Whose it is.
    pub person: Person,
    /// What the person is looked up by.
    pub(crate) lookup: u128,
}

/// Why nobody of a batch is enrolled. The text is the error of the system or of the database, and names nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotKept {
    /// There is no room. Nothing was written, and the next batch may be tried.
    NoRoom(String),
    /// Another process was in the way. Nothing was written, and the next batch may be tried.
    InUse(String),
    /// The system gave no random bytes. Nothing was written, and the next batch may be tried.
    NoRandom(String),
    /// What is on the disk is not known: nothing more is tried.
    Closed(String),
}

/// What a store has under a player id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlayerStanding {
    /// Somebody has the id.
    pub has: bool,
    /// The name of that person can be read: the key is there.
    pub named: bool,
    /// A player with the id was erased.
    pub erased: bool,
    /// The person with the id was excluded and is recognised.
    pub excludes: bool,
}

/// What became of the erasure of one player.
#[derive(Debug, Clone, Default)]
pub struct Forgotten {
    /// What the person was looked up by; `None` when the store had nobody with the id.
    pub(crate) lookup: Option<Hash>,
    /// What recognises the person from now on, and the key for it.
    pub(crate) exclusion: Option<(Blind, Hash)>,
    /// The person shall stay excluded, and nothing says any more who it was.
    pub(crate) unrecognised: bool,
}

/// Where people are kept.
pub trait Storage: Send + 'static {
    /// Makes a batch durable: everybody in it, or nobody.
    ///
    /// # Errors
    /// Why nobody is enrolled.
    fn enrol(&mut self, batch: &[Enrolled]) -> Result<(), NotKept>;

    /// What is known of a player id. Changes nothing.
    ///
    /// # Errors
    /// When it cannot be read.
    fn standing(&mut self, player: PlayerId) -> Result<PlayerStanding, NotKept>;

    /// Erases a player: the exclusion, if there shall be one, then the key, then the row; each is durable before the next. May
    /// be repeated, and carries on where it stopped.
    ///
    /// # Errors
    /// Why it is not done, or not all of it.
    fn erase(&mut self, player: PlayerId, excluded: bool) -> Result<Forgotten, NotKept>;
}

/// People in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    people: Vec<Enrolled>,
    erased: Vec<PlayerId>,
    excluded: Vec<(PlayerId, Hash)>,
    batches: u64,
    tried: u64,
    failure: Option<NotKept>,
}

impl Memory {
    /// Everybody who was enrolled, in order.
    #[must_use]
    pub fn people(&self) -> Vec<Enrolled> {
        self.0.lock().people.clone()
    }

    /// How many batches were kept.
    #[must_use]
    pub fn batches(&self) -> u64 {
        self.0.lock().batches
    }

    /// How many batches were tried.
    #[must_use]
    pub fn tried(&self) -> u64 {
        self.0.lock().tried
    }

    /// Every batch fails with this; `None`: no more.
    pub fn fail(&self, failure: Option<NotKept>) {
        self.0.lock().failure = failure;
    }
}

impl Storage for Memory {
    fn enrol(&mut self, batch: &[Enrolled]) -> Result<(), NotKept> {
        let mut kept = self.0.lock();
        kept.tried += 1;
        if let Some(failure) = &kept.failure {
            return Err(failure.clone());
        }
        kept.people.extend_from_slice(batch);
        kept.batches += 1;
        Ok(())
    }

    fn standing(&mut self, player: PlayerId) -> Result<PlayerStanding, NotKept> {
        let kept = self.0.lock();
        if let Some(failure) = &kept.failure {
            return Err(failure.clone());
        }
        let has = kept.people.iter().any(|one| one.player == player);
        let (erased, excludes) =
            (kept.erased.contains(&player), kept.excluded.iter().any(|(one, _)| *one == player));
        Ok(PlayerStanding { has, named: has, erased, excludes })
    }

    fn erase(&mut self, player: PlayerId, excluded: bool) -> Result<Forgotten, NotKept> {
        let mut kept = self.0.lock();
        kept.tried += 1;
        if let Some(failure) = &kept.failure {
            return Err(failure.clone());
        }
        let found = kept.people.iter().position(|one| one.player == player);
        let gone = found.map(|place| kept.people.remove(place));
        if !kept.erased.contains(&player) {
            kept.erased.push(player);
        }
        let blind = Blind::new(&Bytes32::default());
        if let Some(Enrolled { person, .. }) = gone.as_ref().filter(|_| excluded) {
            kept.excluded.push((player, blind.hash(person)));
        }
        let known = kept.excluded.iter().find(|(one, _)| *one == player).filter(|_| excluded);
        let exclusion = known.map(|(_, hash)| (blind, *hash));
        let unrecognised = excluded && exclusion.is_none();
        Ok(Forgotten { lookup: gone.map(|one| one.lookup), exclusion, unrecognised })
    }
}
