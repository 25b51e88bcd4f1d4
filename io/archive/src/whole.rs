//! The records of a log from the first one on: what was removed from the log is read in the archive.
//!
//! Behind the same seam as the log's own records. A reader takes removed records from the objects of the archive, one
//! after the other, and goes over to the log where that begins. Each object is fetched to a file of its own in a
//! directory for temporary files, compared with its name, and read as the segment that it is: checksums, hashes, log
//! and lineage. Each part must follow the one before by its hash, so that all of it is one chain, from the first record
//! on when the reading begins there. When records are removed under a reader of the log, it goes on with the archive.
//!
//! A reader has one segment on the disk at a time, of 4 GiB at most, and as much in memory as a reader of the log and
//! one fetch. It waits for the archive as long as the archive's [`RetryRule`](crate::RetryRule) says; after an error
//! the same call may be made again. Nothing is written to the archive or the log. A killed process leaves at most one
//! segment a reader behind, in a directory whose name begins with `hub-archive-`.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use journal::file::Directory;
use journal::storage::Storage;
use journal::{Cursor, Entry, Files, LogRecords, Lsn, Reader, RecordReader, Truncated};
use tempfile::TempDir;

use crate::{Archive, Catalogue, Error, ObjectName};

/// Longest segment that is fetched. Bytes; the longest that can be configured (`journal.segment_bytes`). An object that
/// states more is refused before a byte of it is read.
const SEGMENT_BYTES_MAX: u64 = 4 << 30;

/// Opens the archive, when a removed record is asked for.
type Open = Box<dyn Fn() -> Result<Archive, Error> + Send + Sync>;

/// The records of a log and its archive. Clones share one archive.
pub struct WholeLog<S: Storage> {
    parts: Arc<Parts<S>>,
}

struct Parts<S> {
    log: Arc<dyn LogRecords>,
    /// The files of the log, which tell its id and lineages.
    storage: S,
    open: Open,
    archive: OnceLock<Archive>,
    /// Where fetched segments are for a while.
    scratch: PathBuf,
}

impl<S: Storage> WholeLog<S> {
    /// The records of a log in `storage`, and of the archive that `open` opens. That is called when a removed record is
    /// asked for, and again after it has failed. Fetched segments are in directories of their own in `scratch`.
    pub fn new(
        log: Arc<dyn LogRecords>,
        storage: S,
        open: impl Fn() -> Result<Archive, Error> + Send + Sync + 'static,
        scratch: PathBuf,
    ) -> WholeLog<S> {
        let open = Box::new(open);
        WholeLog { parts: Arc::new(Parts { log, storage, open, archive: OnceLock::new(), scratch }) }
    }
}

impl<S: Storage> Clone for WholeLog<S> {
    fn clone(&self) -> WholeLog<S> {
        WholeLog { parts: self.parts.clone() }
    }
}

impl<S: Storage> LogRecords for WholeLog<S> {
    /// Always `Lsn(0)`: what was removed from the log is expected in the archive.
    fn begins_after(&self) -> Result<Lsn, journal::Error> {
        Ok(Lsn(0))
    }

    /// [`journal::Error::NotFetched`] when a record that was removed cannot be read.
    fn read(&self, after: Lsn) -> Result<Box<dyn RecordReader>, journal::Error> {
        let at = Position { lsn: after, known: (after == Lsn(0)).then(Cursor::default), object: None };
        let mut catalogue = None;
        let source = self.parts.source(&at, &mut catalogue)?;
        let (parts, record) = (self.parts.clone(), Copied::default());
        Ok(Box::new(WholeReader { parts, at, catalogue, source, record }))
    }

    /// Removes records of the log; the archive keeps what it has.
    fn truncate_before(&self, lsn: Lsn, needed: &[Lsn]) -> Result<Truncated, journal::Error> {
        self.parts.log.truncate_before(lsn, needed)
    }
}

/// Where a reader goes on.
struct Position {
    /// Everything up to this record was read, or is not wanted.
    lsn: Lsn,
    /// The end of the batch of that record, which the next part must follow; `None` at a beginning within the log.
    known: Option<Cursor>,
    /// The object that ended there.
    object: Option<ObjectName>,
}

impl Position {
    fn error(&self, error: Error) -> journal::Error {
        not_fetched(self.lsn.next(), error)
    }

    /// Whether a reader goes on exactly here. It then stands behind this position.
    fn is_followed_by(&self, reader: &mut dyn RecordReader) -> Result<bool, journal::Error> {
        let Some(known) = self.known else { return Ok(true) };
        let within_a_batch = reader.next(known.lsn)?.is_some();
        let found = reader.cursor();
        Ok(!within_a_batch && (found.lsn, found.hash) == (known.lsn, known.hash))
    }
}

/// Where records come from.
enum Source {
    Archive(Box<Segment>),
    Log(Box<dyn RecordReader>),
}

/// A fetched segment, which is removed with this.
struct Segment {
    name: ObjectName,
    reader: Reader<Directory>,
    _place: TempDir,
}

impl Segment {
    /// Whether all that the name states was read, and nothing more.
    fn is_read(&self) -> Result<bool, Error> {
        let last = self.reader.cursor().lsn;
        if last > self.name.last {
            return Err(altered(&self.name, format!("its last batch ends with record {}", last.0)));
        }
        Ok(last == self.name.last)
    }
}

impl<S: Storage> Parts<S> {
    /// Opens what has the records behind a position.
    fn source(&self, at: &Position, catalogue: &mut Option<Catalogue>) -> Result<Source, journal::Error> {
        loop {
            let begins = self.log.begins_after()?;
            if at.lsn < begins {
                let files = Files::over(self.storage.clone())?;
                let segment = self.fetched(at, &files, begins, catalogue).map_err(|error| at.error(error))?;
                return Ok(Source::Archive(Box::new(segment)));
            }
            let opened = self.log.read(at.lsn).and_then(|mut reader| {
                let follows = at.is_followed_by(&mut *reader)?;
                Ok((reader, follows))
            });
            match opened {
                // More was removed meanwhile.
                Err(journal::Error::Removed { .. }) => {}
                Err(error) => return Err(error),
                Ok((reader, true)) => return Ok(Source::Log(reader)),
                Ok((_, false)) => {
                    let object = at.object.map_or_else(|| "what was read".to_owned(), |name| name.path());
                    return Err(at.error(Error::Parted { object, lsn: at.lsn.next().0 }));
                }
            }
        }
    }

    /// Fetches the object that has the record behind a position, and opens it there.
    fn fetched(
        &self,
        at: &Position,
        files: &Files<S>,
        begins: Lsn,
        catalogue: &mut Option<Catalogue>,
    ) -> Result<Segment, Error> {
        let archive = self.archive()?;
        let name = match catalogue.as_ref().and_then(|known| holder(known, at.lsn.next(), begins)) {
            Some(name) => name,
            // It may have been sent since the objects were listed.
            None => {
                let listed = catalogue.insert(archive.catalogue(files)?);
                if listed.objects.is_empty() {
                    return Err(Error::Empty { place: archive.place().to_owned() });
                }
                holder(listed, at.lsn.next(), begins).ok_or(Error::Gap { lsn: at.lsn.next().0 })?
            }
        };
        if name.bytes > SEGMENT_BYTES_MAX {
            return Err(altered(&name, format!("no segment has {} bytes", name.bytes)));
        }
        let made = tempfile::Builder::new().prefix("hub-archive-").tempdir_in(&self.scratch);
        let action = "make a directory for a fetched segment";
        let place = made.map_err(|source| Error::System { action, source })?;
        let to = Directory::create(place.path()).map_err(scratch)?;
        archive.unpack(&name, &to)?;
        let mut reader = Reader::over(to, at.lsn).map_err(|error| unread(&name, error))?;
        if reader.id() != name.log {
            return Err(altered(&name, "it is of another log"));
        }
        if reader.cursor().lineage != name.lineage {
            return Err(altered(&name, "it is of another lineage"));
        }
        if !at.is_followed_by(&mut reader).map_err(|error| unread(&name, error))? {
            return Err(Error::Parted { object: name.path(), lsn: at.lsn.next().0 });
        }
        Ok(Segment { name, reader, _place: place })
    }

    fn archive(&self) -> Result<&Archive, Error> {
        match self.archive.get() {
            Some(archive) => Ok(archive),
            None => {
                let opened = (self.open)()?;
                Ok(self.archive.get_or_init(|| opened))
            }
        }
    }
}

/// The object that has a record and ends before the log begins. Of several the nearest beginning, and then the one that
/// reaches further.
fn holder(catalogue: &Catalogue, lsn: Lsn, begins: Lsn) -> Option<ObjectName> {
    let fits = |name: &ObjectName| (lsn..=begins).contains(&name.last);
    let mut nearest = catalogue.objects.range(..=lsn).rev();
    nearest.find_map(|(_, found)| {
        found.iter().map(|archived| archived.name).filter(fits).max_by_key(|name| name.last)
    })
}

/// A reader over archive and log.
struct WholeReader<S: Storage> {
    parts: Arc<Parts<S>>,
    at: Position,
    catalogue: Option<Catalogue>,
    source: Source,
    /// The record that was read last.
    record: Copied,
}

/// What one step of a reader has found.
enum Step {
    /// A record, which was copied.
    Record,
    /// Nothing up to the limit, or nothing yet.
    Nothing,
    /// The end of a source. What comes after it is elsewhere.
    Ended,
}

/// A copy of a record.
#[derive(Default)]
struct Copied {
    entry: Option<Entry<'static>>,
    bytes: Vec<u8>,
}

impl Copied {
    fn take(&mut self, entry: &Entry<'_>) -> Step {
        let Entry { lsn, epoch, hash, batch, location, bytes } = *entry;
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.entry = Some(Entry { lsn, epoch, hash, batch, location, bytes: &[] });
        Step::Record
    }

    fn get(&self) -> Option<Entry<'_>> {
        self.entry.map(|entry| Entry { bytes: &self.bytes, ..entry })
    }
}

impl<S: Storage> WholeReader<S> {
    fn step(&mut self, limit: Lsn) -> Result<Step, journal::Error> {
        match &mut self.source {
            Source::Archive(segment) => {
                let wanted = limit.min(segment.name.last);
                let found = match segment.reader.next(wanted) {
                    Ok(Some(entry)) => return Ok(self.record.take(&entry)),
                    Ok(None) => segment.is_read(),
                    Err(error) => Err(unread(&segment.name, error)),
                };
                match found {
                    Ok(true) => Ok(Step::Ended),
                    Ok(false) => Ok(Step::Nothing),
                    Err(error) => Err(not_fetched(segment.reader.cursor().lsn.next(), error)),
                }
            }
            Source::Log(reader) => match reader.next(limit) {
                Ok(Some(entry)) => Ok(self.record.take(&entry)),
                Ok(None) => Ok(Step::Nothing),
                Err(journal::Error::Removed { .. }) => Ok(Step::Ended),
                Err(error) => Err(error),
            },
        }
    }

    /// Goes over to what comes after the source that has ended.
    fn go_over(&mut self) -> Result<(), journal::Error> {
        let (end, object) = match &self.source {
            Source::Archive(segment) => (segment.reader.cursor(), Some(segment.name)),
            Source::Log(reader) => (reader.cursor(), None),
        };
        if end.lsn >= self.at.lsn {
            self.at = Position { lsn: end.lsn, known: Some(end), object };
        }
        let source = self.parts.source(&self.at, &mut self.catalogue)?;
        let epoch = self.record.entry.map_or(0, |entry| entry.epoch);
        // Checked before it is the source: whoever asks again after the error misses no record. Within a segment the reader checks it.
        if let Source::Archive(segment) = &source
            && segment.reader.epoch() < epoch
        {
            let what = "its epoch is before that of the records before it";
            return Err(self.at.error(altered(&segment.name, what)));
        }
        self.source = source;
        Ok(())
    }
}

impl<S: Storage> RecordReader for WholeReader<S> {
    fn next(&mut self, limit: Lsn) -> Result<Option<Entry<'_>>, journal::Error> {
        loop {
            match self.step(limit)? {
                Step::Record => return Ok(self.record.get()),
                Step::Nothing => return Ok(None),
                Step::Ended if self.cursor().lsn >= limit => return Ok(None),
                Step::Ended => self.go_over()?,
            }
        }
    }

    fn cursor(&self) -> Cursor {
        let found = match &self.source {
            Source::Archive(segment) => segment.reader.cursor(),
            Source::Log(reader) => reader.cursor(),
        };
        // Of a lineage that begins there nothing was read yet.
        let end = self.at.known.filter(|known| known.lsn == found.lsn && known.lsn > Lsn(0));
        end.unwrap_or(found)
    }
}

fn not_fetched(lsn: Lsn, error: Error) -> journal::Error {
    let wrong = matches!(error, Error::Altered { .. } | Error::Gap { .. } | Error::Parted { .. });
    journal::Error::NotFetched { lsn, wrong, source: Box::new(error) }
}

fn altered(name: &ObjectName, what: impl Display) -> Error {
    Error::Altered { object: name.path(), what: what.to_string() }
}

/// A fetched segment cannot be read: the file has what the name states, so what is wrong was wrong when it was sent.
fn unread(name: &ObjectName, error: journal::Error) -> Error {
    match error {
        journal::Error::Damaged { offset, what, .. } => altered(name, format!("{what}, at offset {offset}")),
        journal::Error::Chain { lsn, .. } => {
            altered(name, format!("the hash chain breaks at record {}", lsn.0))
        }
        journal::Error::Io { .. } => scratch(error),
        other => altered(name, other),
    }
}

/// An error of the file of a fetched segment, which says nothing about the log.
fn scratch(error: journal::Error) -> Error {
    Error::System { action: "use the file of a fetched segment", source: std::io::Error::other(error) }
}
