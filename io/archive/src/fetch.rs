//! Puts a whole log together again in an empty directory: its beginning from the archive, the rest from the log itself.

use std::io::{self, Write};

use journal::storage::{File, Storage};
use journal::{Files, Lsn, Reader};

use crate::store::lost;
use crate::{Archive, Archived, Catalogue, Error, ObjectName};

/// Where a segment of the new directory came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchedFrom {
    /// The archive.
    Archive,
    /// The log.
    Log,
}

/// A log that was put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched {
    /// Its last record.
    pub last: Lsn,
    /// Segments from the archive.
    pub archived: u64,
    /// Segments from the log.
    pub local: u64,
    /// Length of all of them. Bytes.
    pub bytes: u64,
}

impl Archive {
    /// Writes every segment of a log to an empty storage, from record 1 on, and reads all of it: checksums, hashes and
    /// links. What the log has is copied, what was removed from it is fetched. `tell` is told of each segment.
    pub fn fetch<S: Storage, T: Storage>(
        &self,
        files: &Files<S>,
        catalogue: &Catalogue,
        to: &T,
        mut tell: impl FnMut(Lsn, FetchedFrom),
    ) -> Result<Fetched, Error> {
        let begins = files.begins().lsn.next();
        let (mut next, mut fetched) = (Lsn(1), Fetched { last: Lsn(0), archived: 0, local: 0, bytes: 0 });
        while next < begins {
            let archived = catalogue.objects.get(&next).and_then(|found| one_before(found, begins));
            let archived = archived.ok_or(Error::Gap { lsn: next.0 })?;
            self.fetch_object(archived, to)?;
            fetched.archived += 1;
            fetched.bytes += archived.name.bytes;
            tell(next, FetchedFrom::Archive);
            next = archived.name.last.next();
        }
        let last = files.last_segment();
        for first in files.sealed().map(|segment| segment.first).chain(last) {
            fetched.bytes += files.copy_segment(first, to)?;
            fetched.local += 1;
            tell(first, FetchedFrom::Log);
        }
        // All of it is read, so that every link between two segments is checked.
        let whole = Files::over(to.clone())?;
        let mut reader: Option<Reader<T>> = whole.reader(Lsn(0))?;
        while let Some(reader) = &mut reader
            && reader.next(Lsn::MAX)?.is_some()
        {}
        fetched.last = whole.finish(reader)?.last();
        Ok(fetched)
    }

    /// Writes the segment that an object has to a storage, synced, under the segment's name.
    fn fetch_object<T: Storage>(&self, archived: &Archived, to: &T) -> Result<(), Error> {
        self.unpack(&archived.name, to)?.sync().map_err(system("sync a segment"))?;
        to.sync_names().map_err(system("sync the directory"))
    }

    /// The same without a sync. The file is whole, and what the name of the object states.
    pub(crate) fn unpack<T: Storage>(&self, name: &ObjectName, to: &T) -> Result<T::File, Error> {
        let file_name = journal::segment_file(name.first);
        let written = self.runtime.block_on(self.retry.run(|| async {
            let file = to.create(&file_name).map_err(system("create a segment"))?;
            self.read(name, Sink { file, at: 0 }).await
        }));
        written.map(|sink| sink.file).map_err(|error| {
            // What does not check is not left under a segment's name.
            let _ = to.remove(&file_name);
            lost(error)
        })
    }
}

/// For `map_err`: an error of the system, with what was tried.
fn system(action: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::System { action, source }
}

/// The object that ends before the log begins; of two, the one that reaches further.
fn one_before(found: &[Archived], begins: Lsn) -> Option<&Archived> {
    found.iter().filter(|archived| archived.name.last < begins).max_by_key(|archived| archived.name.last)
}

/// Writes to a file of a storage, one after the other.
struct Sink<F> {
    file: F,
    at: u64,
}

impl<F: File> Write for Sink<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(self.at, bytes)?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
