//! The storage trait: what the thread that enrols needs of the disk. [`Disk`](crate::disk::Disk) is the one that a hub has,
//! [`Memory`] the one that fails on demand.

use std::sync::Arc;

use parking_lot::Mutex;
use protocol::PlayerId;

use crate::Person;

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

/// Where people are kept.
pub trait Storage: Send + 'static {
    /// Makes a batch durable: everybody in it, or nobody.
    ///
    /// # Errors
    /// Why nobody is enrolled.
    fn enrol(&mut self, batch: &[Enrolled]) -> Result<(), NotKept>;
}

/// People in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    people: Vec<Enrolled>,
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
}
