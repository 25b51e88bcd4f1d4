//! The right to write a log, taken before any of its files is changed.

use std::path::Path;

use crate::append::{self, Appender, LogIdentity, Segment, first_segment};
use crate::condition::Condition;
use crate::cursor::{Cursor, LineageId};
use crate::file::{self, Directory};
use crate::files::Files;
use crate::format::{BLOCK, SegmentHeader};
use crate::log::Log;
use crate::scan::{self, segment_name};
use crate::seam::Truncated;
use crate::spare::{self, Spare};
use crate::storage::{File, LockedFile, Storage};
use crate::tail::{LogEnd, Tail};
use crate::truncate::{self, Beginning};
use crate::{Error, Lsn, Options, kept, noted};

/// Shortest segment. Bytes.
const MIN_SEGMENT: u64 = 4 << 10;
/// Bytes of a torn tail that are zeroed with one write.
const CHUNK: u64 = 1 << 20;

/// Names of files that are being made. What is left of one after a crash is of no use.
const UNFINISHED: [&str; 4] = [append::PARTIAL, spare::PARTIAL, noted::PARTIAL, kept::PARTIAL];

/// What a hub keeps beside its log: files, which are closed to others like those of the log, and a socket and directories,
/// which are so from the beginning. Never changed here.
const BESIDE: [&str; 7] =
    ["hub.sock", "monitoring", "people.db", "people.db-journal", "people.keys", "read-model", "store"];

/// Whether a file of this name is one of a log. Other files in its directory are never changed.
fn is_of_a_log(name: &str) -> bool {
    scan::named_lsn(name, ".log").is_some()
        || UNFINISHED.contains(&name)
        || [file::LOCK, noted::NAME, spare::READY, kept::NAME].contains(&name)
}

/// While you hold this, no other process or thread writes the log (`J5`). Dropping it releases the right; no file of
/// the log was changed.
pub struct Claim<S: Storage = Directory> {
    storage: S,
    lock: S::Lock,
    files: Files<S>,
    /// The last segment, locked for this claim; `None` when there is no log yet.
    segment: Option<LockedFile<S::File>>,
}

impl Claim {
    /// Takes the right to write the log in a directory, which is created when it is missing. [`Error::Locked`] when
    /// another writer has the right.
    pub fn take(dir: &Path) -> Result<Claim, Error> {
        Claim::over(Directory::create(dir)?)
    }
}

impl<S: Storage> Claim<S> {
    /// [`Claim::take`] for any storage.
    pub fn over(storage: S) -> Result<Claim<S>, Error> {
        let lock = storage.lock()?;
        let files = Files::over(storage.clone())?;
        let segment = files.last_segment().map(|first| take_segment(&storage, first)).transpose()?;
        Ok(Claim { storage, lock, files, segment })
    }

    /// The files of the log, to be read before anything is changed.
    pub fn files(&self) -> &Files<S> {
        &self.files
    }

    /// Removes the oldest segments of a log that no hub serves; see
    /// [`Journal::truncate_before`](crate::Journal::truncate_before). The caller has read the log to its end and found it
    /// sound. Ends the claim, whose files are others then.
    pub fn truncate_before(self, lsn: Lsn, needed: &[Lsn]) -> Result<Truncated, Error> {
        Beginning::at(self.files.begins().lsn.next()).truncate_before(&self.storage, lsn, needed)
    }

    /// Opens the log for writing: cuts a torn tail, makes the rest durable and begins a new epoch. Creates the log when
    /// there is none. `tail` must be what [`Files::finish`] returned for these files.
    pub fn open(self, tail: Tail, options: Options) -> Result<Log<S>, Error> {
        self.open_as(tail, options, None)
    }

    /// Opens a restored log for writing, and begins a new lineage at its end; see [`Files::restored`].
    ///
    /// A crash before the end changes nothing, and the same may be called again.
    pub fn restored(self, tail: Tail, options: Options) -> Result<Log<S>, Error> {
        let storage = self.storage.clone();
        let lineage =
            LineageId(storage.random().map_err(Error::io("draw random bytes for", storage.path("")))?);
        self.open_as(tail, options, Some(lineage))
    }

    fn open_as(self, tail: Tail, options: Options, fork: Option<LineageId>) -> Result<Log<S>, Error> {
        let options = Options { segment_bytes: options.segment_bytes.max(MIN_SEGMENT), ..options };
        let Claim { storage, lock, segment, files } = self;
        let begins = files.begins().lsn.next();
        let mut names = storage.list().map_err(Error::io("list", storage.path("")))?;
        names.retain(|name| is_of_a_log(name));
        if segment.is_some() {
            let beside = BESIDE.map(str::to_owned);
            storage.close_to_others(&[&names[..], &beside].concat());
        } else if names.iter().any(|name| name == noted::NAME) {
            // A log has a segment before it has this file.
            let what = "it is not the noted end of a log, and there is no log";
            return Err(Error::Damaged { file: storage.path(noted::NAME), offset: 0, what });
        }
        for name in names.iter().filter(|name| UNFINISHED.contains(&name.as_str())) {
            storage.remove(name).map_err(Error::io("remove", storage.path(name)))?;
        }
        truncate::remove(&storage, &kept::left_over(&storage, begins)?)?;
        let condition = Condition::default();
        let spare = Spare::new(&storage, options.segment_bytes, &names, condition.clone())?;
        let appender = match (&tail.end, segment) {
            (Some(end), Some(file)) => {
                let mut appender = resume((storage, lock), (spare, condition), options, (begins, end), file)?;
                begin(&mut appender, fork)?;
                appender
            }
            (None, None) if fork.is_none() => create((storage, lock), (spare, condition), options)?,
            (Some(_), None) | (None, _) => {
                let what = "it is not the log that was read";
                return Err(Error::Damaged { file: storage.path(""), offset: 0, what });
            }
        };
        Ok(Log::new(appender, options, tail))
    }
}

impl<S: Storage> Log<S> {
    /// Opens or creates the log in a storage; see [`open`](crate::open).
    pub fn open(storage: S, options: Options) -> Result<Log<S>, Error> {
        let claim = Claim::over(storage)?;
        let reader = claim.files().reader(claim.files().begins().lsn)?;
        let tail = claim.files().finish(reader)?;
        claim.open(tail, options)
    }
}

/// Locks the last segment as well: a running writer has it locked, even if the file `lock` was removed by hand.
fn take_segment<S: Storage>(storage: &S, first: Lsn) -> Result<LockedFile<S::File>, Error> {
    let name = segment_name(first);
    let file = storage.open(&name).map_err(Error::io("open", storage.path(&name)))?;
    let taken = LockedFile::take(file).map_err(Error::io("lock", storage.path(&name)))?;
    let locked = || Error::Locked { dir: storage.path(""), pid: None };
    let file = taken.ok_or_else(locked)?;
    // It must still be the last one: another writer may have changed to a new segment meanwhile.
    if scan::segments(storage)?.last() == Some(&first) { Ok(file) } else { Err(locked()) }
}

fn create<S: Storage>(
    (storage, lock): (S, S::Lock),
    (spare, condition): (Spare<S::File>, Condition),
    options: Options,
) -> Result<Appender<S>, Error> {
    let random = || storage.random().map_err(Error::io("draw random bytes for", storage.path("")));
    let id = random()?;
    let identity = LogIdentity { id, salt: random()?, epoch: 1, lineage: LineageId(id) };
    let segment = first_segment(&storage, &identity, options.segment_bytes)?;
    let settings = (spare, condition, options.segment_bytes);
    let end = Cursor { lineage: identity.lineage, ..Cursor::default() };
    Appender::new((storage, lock), identity, settings, segment, (Lsn(1), end))
}

/// Cuts the torn tail, and makes the rest durable.
fn resume<S: Storage>(
    (storage, lock): (S, S::Lock),
    (spare, condition): (Spare<S::File>, Condition),
    options: Options,
    (begins, end): (Lsn, &LogEnd),
    file: LockedFile<S::File>,
) -> Result<Appender<S>, Error> {
    let path = storage.path(&segment_name(end.header.first));
    if let Some(torn) = &end.torn {
        let (offset, bytes) = (torn.offset, torn.bytes);
        tracing::warn!(file = %path.display(), offset, bytes, last = end.cursor.lsn.0, "cut a torn tail");
        for at in (offset..offset + bytes).step_by(CHUNK as usize) {
            let zeros = vec![0; CHUNK.min(offset + bytes - at) as usize];
            file.write_at(at, &zeros).map_err(Error::io("write", &path))?;
        }
    }
    // Written again, not only synced: after a failed sync the page cache may mark bytes as clean that are not on
    // disk, and a second sync would not write them.
    let mut bytes = vec![0; (end.unproven.end - end.unproven.start) as usize];
    file.read_at(end.unproven.start, &mut bytes).map_err(Error::io("read", &path))?;
    file.write_at(end.unproven.start, &bytes).map_err(Error::io("write", &path))?;
    file.sync().map_err(Error::io("sync", &path))?;
    storage.sync_names().map_err(Error::io("sync directory", storage.path("")))?;

    let SegmentHeader { id, salt, lineage, .. } = end.header;
    let identity = LogIdentity { id, salt, epoch: end.epoch + 1, lineage };
    let segment = Segment {
        first: end.header.first,
        before: end.header.before,
        file,
        at: end.at.max(BLOCK as u64),
        limit: end.header.bytes,
    };
    let settings = (spare, condition, options.segment_bytes);
    Appender::new((storage, lock), identity, settings, segment, (begins, end.cursor))
}

/// Marks the new epoch, in a new lineage if one is given.
fn begin<S: Storage>(appender: &mut Appender<S>, fork: Option<LineageId>) -> Result<(), Error> {
    match fork {
        Some(lineage) => appender.fork(lineage),
        None => match appender.mark() {
            // The first batch, once there is room for it, proves the same as the mark.
            Err(error) if error.may_be_tried_again() => Ok(()),
            marked => marked,
        },
    }
}

impl<S: Storage> std::fmt::Debug for Claim<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claim").field("files", &self.files).finish_non_exhaustive()
    }
}
