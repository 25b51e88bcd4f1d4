//! Checkpoint files: the state at an lsn, so that a restart replays only the records after it.
//!
//! Written beside the segments as `<lsn>.checkpoint`: temporary file, sync, rename, sync of the directory. The two
//! newest are kept; when the newest is damaged, the older is used. A checkpoint only shortens a replay: the segments
//! contain everything. It stands at the end of a batch. The caller compares its hash with [`Files::hash_at`](crate::Files::hash_at) or
//! [`Log::hash_at`](crate::Log::hash_at), to be sure that it belongs to the log.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::cursor::{Cursor, LineageId};
use crate::file::Directory;
use crate::format::{VERSION, array_at, u32_at, u64_at};
use crate::scan::named_lsn;
use crate::storage::{File, Storage};
use crate::{Error, Lsn};

const MAGIC: [u8; 8] = *b"hub\0chk\n";
pub(crate) const PARTIAL: &str = "checkpoint.partial";
/// Length of the header, bytes: magic 8, version 4, zero 4, lsn 8, length 8, batch hash 32, lineage 16, SHA-256 of
/// these and the state 32.
const HEADER: usize = 112;
/// Length of the header before its SHA-256. Bytes.
const STATED: usize = HEADER - 32;
/// Added to the name of a checkpoint of a future that the log has lost.
const LOST: &str = ".lost";
const KEPT: usize = 2;

/// The state at the end of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The end of the last batch that the state includes.
    pub at: Cursor,
    /// The state, as its owner wrote it.
    pub bytes: Vec<u8>,
}

/// Writes a checkpoint in a log's directory and removes all but the newest two. `at` must be durable. One
/// caller at a time.
pub fn write(dir: &Path, at: Cursor, bytes: &[u8]) -> Result<(), Error> {
    write_in(&Directory::open(dir)?, at, bytes)
}

/// The newest undamaged checkpoint in a log's directory; `None` when there is none.
pub fn latest(dir: &Path) -> Result<Option<Checkpoint>, Error> {
    latest_in(&Directory::open(dir)?)
}

/// The lsns of the checkpoints in a log's directory, oldest first, damaged or not.
pub fn list(dir: &Path) -> Result<Vec<Lsn>, Error> {
    list_in(&Directory::open(dir)?)
}

/// [`list`] for any storage.
pub fn list_in<S: Storage>(storage: &S) -> Result<Vec<Lsn>, Error> {
    let names = storage.list().map_err(Error::io("list", storage.path("")))?;
    let mut found: Vec<Lsn> = names.iter().filter_map(|name| named_lsn(name, ".checkpoint")).collect();
    found.sort();
    Ok(found)
}

/// One checkpoint; `None` when there is none at this lsn, for instance because newer ones have replaced it.
/// [`Error::Damaged`] when the file is damaged.
pub fn at(dir: &Path, lsn: Lsn) -> Result<Option<Checkpoint>, Error> {
    at_in(&Directory::open(dir)?, lsn)
}

/// [`at`] for any storage.
pub fn at_in<S: Storage>(storage: &S, lsn: Lsn) -> Result<Option<Checkpoint>, Error> {
    match read(storage, lsn) {
        Ok(Ok(checkpoint)) => Ok(Some(checkpoint)),
        Ok(Err(what)) => Err(Error::Damaged { file: storage.path(&name(lsn)), offset: 0, what }),
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Bytes written between two syncs. The log's own syncs run between many small syncs; one sync of a whole checkpoint
/// would make every bet wait.
const PART: usize = 1 << 20;

/// [`write()`] for any storage.
pub fn write_in<S: Storage>(storage: &S, at: Cursor, bytes: &[u8]) -> Result<(), Error> {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[16..24].copy_from_slice(&at.lsn.0.to_le_bytes());
    header[24..32].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    header[32..64].copy_from_slice(&at.hash);
    header[64..STATED].copy_from_slice(&at.lineage.0);
    let digest = digest(&header, bytes);
    header[STATED..].copy_from_slice(&digest);

    if let Err(error) = write_partial(storage, &header, bytes) {
        // An incomplete file would only use up space.
        let _ = storage.remove(PARTIAL);
        return Err(error);
    }
    let path = storage.path(PARTIAL);
    storage.rename(PARTIAL, &name(at.lsn)).map_err(Error::io("rename", &path))?;
    storage.sync_names().map_err(Error::io("sync directory", storage.path("")))?;

    for old in list_in(storage)?.into_iter().rev().skip(KEPT) {
        storage.remove(&name(old)).map_err(Error::io("remove", storage.path(&name(old))))?;
    }
    Ok(())
}

/// Gives the checkpoints after a record other names, under which no start reads them. Returns the new names.
pub(crate) fn set_aside<S: Storage>(storage: &S, after: Lsn) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for lsn in list_in(storage)?.into_iter().filter(|lsn| *lsn > after) {
        let (from, to) = (name(lsn), name(lsn) + LOST);
        storage.rename(&from, &to).map_err(Error::io("rename", storage.path(&from)))?;
        names.push(to);
    }
    storage.sync_names().map_err(Error::io("sync directory", storage.path("")))?;
    Ok(names)
}

/// Writes the file under its temporary name, and syncs it.
fn write_partial<S: Storage>(storage: &S, header: &[u8; HEADER], bytes: &[u8]) -> Result<(), Error> {
    let path = storage.path(PARTIAL);
    let file = storage.create(PARTIAL).map_err(Error::io("create", &path))?;
    file.write_at(0, header).map_err(Error::io("write", &path))?;
    for (place, part) in bytes.chunks(PART).enumerate() {
        file.write_at((HEADER + place * PART) as u64, part).map_err(Error::io("write", &path))?;
        file.sync().map_err(Error::io("sync", &path))?;
    }
    file.sync().map_err(Error::io("sync", &path))
}

/// [`latest`] for any storage.
pub fn latest_in<S: Storage>(storage: &S) -> Result<Option<Checkpoint>, Error> {
    for lsn in list_in(storage)?.into_iter().rev() {
        match read(storage, lsn)? {
            Ok(checkpoint) => return Ok(Some(checkpoint)),
            Err(flaw) => {
                tracing::warn!(file = %storage.path(&name(lsn)).display(), flaw, "passed over a damaged checkpoint");
            }
        }
    }
    Ok(None)
}

fn read<S: Storage>(storage: &S, lsn: Lsn) -> Result<Result<Checkpoint, &'static str>, Error> {
    let path = storage.path(&name(lsn));
    let file = storage.read(&name(lsn)).map_err(Error::io("open", &path))?;
    let len = file.len().map_err(Error::io("read", &path))?;
    let mut header = [0; HEADER];
    let read = file.read_at(0, &mut header).map_err(Error::io("read", &path))?;
    if read < HEADER || header[..8] != MAGIC {
        return Ok(Err("it has no header"));
    }
    // The stated length is compared with the file's before memory is allocated.
    if u64_at(&header, 24) != len - HEADER as u64 || u64_at(&header, 16) != lsn.0 {
        return Ok(Err("its length or number is not what its header states"));
    }
    let mut bytes = vec![0; (len - HEADER as u64) as usize];
    file.read_at(HEADER as u64, &mut bytes).map_err(Error::io("read", &path))?;
    if digest(&header, &bytes)[..] != header[STATED..] {
        return Ok(Err("its checksum does not match"));
    }
    match u32_at(&header, 8) {
        VERSION => {
            let (lineage, hash) = (LineageId(array_at(&header, 64)), array_at(&header, 32));
            Ok(Ok(Checkpoint { at: Cursor { lineage, lsn, hash }, bytes }))
        }
        version => Err(Error::Version { file: path, version }),
    }
}

/// The name of the file of a checkpoint.
pub fn name(lsn: Lsn) -> String {
    format!("{:020}.checkpoint", lsn.0)
}

fn digest(header: &[u8; HEADER], bytes: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(&header[..STATED]).chain_update(bytes).finalize().into()
}
