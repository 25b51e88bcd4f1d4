//! The file `head`, which notes the end of a batch that the log is known to have had.
//!
//! A log that was cut at the beginning of a batch, or whose last batches were zeroed, looks whole; only a note outside
//! the segments shows the loss. The end is noted with a sync at an orderly stop and when a segment begins, and about
//! once a second without a sync: after a crash the note is a lower bound. The file is one sector, written in place; a
//! torn one is ignored.

use parking_lot::Mutex;

use crate::cursor::{Cursor, LineageId};
use crate::format::{BLOCK, VERSION, array_at, u32_at, u64_at};
use crate::storage::{File, Storage};
use crate::{Error, Lsn};

/// The file's name.
pub(crate) const NAME: &str = "head";
pub(crate) const PARTIAL: &str = "head.partial";
const MAGIC: [u8; 8] = *b"hub\0end\n";

/// The noted end of the log, and the last segment at that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noted {
    /// The id of the log.
    pub id: [u8; 16],
    pub end: Cursor,
    /// The last segment, by its first lsn.
    pub segment: Lsn,
}

impl Noted {
    fn encode(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        block[..8].copy_from_slice(&MAGIC);
        block[8..12].copy_from_slice(&VERSION.to_le_bytes());
        block[16..32].copy_from_slice(&self.id);
        block[32..40].copy_from_slice(&self.end.lsn.0.to_le_bytes());
        block[40..48].copy_from_slice(&self.segment.0.to_le_bytes());
        block[48..80].copy_from_slice(&self.end.hash);
        block[80..96].copy_from_slice(&self.end.lineage.0);
        let crc = crc32c::crc32c(&block[..BLOCK - 4]);
        block[BLOCK - 4..].copy_from_slice(&crc.to_le_bytes());
        block
    }

    /// `None` when the block is damaged; the version that it states when that is another one.
    fn decode(block: &[u8; BLOCK]) -> Result<Option<Noted>, u32> {
        let whole = block[..8] == MAGIC && u32_at(block, BLOCK - 4) == crc32c::crc32c(&block[..BLOCK - 4]);
        let version = u32_at(block, 8);
        if whole && version != VERSION {
            return Err(version);
        }
        Ok(whole.then(|| Noted {
            id: array_at(block, 16),
            end: Cursor {
                lineage: LineageId(array_at(block, 80)),
                lsn: Lsn(u64_at(block, 32)),
                hash: array_at(block, 48),
            },
            segment: Lsn(u64_at(block, 40)),
        }))
    }
}

/// Reads the noted end; `None` when there is none, or when it is damaged.
pub(crate) fn read<S: Storage>(storage: &S) -> Result<Option<Noted>, Error> {
    let mut block = [0; BLOCK];
    let file = match storage.read(NAME) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open", storage.path(NAME))(error)),
    };
    file.read_at(0, &mut block).map_err(Error::io("read", storage.path(NAME)))?;
    let noted =
        Noted::decode(&block).map_err(|version| Error::Version { file: storage.path(NAME), version })?;
    if noted.is_none() {
        tracing::warn!(file = %storage.path(NAME).display(), "the noted end of the log cannot be read");
    }
    Ok(noted)
}

/// The file `head`, open for writing, and the newest noted end.
pub(crate) struct Notes<F> {
    file: Mutex<(F, Option<Noted>)>,
}

impl<F: File> Notes<F> {
    /// Opens the file, or creates it with `noted`.
    pub fn open<S: Storage<File = F>>(storage: &S, noted: &Noted) -> Result<Notes<F>, Error> {
        let file = match storage.open(NAME) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let path = storage.path(PARTIAL);
                let file = storage.create(PARTIAL).map_err(Error::io("create", &path))?;
                file.write_at(0, &noted.encode()).map_err(Error::io("write", &path))?;
                file.sync().map_err(Error::io("sync", &path))?;
                storage.rename(PARTIAL, NAME).map_err(Error::io("rename", &path))?;
                storage.sync_names().map_err(Error::io("sync directory", storage.path("")))?;
                file
            }
            Err(error) => return Err(Error::io("open", storage.path(NAME))(error)),
        };
        Ok(Notes { file: Mutex::new((file, None)) })
    }

    /// Notes a durable end. A failure is only logged: the log is complete without the note.
    pub fn note(&self, noted: &Noted, sync: bool) {
        let mut held = self.file.lock();
        let (file, newest) = &mut *held;
        if newest.as_ref().is_some_and(|newest| newest.end.lsn > noted.end.lsn) {
            return;
        }
        let written = if *newest == Some(*noted) { Ok(()) } else { file.write_at(0, &noted.encode()) };
        *newest = Some(*noted);
        if let Err(error) = written.and_then(|()| if sync { file.sync() } else { Ok(()) }) {
            tracing::warn!(%error, last = noted.end.lsn.0, "the end of the log cannot be noted");
        }
    }
}
