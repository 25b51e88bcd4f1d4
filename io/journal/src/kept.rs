//! The file `first_kept`, which states where a log begins whose oldest segments were removed.
//!
//! It is durable before the first of them is removed, so a crash leaves either all segments or a log that states where
//! it begins; segments before that place do not count, and the next writable open removes them. Without the file, a log
//! that does not begin with record 1 is refused. The file has a checksum, and the header of the first kept segment must
//! name the same hash. It also keeps the lineages of what was removed, so that a cursor of a lost future is still refused
//! by name. See docs/adr/0028-the-oldest-segments-are-archived-and-removed.md.

use std::io;

use crate::cursor::{Cursor, LineageId};
use crate::format::{SegmentHeader, VERSION, array_at, u32_at, u64_at};
use crate::lineage::Lineage;
use crate::scan;
use crate::storage::{File, Storage};
use crate::{Error, Lsn};

/// The file's name.
pub(crate) const NAME: &str = "first_kept";
pub(crate) const PARTIAL: &str = "first_kept.partial";
const MAGIC: [u8; 8] = *b"hub\0kpt\n";
/// Length of the part before the lineages, bytes: magic 8, version 4, number of lineages 4, log id 16, last removed lsn 8,
/// hash of its batch 32.
const FIXED: usize = 72;
/// Length of a lineage, bytes: id 16, and where it was forked: lsn 8, hash 32, lineage 16; zeros for the first one.
const LINEAGE: usize = 72;
/// Most lineages that a file may state. Each is a restored backup.
const LINEAGES_MAX: usize = 10_000;

/// Where a log begins whose oldest segments were removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FirstKept {
    /// The id of the log.
    pub id: [u8; 16],
    /// The end of the last batch that was removed.
    pub before: Cursor,
    /// The lineages of the removed segments, at least one; the last one is that of `before`.
    pub lineages: Vec<Lineage>,
}

impl FirstKept {
    /// The first record that is kept.
    pub fn first(&self) -> Lsn {
        self.before.lsn.next()
    }

    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED + self.lineages.len() * LINEAGE + 4);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(self.lineages.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&self.id);
        bytes.extend_from_slice(&self.before.lsn.0.to_le_bytes());
        bytes.extend_from_slice(&self.before.hash);
        for Lineage { id, forked } in &self.lineages {
            let forked = forked.unwrap_or_default();
            bytes.extend_from_slice(&id.0);
            bytes.extend_from_slice(&forked.lsn.0.to_le_bytes());
            bytes.extend_from_slice(&forked.hash);
            bytes.extend_from_slice(&forked.lineage.0);
        }
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Result<FirstKept, Flaw> {
        let whole = bytes.len() >= FIXED + LINEAGE + 4 && bytes[..8] == MAGIC;
        if !whole || u32_at(bytes, bytes.len() - 4) != crc32c::crc32c(&bytes[..bytes.len() - 4]) {
            return Err(Flaw::Bad);
        }
        if u32_at(bytes, 8) != VERSION {
            return Err(Flaw::Version(u32_at(bytes, 8)));
        }
        let count = u32_at(bytes, 12) as usize;
        if count > LINEAGES_MAX || bytes.len() != FIXED + count * LINEAGE + 4 {
            return Err(Flaw::Bad);
        }
        let lineages: Vec<Lineage> =
            bytes[FIXED..bytes.len() - 4].chunks_exact(LINEAGE).enumerate().map(lineage).collect();
        let Some(last) = lineages.last() else { return Err(Flaw::Bad) };
        let before = Cursor { lineage: last.id, lsn: Lsn(u64_at(bytes, 32)), hash: array_at(bytes, 40) };
        Ok(FirstKept { id: array_at(bytes, 16), before, lineages })
    }

    /// Whether a segment follows what was removed.
    pub fn is_followed_by<S: Storage>(&self, header: &SegmentHeader, storage: &S) -> Result<(), Error> {
        if header.id != self.id {
            return Err(Error::Foreign { file: storage.path(NAME) });
        }
        if header.previous != self.before.hash {
            let what = "the first kept segment does not follow the record that is named here";
            return Err(Error::Damaged { file: storage.path(NAME), offset: 32, what });
        }
        Ok(())
    }
}

fn lineage((place, bytes): (usize, &[u8])) -> Lineage {
    let forked = Cursor {
        lsn: Lsn(u64_at(bytes, 16)),
        hash: array_at(bytes, 24),
        lineage: LineageId(array_at(bytes, 56)),
    };
    Lineage { id: LineageId(array_at(bytes, 0)), forked: (place > 0).then_some(forked) }
}

enum Flaw {
    Bad,
    Version(u32),
}

/// Reads the file; `None` when nothing was removed. A damaged one is an error: without it nobody can tell a log whose
/// beginning was removed from one whose beginning is lost.
pub(crate) fn read<S: Storage>(storage: &S) -> Result<Option<FirstKept>, Error> {
    let path = || storage.path(NAME);
    let file = match storage.read(NAME) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open", path())(error)),
    };
    let len = file.len().map_err(Error::io("read", path()))?;
    let bound = FIXED + LINEAGES_MAX * LINEAGE + 4;
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX).min(bound)];
    let read = file.read_at(0, &mut bytes).map_err(Error::io("read", path()))?;
    match FirstKept::decode(&bytes[..read]) {
        Ok(kept) if len == read as u64 => Ok(Some(kept)),
        Ok(_) | Err(Flaw::Bad) => {
            let what = "what states the first kept record does not check";
            Err(Error::Damaged { file: path(), offset: 0, what })
        }
        Err(Flaw::Version(version)) => Err(Error::Version { file: path(), version }),
    }
}

/// Writes the file under a temporary name, and gives it its own. Returns once all of it is durable.
pub(crate) fn write<S: Storage>(storage: &S, kept: &FirstKept) -> Result<(), Error> {
    let path = storage.path(PARTIAL);
    let file = storage.create(PARTIAL).map_err(Error::io("create", &path))?;
    file.write_at(0, &kept.encode()).map_err(Error::io("write", &path))?;
    file.sync().map_err(Error::io("sync", &path))?;
    storage.rename(PARTIAL, NAME).map_err(Error::io("rename", &path))?;
    storage.sync_names().map_err(Error::io("sync directory", storage.path("")))
}

/// The last record that was removed; `Lsn(0)` when none was.
pub(crate) fn begins_after<S: Storage>(storage: &S) -> Result<Lsn, Error> {
    Ok(read(storage)?.map(|kept| kept.before.lsn).unwrap_or_default())
}

/// The error for records up to the one after `after`, when they were removed; `None` when they are kept.
pub(crate) fn removed<S: Storage>(storage: &S, after: Lsn) -> Result<Option<Error>, Error> {
    let kept = read(storage)?.filter(|kept| after < kept.before.lsn);
    Ok(kept.map(|kept| Error::Removed { place: storage.path(""), lsn: after.next(), first: kept.first() }))
}

/// The names of the files with a segment's name before the first one that is kept: their removal was interrupted.
pub(crate) fn left_over<S: Storage>(storage: &S, first: Lsn) -> Result<Vec<Lsn>, Error> {
    let mut found = scan::segments(storage)?;
    found.retain(|segment| *segment < first);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(lineages: usize) -> FirstKept {
        let cursor = |n: u8| Cursor {
            lineage: LineageId([n; 16]),
            lsn: Lsn(10 * u64::from(n) + 1),
            hash: [n + 1; 32],
        };
        let lineage =
            |n: usize| Lineage { id: LineageId([n as u8; 16]), forked: (n > 0).then(|| cursor(n as u8 - 1)) };
        let lineages: Vec<Lineage> = (0..lineages).map(lineage).collect();
        let before = Cursor { lineage: lineages[lineages.len() - 1].id, lsn: Lsn(99), hash: [7; 32] };
        FirstKept { id: [9; 16], before, lineages }
    }

    #[test]
    fn the_file_reads_back_with_its_lineages() {
        for lineages in [1, 2, 5] {
            let kept = kept(lineages);
            assert_eq!(FirstKept::decode(&kept.encode()).ok(), Some(kept));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_length_but_its_own_is_refused() {
        let good = kept(2).encode();
        for bit in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(FirstKept::decode(&bytes).is_err(), "bit {bit} went unseen");
        }
        for length in 0..good.len() {
            assert!(FirstKept::decode(&good[..length]).is_err(), "{length} bytes");
        }
    }

    // The expected value was computed from the layout above by another implementation of the checksum.
    #[test]
    fn the_layout_is_what_the_module_states() {
        let bytes = kept(2).encode();
        assert_eq!(bytes.len(), FIXED + 2 * LINEAGE + 4);
        assert_eq!(u32_at(&bytes, bytes.len() - 4), 0x735e_b7f0);
    }
}
