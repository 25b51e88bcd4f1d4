//! The open people store, as the workers use it.

use std::{
    sync::{Arc, mpsc},
    thread,
};

use protocol::PlayerId;

use crate::{
    Contents, Erased, Error, NamePage, NotEnrolled, NotErased, NotSearched, Person, StoreId,
    disk::Disk,
    master::StoreKeys,
    names::Names,
    register::{Readiness, Register, Stats},
    storage::{PlayerStanding, Storage},
    writer::{Waiter, Work, Writer},
};

/// The mapping, open for reading, enrolling and erasing. Clones share it; the thread that enrols and erases ends with the last
/// one.
#[derive(Debug, Clone)]
pub struct People {
    id: StoreId,
    erased: Arc<[(PlayerId, bool)]>,
    keys: Arc<StoreKeys>,
    register: Arc<Register>,
    names: Arc<Names>,
    queue: mpsc::Sender<Work>,
}

impl People {
    /// Opens the store that was read: finishes what a crash interrupted, closes the files to group and others, and starts
    /// the thread that enrols. Nobody has written the store since it was read: the caller holds the lock of the log in its
    /// directory.
    ///
    /// # Errors
    /// When a file cannot be opened or written, or keys of people are lost.
    pub fn open(mut contents: Contents) -> Result<Self, Error> {
        contents.check_keys(|_| false)?;
        let (directory, file) = (contents.directory.clone(), contents.file.take());
        let used = contents.ids.values().copied().collect();
        let disk = Disk::open(directory, contents.keys.clone(), contents.meta, file, &used)?;
        Self::over(contents, disk)
    }

    /// [`People::open`] for any storage that has these contents.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn over(contents: Contents, storage: impl Storage) -> Result<Self, Error> {
        let (path, id) = (contents.path(), contents.id());
        let erased = contents.erased().collect();
        let (keys, register) = (contents.keys, Arc::new(contents.register));
        let names = Arc::new(Names::of(contents.directory, id, keys.clone()));
        let writer = Writer {
            storage,
            path: path.clone(),
            keys: keys.clone(),
            register: register.clone(),
            names: names.clone(),
        };
        let (queue, waiting) = mpsc::channel();
        let started = thread::Builder::new().name("hub-people".into()).spawn(move || writer.run(&waiting));
        started.map_err(Error::io("start the writer of", &path))?;
        Ok(Self { id, erased, keys: Arc::new(keys), register, names, queue })
    }

    /// The id of the store.
    #[must_use]
    pub fn id(&self) -> StoreId {
        self.id
    }

    /// Every player who was erased before the store was opened, and whether the person stays excluded.
    #[must_use]
    pub fn erased(&self) -> &[(PlayerId, bool)] {
        &self.erased
    }

    /// The id of a person who was enrolled. In memory, about a microsecond: a keyed hash and a look-up.
    #[must_use]
    pub fn get(&self, person: &Person) -> Option<PlayerId> {
        self.register.get(self.keys.lookup(person))
    }

    /// Whether a person was excluded and then erased. Such a person gets no new id. In memory.
    #[must_use]
    pub fn is_excluded(&self, person: &Person) -> bool {
        self.register.is_excluded(person)
    }

    /// People of an issuer whose subject has this part, in the order in which they were enrolled, behind the player `after`; at
    /// most `limit`. The first search has all names read into memory, where they stay: some 8 s for a million people, and
    /// the bytes of each subject and 29 more. After that it takes some milliseconds for a million, on the calling thread.
    ///
    /// # Errors
    /// [`NotSearched::Reads`] while the names are read: ask again. Otherwise when nothing can be found so.
    pub fn search(
        &self,
        issuer: &str,
        part: &str,
        after: Option<PlayerId>,
        limit: usize,
    ) -> Result<NamePage, NotSearched> {
        Names::search(&self.names, (issuer, part), after, limit, self.stats().people)
    }

    /// Gives a person an id for good, and calls `done` with it once it is on disk (P1); a person who has one already
    /// keeps it. Returns at once. `done` is called once, on the thread that enrols, and must not wait. Everybody who waits
    /// while the disk is busy shares the next commit. The queue has no bound of its own: whoever calls this holds a permit.
    pub fn enrol(&self, person: Person, done: impl FnOnce(Result<PlayerId, NotEnrolled>) + Send + 'static) {
        // Without a writer the enrolment is dropped, and `done` with it: its receiver learns that nobody answers.
        let _ = self.queue.send(Work::Enrol(Waiter { person, done: Box::new(done) }));
    }

    /// Tells what the store has under a player id. Returns at once; `done` is called as that of [`People::enrol`] is. Reads the
    /// database from one end to the other, so it is for what is rare.
    pub fn standing(
        &self,
        player: PlayerId,
        done: impl FnOnce(Result<PlayerStanding, NotErased>) + Send + 'static,
    ) {
        let _ = self.queue.send(Work::Standing(player, Box::new(done)));
    }

    /// Erases a player: destroys the key, then removes the row, as [`Contents::erase`] does. With `excluded` the person stays
    /// excluded. Returns at once; `done` is called as that of [`People::enrol`] is, when all of it is on disk and nobody finds
    /// the person any more. May be repeated. The log has recorded the erasure before, durably, so that a crash in between is
    /// finished by the next start. From before that record until `done`, nobody is let in as this player: that is the caller's
    /// to see to.
    pub fn erase(
        &self,
        player: PlayerId,
        excluded: bool,
        done: impl FnOnce(Result<Erased, NotErased>) + Send + 'static,
    ) {
        let _ = self.queue.send(Work::Erase(player, excluded, Box::new(done)));
    }

    /// Whether new people are enrolled.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.register.readiness()
    }

    /// What was counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.register.stats()
    }
}
