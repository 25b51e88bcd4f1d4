//! The open people file, as the workers use it.

use std::{
    fs::{self, OpenOptions, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, mpsc},
    thread,
};

use protocol::PlayerId;

use crate::{
    Contents, Error, FileId, NotEnrolled, Person,
    register::{Readiness, Register, Stats},
    storage::Storage,
    telemetry,
    writer::{Waiter, Writer},
};

/// Permission bits of group and others.
const OTHERS: u32 = 0o077;

/// The mapping, open for reading and enrolling. Clones share it; the thread that writes ends with the last one.
#[derive(Debug, Clone)]
pub struct People {
    id: FileId,
    register: Arc<Register>,
    queue: mpsc::Sender<Waiter>,
}

impl People {
    /// Opens the file that was read: cuts a torn tail, makes the rest durable, closes it to group and others, and starts
    /// the thread that writes. Nobody has written the file since it was read: the caller holds the lock of the log in its
    /// directory.
    ///
    /// # Errors
    /// When the file cannot be opened or written.
    pub fn open(contents: Contents) -> Result<Self, Error> {
        let path = contents.path.clone();
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(Error::io("open", &path))?;
        tighten(&file, &path)?;
        Self::over(contents, file)
    }

    /// [`People::open`] for any storage that has these contents.
    ///
    /// # Errors
    /// When it cannot be written, or the thread not be started.
    pub fn over(contents: Contents, storage: impl Storage) -> Result<Self, Error> {
        let (path, id) = (contents.path.clone(), contents.id());
        let (writer, register) = Writer::open(contents, storage)?;
        let (queue, waiting) = mpsc::channel();
        let started = thread::Builder::new().name("hub-people".into()).spawn(move || writer.run(&waiting));
        started.map_err(Error::io("start the writer of", &path))?;
        Ok(Self { id, register, queue })
    }

    /// The id of the file.
    #[must_use]
    pub fn id(&self) -> FileId {
        self.id
    }

    /// The id of a person who was enrolled. In memory.
    #[must_use]
    pub fn get(&self, person: &Person) -> Option<PlayerId> {
        self.register.get(person)
    }

    /// Gives a person an id for good, and calls `done` with it once it is on disk (P1); a person who has one already
    /// keeps it. Returns at once. `done` is called once, on the thread that writes, and must not wait. Everybody who waits
    /// while the disk is busy shares the next sync. The queue has no bound of its own: whoever calls this holds a permit.
    pub fn enrol(&self, person: Person, done: impl FnOnce(Result<PlayerId, NotEnrolled>) + Send + 'static) {
        // Without a writer the enrolment is dropped, and `done` with it: its receiver learns that nobody answers.
        let _ = self.queue.send(Waiter { person, done: Box::new(done) });
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

/// Removes the permissions of group and others, if it has any.
fn tighten(file: &fs::File, path: &Path) -> Result<(), Error> {
    let mode = file.metadata().map_err(Error::io("open", path))?.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        let closed = Permissions::from_mode(mode & !OTHERS);
        file.set_permissions(closed).map_err(Error::io("change the mode of", path))?;
        telemetry::tightened(path, mode);
    }
    Ok(())
}
