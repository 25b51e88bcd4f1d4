//! The manifest: which runs are the store, and the cursor they stand for. Replaced as a whole by each commit and merge.
//!
//! ```text
//! manifest = magic 8, version 4, meta bytes 4, generation 8, next file 8, lineage 16, lsn 8, batch hash 32, runs 4,
//!            meta, run{runs}, crc 4
//! run      = tree 1, depth 1, zero 2, prefix 4, file 8, offset 4, bytes 4, entries 4, removed 4, crc 4
//! ```
//! Little-endian. The checksum stands last in every version and is tested first, so that a flipped bit in the version
//! is damage and not another version. The order of the runs says which is newer.

use std::io;
use std::path::PathBuf;

use journal::storage::{File, Storage};
use journal::{Cursor, LineageId, Lsn};

use crate::format::{VERSION, array_at, u32_at, u64_at};
use crate::run::RunInfo;
use crate::span::Span;
use crate::{Error, Tree};

const MAGIC: [u8; 8] = *b"hub\0sto\n";
/// Length of what stands before the meta text. Bytes.
const HEADER: usize = 92;
/// Length of what is said of one run. Bytes.
const LISTED: usize = 36;

/// Longest manifest: room for the meta text and for three million runs. Bytes.
const BYTES_MAX: u64 = 128 << 20;

/// Its name, and the name under which the next one is written.
pub(crate) const NAME: &str = "manifest";
pub(crate) const PARTIAL: &str = "manifest.partial";

/// How often the files that a manifest names are opened, when merges remove them meanwhile. A try is over before a merge of
/// many.
const TRIES: usize = 100;

/// What a manifest says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// Number of commits that the store has had.
    pub generation: u64,
    /// The number of the next file; above that of every file there is.
    pub next: u64,
    /// The place in the log that the store stands for.
    pub at: Cursor,
    /// The text that the last commit has kept beside the cursor.
    pub meta: Vec<u8>,
    /// The live runs, those of each tree in the order of its [`Shelf`](crate::view::Shelf).
    pub runs: Vec<RunInfo>,
}

impl Manifest {
    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER + self.meta.len() + LISTED * self.runs.len() + 4);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(self.meta.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.extend_from_slice(&self.next.to_le_bytes());
        out.extend_from_slice(&self.at.lineage.0);
        out.extend_from_slice(&self.at.lsn.0.to_le_bytes());
        out.extend_from_slice(&self.at.hash);
        out.extend_from_slice(&(self.runs.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.meta);
        for run in &self.runs {
            let tree = match run.tree {
                Tree::Rows => 0,
                Tree::Keys => 1,
            };
            out.extend_from_slice(&[tree, run.span.depth, 0, 0]);
            out.extend_from_slice(&run.span.prefix.to_le_bytes());
            out.extend_from_slice(&run.number.to_le_bytes());
            for number in [run.offset, run.len, run.entries, run.removed, run.crc] {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    fn decode(bytes: &[u8]) -> Result<Manifest, Flaw> {
        let (said, crc) = bytes.split_last_chunk::<4>().ok_or(Flaw::Bad("it has no header"))?;
        if said.len() < HEADER || u32::from_le_bytes(*crc) != crc32c::crc32c(said) {
            return Err(Flaw::Bad("its checksum does not match"));
        }
        if said[..8] != MAGIC {
            return Err(Flaw::Bad("it is not the manifest of a state store"));
        }
        match u32_at(said, 8) {
            VERSION => {}
            version => return Err(Flaw::Version(version)),
        }
        let (meta, runs) = said[HEADER..]
            .split_at_checked(u32_at(said, 12) as usize)
            .filter(|(_, runs)| Some(runs.len()) == (u32_at(said, 88) as usize).checked_mul(LISTED))
            .ok_or(Flaw::Bad("its lengths make no sense"))?;
        let runs: Option<Vec<RunInfo>> = runs.chunks_exact(LISTED).map(listed).collect();
        Ok(Manifest {
            generation: u64_at(said, 16),
            next: u64_at(said, 24),
            at: Cursor {
                lineage: LineageId(array_at(said, 32)),
                lsn: Lsn(u64_at(said, 48)),
                hash: array_at(said, 56),
            },
            meta: meta.to_vec(),
            runs: runs.ok_or(Flaw::Bad("it names a run that makes no sense"))?,
        })
    }

    /// Reads the manifest of a directory and opens what it names, which is done again as long as the writer of the store has
    /// another manifest meanwhile: it removes the files that it has merged. `None` when there is no manifest.
    pub fn with_files<S: Storage, T>(
        storage: &S,
        mut open: impl FnMut(&Manifest) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let mut passed = None;
        for _ in 0..TRIES {
            let Some(manifest) = Manifest::read(storage)? else { return Ok(None) };
            match open(&manifest) {
                Ok(opened) => return Ok(Some(opened)),
                Err(error) if Manifest::read(storage)?.as_ref() == Some(&manifest) => return Err(error),
                Err(error) => passed = Some(error),
            }
        }
        passed.map_or(Ok(None), Err)
    }

    /// Reads the manifest of a directory; `None` when there is none.
    pub fn read<S: Storage>(storage: &S) -> Result<Option<Manifest>, Error> {
        let path = storage.path(NAME);
        let file = match storage.read(NAME) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", path)(error)),
        };
        let len = file.len().map_err(Error::io("read", &path))?;
        if len > BYTES_MAX {
            return Err(Error::Damaged { file: path, offset: 0, what: "it is longer than any manifest" });
        }
        let mut bytes = vec![0; len as usize];
        let read = file.read_at(0, &mut bytes).map_err(Error::io("read", &path))?;
        bytes.truncate(read);
        Manifest::of_bytes(&bytes, path).map(Some)
    }

    /// What the bytes of the file `path` say.
    pub fn of_bytes(bytes: &[u8], path: PathBuf) -> Result<Manifest, Error> {
        match Manifest::decode(bytes) {
            Ok(manifest) => Ok(manifest),
            Err(Flaw::Bad(what)) => Err(Error::Damaged { file: path, offset: 0, what }),
            Err(Flaw::Version(version)) => Err(Error::Version { file: path, version }),
        }
    }

    /// Writes the manifest beside the old one, durable, under [`PARTIAL`]. Returns its length.
    pub fn write_partial<S: Storage>(&self, storage: &S) -> Result<u64, Error> {
        let path = storage.path(PARTIAL);
        let bytes = self.encode();
        let file = storage.create(PARTIAL).map_err(Error::io("create", &path))?;
        file.write_at(0, &bytes).map_err(Error::io("write", &path))?;
        file.sync().map_err(Error::io("sync", &path))?;
        Ok(bytes.len() as u64)
    }
}

/// Puts the manifest that was written last in place of the old one, durable. After an error it is unknown which of the
/// two a start would find.
pub(crate) fn swap<S: Storage>(storage: &S) -> Result<(), Error> {
    storage.rename(PARTIAL, NAME).map_err(Error::io("rename", storage.path(PARTIAL)))?;
    storage.sync_names().map_err(Error::io("sync directory", storage.path("")))
}

/// Why bytes are not a manifest that this release reads.
#[derive(Debug, PartialEq, Eq)]
enum Flaw {
    Bad(&'static str),
    Version(u32),
}

/// What is said of one run; `None` when it cannot be.
fn listed(bytes: &[u8]) -> Option<RunInfo> {
    let tree = match bytes[0] {
        0 => Tree::Rows,
        1 => Tree::Keys,
        _ => return None,
    };
    let span = Span { depth: bytes[1], prefix: u32_at(bytes, 4) };
    let run = RunInfo {
        tree,
        span,
        number: u64_at(bytes, 8),
        offset: u32_at(bytes, 16),
        len: u32_at(bytes, 20),
        entries: u32_at(bytes, 24),
        removed: u32_at(bytes, 28),
        crc: u32_at(bytes, 32),
    };
    span.is_valid().then_some(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let run = RunInfo {
            tree: Tree::Keys,
            span: Span { depth: 2, prefix: 7 },
            number: 9,
            offset: 100,
            len: 2000,
            entries: 30,
            removed: 4,
            crc: 5,
        };
        let at = Cursor { lineage: LineageId([1; 16]), lsn: Lsn(77), hash: [2; 32] };
        Manifest { generation: 5, next: 10, at, meta: b"meta".to_vec(), runs: vec![run; 2] }
    }

    #[test]
    fn a_manifest_gives_back_what_was_put_in_it() {
        let bytes = manifest().encode();
        assert_eq!(bytes.len(), HEADER + 4 + 2 * LISTED + 4);
        assert_eq!(Manifest::decode(&bytes), Ok(manifest()));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_damage() {
        let bytes = manifest().encode();
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            assert!(matches!(Manifest::decode(&flipped), Err(Flaw::Bad(_))), "bit {at}");
        }
        for len in 0..bytes.len() {
            assert!(matches!(Manifest::decode(&bytes[..len]), Err(Flaw::Bad(_))), "{len} bytes");
        }
    }

    #[test]
    fn a_later_version_is_named() {
        let mut bytes = manifest().encode();
        bytes[8..12].copy_from_slice(&7u32.to_le_bytes());
        let len = bytes.len() - 4;
        let crc = crc32c::crc32c(&bytes[..len]);
        bytes[len..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Manifest::decode(&bytes), Err(Flaw::Version(7)));
    }
}
