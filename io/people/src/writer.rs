//! The thread that enrols and erases: everybody who waits for an id becomes one batch with one commit. An erasure has its turn
//! between two batches, in the order in which it was asked for.

use std::{
    collections::HashMap,
    path::PathBuf,
    process,
    sync::{Arc, mpsc},
    thread,
};

use protocol::PlayerId;

use crate::{
    NotEnrolled, NotErased, Person, Readiness,
    erase::Erased,
    master::{Hash, StoreKeys},
    names::Names,
    register::Register,
    storage::{Enrolled, NotKept, PlayerStanding, Storage},
    telemetry,
};

/// Most people of one batch: no more than keys are made ahead.
const BATCH_MAX: usize = crate::keyfile::AHEAD as usize;

/// Who is told the id.
pub(crate) type Tell = Box<dyn FnOnce(Result<PlayerId, NotEnrolled>) + Send>;

/// Who is told what the store has under an id.
pub(crate) type TellStanding = Box<dyn FnOnce(Result<PlayerStanding, NotErased>) + Send>;

/// Who is told of an erasure.
pub(crate) type TellErased = Box<dyn FnOnce(Result<Erased, NotErased>) + Send>;

/// What the writer is asked to do.
pub(crate) enum Work {
    /// Give a person an id.
    Enrol(Waiter),
    /// Say what the store has under an id.
    Standing(PlayerId, TellStanding),
    /// Erase a player; with `true` the person stays excluded.
    Erase(PlayerId, bool, TellErased),
}

/// A person who waits for an id.
pub(crate) struct Waiter {
    /// Who.
    pub person: Person,
    /// Is called once.
    pub done: Tell,
}

/// Enrols and erases people. There is one.
pub(crate) struct Writer<S> {
    pub storage: S,
    /// The database, for messages.
    pub path: PathBuf,
    pub keys: StoreKeys,
    pub register: Arc<Register>,
    pub names: Arc<Names>,
}

/// People who get their ids with one commit.
#[derive(Default)]
struct Batch {
    entries: Vec<Enrolled>,
    /// Who waits for each entry: one person may be enrolled twice at the same time.
    waiting: Vec<Vec<Tell>>,
    places: HashMap<Hash, usize>,
}

impl<S: Storage> Writer<S> {
    /// Works until nobody can ask any more.
    pub fn run(mut self, queue: &mpsc::Receiver<Work>) {
        let _abort = AbortOnPanic;
        let mut next = None;
        while let Some(work) = next.take().or_else(|| queue.recv().ok()) {
            match work {
                Work::Enrol(first) => next = self.enrol(first, queue),
                Work::Standing(player, tell) => {
                    let standing = self.storage.standing(player);
                    tell(standing.map_err(|failure| self.not_erased(failure)));
                }
                Work::Erase(player, excluded, tell) => tell(self.erase(player, excluded)),
            }
        }
    }

    /// Enrols a person, and everybody who waits behind until something else is asked, which is returned.
    fn enrol(&mut self, first: Waiter, queue: &mpsc::Receiver<Work>) -> Option<Work> {
        let (mut batch, mut other) = (Batch::default(), None);
        self.take(&mut batch, first);
        while batch.entries.len() < BATCH_MAX
            && let Ok(next) = queue.try_recv()
        {
            match next {
                Work::Enrol(next) => self.take(&mut batch, next),
                next @ (Work::Standing(..) | Work::Erase(..)) => {
                    other = Some(next);
                    break;
                }
            }
        }
        if !batch.entries.is_empty() {
            self.write(batch);
        }
        other
    }

    /// Erases a player on the disk, then in memory: who looks the person up later finds nobody, or somebody excluded.
    fn erase(&mut self, player: PlayerId, excluded: bool) -> Result<Erased, NotErased> {
        if self.register.is_closed() {
            return Err(NotErased::Closed);
        }
        let forgotten = self.storage.erase(player, excluded).map_err(|failure| self.not_erased(failure))?;
        if let Some((blind, hash)) = forgotten.exclusion {
            self.register.exclude_also(blind, hash);
        }
        if let Some(lookup) = forgotten.lookup {
            self.register.remove_one(lookup);
        }
        self.names.removed(player);
        let when = |is: bool| if is { vec![player] } else { Vec::new() };
        Ok(Erased { removed: when(forgotten.lookup.is_some()), unrecognised: when(forgotten.unrecognised) })
    }

    fn not_erased(&self, failure: NotKept) -> NotErased {
        match failure {
            NotKept::NoRoom(_) => NotErased::NoRoom,
            NotKept::InUse(_) => NotErased::InUse,
            NotKept::NoRandom(error) | NotKept::Closed(error) => {
                telemetry::closed(&self.path, &error);
                self.register.set(Readiness::Closed(error));
                NotErased::Closed
            }
        }
    }

    /// Adds somebody to the batch, or answers at once: who is known, and everybody after a failure.
    fn take(&self, batch: &mut Batch, Waiter { person, done }: Waiter) {
        let lookup = self.keys.lookup(&person);
        if let Some(player) = self.register.get(lookup) {
            return done(Ok(player));
        }
        if self.register.is_excluded(&person) {
            return done(Err(NotEnrolled::Excluded));
        }
        if self.register.is_closed() {
            return done(Err(NotEnrolled::Closed));
        }
        if let Some(place) = batch.places.get(&lookup) {
            return batch.waiting[*place].push(done);
        }
        // 128 random bits: that two people draw the same is less likely than any fault of the machine.
        let mut random = [0; 16];
        if let Err(error) = getrandom::fill(&mut random) {
            telemetry::no_random(&error);
            return done(Err(NotEnrolled::NoRandom));
        }
        batch.places.insert(lookup, batch.entries.len());
        batch.entries.push(Enrolled { player: PlayerId(u128::from_be_bytes(random)), person, lookup });
        batch.waiting.push(vec![done]);
    }

    /// Makes a batch durable, then tells everybody in it.
    fn write(&mut self, Batch { entries, waiting, .. }: Batch) {
        let result = match self.storage.enrol(&entries) {
            Ok(()) => {
                self.register.count_batch();
                if self.register.set(Readiness::Ready) != Readiness::Ready {
                    telemetry::enrols_again(&self.path);
                }
                Ok(())
            }
            Err(failure) => Err(self.failed(failure)),
        };
        for (Enrolled { player, person, lookup }, waiting) in entries.into_iter().zip(waiting) {
            if result.is_ok() {
                self.register.add(lookup, player);
                self.names.added(&person, player);
            }
            waiting.into_iter().for_each(|done| done(result.map(|()| player)));
        }
    }

    fn failed(&self, failure: NotKept) -> NotEnrolled {
        match failure {
            NotKept::NoRoom(error) => {
                if self.waits(Readiness::NoRoom(error.clone())) {
                    telemetry::no_room(&self.path, &error);
                }
                NotEnrolled::NoRoom
            }
            NotKept::InUse(error) => {
                if self.waits(Readiness::InUse(error.clone())) {
                    telemetry::in_use(&self.path, &error);
                }
                NotEnrolled::InUse
            }
            NotKept::NoRandom(error) => {
                telemetry::no_random(&error);
                NotEnrolled::NoRandom
            }
            // Never twice (P4): after an error the system may take the lost bytes for written.
            NotKept::Closed(error) => {
                telemetry::closed(&self.path, &error);
                self.register.set(Readiness::Closed(error));
                NotEnrolled::Closed
            }
        }
    }

    /// Sets why nobody new is enrolled for now. Returns whether that is news.
    fn waits(&self, why: Readiness) -> bool {
        let kind = std::mem::discriminant(&why);
        std::mem::discriminant(&self.register.set(why)) != kind
    }
}

/// Ends the process when the writer panics: everybody new would wait for ever.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            process::abort();
        }
    }
}
