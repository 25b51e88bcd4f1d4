//! The thread that writes: everybody who waits becomes one batch with one sync.

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    process,
    sync::{Arc, mpsc},
    thread,
};

use protocol::PlayerId;

use crate::{
    Contents, Error, FileId, NotEnrolled, Person, Readiness, TornTail,
    format::{self, BATCH_BYTES_MAX, Enrolled},
    register::Register,
    storage::Storage,
    telemetry,
};

/// Who is told the id.
pub type Tell = Box<dyn FnOnce(Result<PlayerId, NotEnrolled>) + Send>;

/// A person who waits for an id.
pub struct Waiter {
    /// Who.
    pub person: Person,
    /// Is called once.
    pub done: Tell,
}

/// Writes the file. There is one.
pub struct Writer<S> {
    storage: S,
    path: PathBuf,
    id: FileId,
    register: Arc<Register>,
    /// The length of the file. Bytes.
    end: u64,
    next_note: u8,
}

/// People who get their ids with one sync.
#[derive(Default)]
struct Batch {
    entries: Vec<Enrolled>,
    /// Who waits for each entry: one person may be enrolled twice at the same time.
    waiting: Vec<Vec<Tell>>,
    places: HashMap<Person, usize>,
    bytes: usize,
}

impl<S: Storage> Writer<S> {
    /// Cuts a torn tail and makes the rest durable.
    pub fn open(contents: Contents, storage: S) -> Result<(Self, Arc<Register>), Error> {
        let (torn, id) = (contents.torn(), contents.id());
        let Contents { path, header, register, end, unproven, .. } = contents;
        if let Some(TornTail { offset, bytes }) = torn {
            storage.cut(end).map_err(Error::io("cut", &path))?;
            telemetry::tail_cut(&path, offset, bytes);
        }
        // Written again, not only synced: after a failed sync the page cache may mark bytes as clean that are not on
        // disk, and a second sync would not write them.
        storage.write_at(end - unproven.len() as u64, &unproven).map_err(Error::io("write", &path))?;
        storage.sync().map_err(Error::io("sync", &path))?;
        let register = Arc::new(register);
        let mut writer =
            Self { storage, path, id, register: register.clone(), end, next_note: header.next_note };
        writer.note().map_err(Error::io("write", &writer.path))?;
        Ok((writer, register))
    }

    /// Enrols until nobody can ask any more.
    pub fn run(mut self, queue: &mpsc::Receiver<Waiter>) {
        let _abort = AbortOnPanic;
        while let Ok(first) = queue.recv() {
            let mut batch = Batch::default();
            self.take(&mut batch, first);
            while batch.bytes < BATCH_BYTES_MAX - ENTRY_BYTES_MAX
                && let Ok(next) = queue.try_recv()
            {
                self.take(&mut batch, next);
            }
            if !batch.entries.is_empty() {
                self.write(batch);
            }
        }
    }

    /// Adds somebody to the batch, or answers at once: who is known, and everybody after a failure.
    fn take(&self, batch: &mut Batch, Waiter { person, done }: Waiter) {
        if let Some(player) = self.register.get(&person) {
            return done(Ok(player));
        }
        if self.register.is_closed() {
            return done(Err(NotEnrolled::Closed));
        }
        if let Some(place) = batch.places.get(&person) {
            return batch.waiting[*place].push(done);
        }
        // 128 random bits: that two people draw the same is less likely than any fault of the machine.
        let mut random = [0; 16];
        if let Err(error) = getrandom::fill(&mut random) {
            telemetry::no_random(&error);
            return done(Err(NotEnrolled::NoRandom));
        }
        let entry = Enrolled { player: PlayerId(u128::from_be_bytes(random)), person };
        batch.places.insert(entry.person.clone(), batch.entries.len());
        batch.bytes += entry.bytes();
        batch.entries.push(entry);
        batch.waiting.push(vec![done]);
    }

    /// Writes and syncs a batch, then tells everybody in it.
    fn write(&mut self, Batch { entries, waiting, .. }: Batch) {
        let bytes = format::batch(self.id, self.end, &entries);
        let result = self.store(&bytes);
        if result.is_ok() {
            self.register.count_batch();
        }
        for (Enrolled { player, person }, waiting) in entries.into_iter().zip(waiting) {
            if result.is_ok() {
                self.register.add(person, player);
            }
            waiting.into_iter().for_each(|done| done(result.map(|()| player)));
        }
    }

    /// Makes a batch durable at the end of the file.
    fn store(&mut self, bytes: &[u8]) -> Result<(), NotEnrolled> {
        match self.storage.write_at(self.end, bytes) {
            Ok(()) => {}
            // What it left behind the end counts for nothing: the next batch is written over it.
            Err(error) if is_full(&error) => return Err(self.has_no_room(&error)),
            Err(error) => return Err(self.close(&error)),
        }
        // Never twice (P4): after an error the system may take the lost bytes for written.
        self.storage.sync().map_err(|error| self.close(&error))?;
        self.end += bytes.len() as u64;
        if self.register.set(Readiness::Ready) != Readiness::Ready {
            telemetry::room_again(&self.path);
        }
        // The batch is on disk; the note goes there with the next one.
        if let Err(error) = self.note() {
            self.close(&error);
        }
        Ok(())
    }

    /// Notes the length that is synced.
    fn note(&mut self) -> io::Result<()> {
        let (at, note) = format::note(self.id, self.next_note, self.end);
        self.next_note ^= 1;
        self.storage.write_at(at, &note)
    }

    fn has_no_room(&self, error: &io::Error) -> NotEnrolled {
        if self.register.set(Readiness::NoRoom(error.to_string())) == Readiness::Ready {
            telemetry::no_room(&self.path, error);
        }
        NotEnrolled::NoRoom
    }

    fn close(&self, error: &io::Error) -> NotEnrolled {
        self.register.set(Readiness::Closed(error.to_string()));
        telemetry::closed(&self.path, error);
        NotEnrolled::Closed
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

/// Longest entry: id, lengths, issuer and subject. Bytes.
const ENTRY_BYTES_MAX: usize = 20 + crate::ISSUER_BYTES_MAX + crate::SUBJECT_BYTES_MAX;

fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT | libc::EFBIG))
}
