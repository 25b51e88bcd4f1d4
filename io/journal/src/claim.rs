//! The right to write a log, before anything of it is changed.

use std::path::Path;

use crate::append::{Appender, End, Identity, Segment, first_segment};
use crate::file::Directory;
use crate::files::{Files, LogEnd, Tail};
use crate::format::BLOCK;
use crate::log::Log;
use crate::scan::segment_name;
use crate::spare::Spare;
use crate::storage::{File, Storage};
use crate::{Error, Options};

/// Shortest segment. Bytes.
const MIN_SEGMENT: u64 = 4 << 10;
/// How much is zeroed at a time. Bytes.
const CHUNK: u64 = 1 << 20;

/// While you hold this, nobody else writes the log (`J5`). Dropping it gives the right back; nothing was changed.
pub struct Claim<S: Storage = Directory> {
    storage: S,
    lock: S::Lock,
    files: Files<S>,
}

impl Claim {
    /// Takes the right to write the log in a directory, which is made where it is missing.
    /// [`Error::Locked`]: somebody has it.
    pub fn take(dir: &Path) -> Result<Claim, Error> {
        Claim::over(Directory::create(dir)?)
    }
}

impl<S: Storage> Claim<S> {
    /// [`Claim::take`] for any storage.
    pub fn over(storage: S) -> Result<Claim<S>, Error> {
        let lock = storage.lock()?;
        let files = Files::over(storage.clone())?;
        Ok(Claim { storage, lock, files })
    }

    /// What lies there, to be read before anything is changed.
    pub fn files(&self) -> &Files<S> {
        &self.files
    }

    /// Opens the log for writing: cuts what is torn, makes the rest durable and begins a new epoch. `tail` is what
    /// [`Files::finish`] of these very files returned; a log that is not there yet is made.
    pub fn open(self, tail: Tail, options: Options) -> Result<Log<S>, Error> {
        let options = Options { segment_bytes: options.segment_bytes.max(MIN_SEGMENT), ..options };
        let Claim { storage, lock, .. } = self;
        let names = storage.list().map_err(Error::io("list", storage.path("")))?;
        for name in names.iter().filter(|name| name.ends_with(".partial")) {
            storage.remove(name).map_err(Error::io("remove", storage.path(name)))?;
        }
        let spare = Spare::new(&storage, options.segment_bytes, &names)?;
        let appender = match &tail.end {
            None => create(storage, lock, spare, options)?,
            Some(end) => resume(storage, lock, spare, options, end)?,
        };
        Ok(Log::new(appender, options, tail))
    }
}

fn create<S: Storage>(
    storage: S,
    lock: S::Lock,
    spare: Spare,
    options: Options,
) -> Result<Appender<S>, Error> {
    let random = || storage.random().map_err(Error::io("draw random bytes for", storage.path("")));
    let identity = Identity { id: random()?, salt: random()?, epoch: 1 };
    let segment = first_segment(&storage, &identity, options.segment_bytes)?;
    Ok(Appender::new((storage, lock), identity, (spare, options.segment_bytes), segment, End::default()))
}

/// Makes what was found durable, cuts the rest, and marks the new epoch.
fn resume<S: Storage>(
    storage: S,
    lock: S::Lock,
    spare: Spare,
    options: Options,
    end: &LogEnd,
) -> Result<Appender<S>, Error> {
    let name = segment_name(end.header.first);
    let path = storage.path(&name);
    let file = storage.open(&name).map_err(Error::io("open", &path))?;
    if let Some(torn) = &end.torn {
        let (offset, bytes) = (torn.offset, torn.bytes);
        tracing::warn!(file = %path.display(), offset, bytes, last = end.last.0, "cut a torn tail");
        for at in (offset..offset + bytes).step_by(CHUNK as usize) {
            let zeros = vec![0; CHUNK.min(offset + bytes - at) as usize];
            file.write_at(at, &zeros).map_err(Error::io("write", &path))?;
        }
    }
    // Written again, not only synced: after a failed sync the page cache shows bytes that the disk lacks as
    // clean, and a second sync would not write them.
    let mut bytes = vec![0; (end.unproven.end - end.unproven.start) as usize];
    file.read_at(end.unproven.start, &mut bytes).map_err(Error::io("read", &path))?;
    file.write_at(end.unproven.start, &bytes).map_err(Error::io("write", &path))?;
    file.sync().map_err(Error::io("sync", &path))?;
    storage.sync_names().map_err(Error::io("sync directory", storage.path("")))?;

    let identity = Identity { id: end.header.id, salt: end.header.salt, epoch: end.epoch + 1 };
    let segment = Segment {
        first: end.header.first,
        before: end.header.before,
        file,
        at: end.at.max(BLOCK as u64),
        // A segment of release 0.1 does not state its length: the log goes on in a new one.
        limit: end.header.bytes,
    };
    let end = End { last: end.last, hash: end.hash };
    let mut appender = Appender::new((storage, lock), identity, (spare, options.segment_bytes), segment, end);
    appender.mark()?;
    Ok(appender)
}

impl<S: Storage> std::fmt::Debug for Claim<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claim").field("files", &self.files).finish_non_exhaustive()
    }
}
