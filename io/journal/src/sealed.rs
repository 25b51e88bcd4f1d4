//! Sealed segments: those with a later one behind them. Their bytes never change again, so a copy of one is complete.

use crate::cursor::Cursor;
use crate::files::Files;
use crate::format::BLOCK;
use crate::reader::Reader;
use crate::scan::segment_name;
use crate::storage::{File, Storage};
use crate::{Error, Lsn};

/// Bytes copied at a time.
const CHUNK: usize = 1 << 20;

/// A segment with a later one behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Its first record.
    pub first: Lsn,
    /// The end of its last batch, in its own lineage.
    pub end: Cursor,
    /// Length of its file. Bytes.
    pub bytes: u64,
}

/// The name of the file of the segment that begins with a record.
pub fn segment_file(first: Lsn) -> String {
    segment_name(first)
}

impl Sealed {
    /// The name of its file.
    pub fn name(&self) -> String {
        segment_name(self.first)
    }
}

impl<S: Storage> Files<S> {
    /// The id of the log; `None` when there is no log yet.
    pub fn id(&self) -> Option<[u8; 16]> {
        self.headers().first().map(|header| header.id)
    }

    /// The sealed segments, in order.
    pub fn sealed(&self) -> impl Iterator<Item = Sealed> + '_ {
        self.headers().windows(2).map(|pair| {
            let end = Cursor { lineage: pair[0].lineage, ..pair[1].follows() };
            Sealed { first: pair[0].first, end, bytes: pair[0].bytes }
        })
    }

    /// Opens a sealed segment, after it has checked every batch of it: checksums, hashes, and that it ends where the next
    /// one begins. What is copied elsewhere is then what was written.
    pub fn open_sealed(&self, segment: &Sealed) -> Result<S::File, Error> {
        let mut reader = Reader::begin(self.storage().clone(), segment.first, segment.first)?;
        if reader.hash_at(segment.end.lsn)? != Some(segment.end.hash) {
            let file = self.storage().path(&segment.name());
            let what = "the segment does not end where the next one begins";
            return Err(Error::Damaged { file, offset: segment.bytes, what });
        }
        let name = segment.name();
        self.storage().read(&name).map_err(Error::io("open", self.storage().path(&name)))
    }

    /// Copies the segment that begins with a record to another storage, synced, under its own name. Of the last segment only
    /// what is whole is copied, and zeros behind it: a writer may be at work. Returns its length, bytes.
    pub fn copy_segment<T: Storage>(&self, first: Lsn, to: &T) -> Result<u64, Error> {
        let name = segment_name(first);
        let missing = || Error::Missing {
            place: self.storage().path(&name),
            lsn: first,
            what: "no segment begins with it",
        };
        let header = self.headers().iter().find(|header| header.first == first).ok_or_else(missing)?;
        let used = if self.last_segment() == Some(first) {
            let mut reader = Reader::begin(self.storage().clone(), first, first)?;
            reader.read_here()?.max(BLOCK as u64)
        } else {
            header.bytes
        };
        let (from, path) = (self.storage().path(&name), to.path(&name));
        let source = self.storage().read(&name).map_err(Error::io("open", &from))?;
        let copy = to.create(&name).map_err(Error::io("create", &path))?;
        copy.reserve(header.bytes).map_err(Error::io("reserve room for", &path))?;
        let mut chunk = vec![0; CHUNK];
        let mut at = 0;
        while at < used {
            let wanted = (used - at).min(CHUNK as u64) as usize;
            let read = source.read_at(at, &mut chunk[..wanted]).map_err(Error::io("read", &from))?;
            if read < wanted {
                let what = "the file is shorter than it was made; records are missing";
                return Err(Error::Damaged { file: from, offset: at + read as u64, what });
            }
            copy.write_at(at, &chunk[..read]).map_err(Error::io("write", &path))?;
            at += read as u64;
        }
        copy.sync().map_err(Error::io("sync", &path))?;
        to.sync_names().map_err(Error::io("sync directory", to.path("")))?;
        Ok(header.bytes)
    }
}
