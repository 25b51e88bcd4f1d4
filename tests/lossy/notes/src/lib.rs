//! What stands between the layer that is loaded into the hub (`tests/lossy`) and the test that lets the power fail
//! (`tests/src/power.rs`): the files of the side directory, the notes in them, and the counts.
//!
//! A note is written before the call that it is about, and is whole or the last one: the layer writes one at a time. It
//! names files and directories by their inode, because names change. Offsets of the file of notes order what happened:
//! a sync makes durable what was noted before it began.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Variable with the directory whose files the layer stands under; an absolute path without links.
pub const DIRECTORY: &str = "LOSSY_DIRECTORY";
/// Variable with the side directory. On the same file system, and not below the other one.
pub const SIDE: &str = "LOSSY_SIDE";
/// Variable with the seed of the errors.
pub const SEED: &str = "LOSSY_SEED";
/// Variable with how many of 10,000 calls get each [`Fault`], such as `eio=3,short=200`.
pub const FAULTS: &str = "LOSSY_FAULTS";
/// Variable with the longest time that a sync takes. Microseconds.
pub const SYNC_US_MAX: &str = "LOSSY_SYNC_US_MAX";

/// File of the side directory with the notes.
pub const NOTES: &str = "notes";
/// File of the side directory with the counts, eight bytes each.
pub const COUNTS: &str = "counts";
/// File of the side directory with the calls that the layer does not model.
pub const UNMODELLED: &str = "unmodelled";

/// Name in the side directory of a file whose name was removed or replaced, by the offset of the note.
#[must_use]
pub fn kept(at: u64) -> String {
    format!("kept.{at}")
}

/// What a call can be made to suffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails with `EIO`; a write may have written a part. What a failed sync did not write is lost in a power failure,
    /// whatever syncs follow.
    Eio,
    /// A call that needs more room fails with `ENOSPC`.
    Enospc,
    /// A write writes a part and returns its length.
    Short,
    /// A write or an open fails with `EINTR`, and has done nothing.
    Eintr,
}

impl Fault {
    /// All of them, in the order of their counts.
    pub const ALL: [Self; 4] = [Self::Eio, Self::Enospc, Self::Short, Self::Eintr];

    /// Its name in [`FAULTS`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Eio => "eio",
            Self::Enospc => "enospc",
            Self::Short => "short",
            Self::Eintr => "eintr",
        }
    }
}

/// Places of the counts: one for each fault, then these.
pub const SYNCS: usize = Fault::ALL.len();
/// Place of the count of writes.
pub const WRITES: usize = SYNCS + 1;
/// Place of the count of changed names.
pub const NAMES: usize = SYNCS + 2;
/// Number of counts.
pub const COUNTED: usize = SYNCS + 3;

/// One note. Files and directories are named by their inodes, `directory` being the one that has the name; lengths and
/// offsets are in bytes.
#[expect(missing_docs, reason = "the fields of each note are explained with it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// `length` bytes are written at `offset`. `before` is what the file had there, as far as it went.
    Written { inode: u64, offset: u64, length: u64, length_before: u64, before: Vec<u8> },
    /// The file gets the length `length`. `before` is what is cut off.
    Resized { inode: u64, length: u64, length_before: u64, before: Vec<u8> },
    /// A name is made in a directory: of a file, a directory, or a second one of a file.
    Made { directory: u64, path: PathBuf },
    /// A file was made with this inode: what was noted of a file with that inode before is of another one.
    Born { inode: u64 },
    /// A name is removed; its file is kept.
    Removed { directory: u64, path: PathBuf },
    /// An empty directory was removed.
    RemovedDirectory { directory: u64, path: PathBuf },
    /// A name is changed. When `replaces`, the file that had the new name is kept.
    Renamed { directories: [u64; 2], inode: u64, from: PathBuf, to: PathBuf, replaces: bool },
    /// A file or directory was synced: what was noted of it before this offset is durable.
    Synced { inode: u64, upto: u64 },
    /// A sync of a file failed: what was noted of it before this offset and is not durable never will be.
    NotSynced { inode: u64, upto: u64 },
}

impl Note {
    /// Its bytes, with their length before them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Out(vec![0; 4]);
        match self {
            Self::Written { inode, offset, length, length_before, before } => {
                out.kind(0).numbers(&[*inode, *offset, *length, *length_before]).bytes(before);
            }
            Self::Resized { inode, length, length_before, before } => {
                out.kind(1).numbers(&[*inode, *length, *length_before]).bytes(before);
            }
            Self::Made { directory, path } => out.kind(2).numbers(&[*directory]).path(path),
            Self::Born { inode } => drop(out.kind(3).numbers(&[*inode])),
            Self::Removed { directory, path } => out.kind(4).numbers(&[*directory]).path(path),
            Self::RemovedDirectory { directory, path } => out.kind(5).numbers(&[*directory]).path(path),
            Self::Renamed { directories: [one, other], inode, from, to, replaces } => {
                let out = out.kind(6).numbers(&[*one, *other, *inode, u64::from(*replaces)]);
                out.path(from);
                out.path(to);
            }
            Self::Synced { inode, upto } => drop(out.kind(7).numbers(&[*inode, *upto])),
            Self::NotSynced { inode, upto } => drop(out.kind(8).numbers(&[*inode, *upto])),
        }
        let length = u32::try_from(out.0.len() - 4).expect("a write is shorter than 4 GiB");
        out.0[..4].copy_from_slice(&length.to_le_bytes());
        out.0
    }

    /// All notes of a file, each with its offset. The last one may be torn: then its call has not been made.
    ///
    /// # Panics
    /// When the bytes are no notes.
    #[must_use]
    pub fn decode_all(bytes: &[u8]) -> Vec<(u64, Self)> {
        let (mut notes, mut at) = (Vec::new(), 0);
        while let Some(length) = bytes.get(at..at + 4) {
            let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
            let Some(body) = bytes.get(at + 4..at + 4 + length) else { break };
            notes.push((at as u64, Self::decode(body)));
            at += 4 + length;
        }
        notes
    }

    fn decode(body: &[u8]) -> Self {
        let mut rest = In(&body[1..]);
        match body[0] {
            0 => {
                let [inode, offset, length, length_before] = rest.numbers();
                Self::Written { inode, offset, length, length_before, before: rest.bytes() }
            }
            1 => {
                let [inode, length, length_before] = rest.numbers();
                Self::Resized { inode, length, length_before, before: rest.bytes() }
            }
            2 => Self::Made { directory: rest.number(), path: rest.path() },
            3 => Self::Born { inode: rest.number() },
            4 => Self::Removed { directory: rest.number(), path: rest.path() },
            5 => Self::RemovedDirectory { directory: rest.number(), path: rest.path() },
            6 => {
                let [one, other, inode, replaces] = rest.numbers();
                let (from, to) = (rest.path(), rest.path());
                Self::Renamed { directories: [one, other], inode, from, to, replaces: replaces == 1 }
            }
            7 => Self::Synced { inode: rest.number(), upto: rest.number() },
            8 => Self::NotSynced { inode: rest.number(), upto: rest.number() },
            kind => panic!("no note has the kind {kind}"),
        }
    }
}

struct Out(Vec<u8>);

impl Out {
    fn kind(&mut self, kind: u8) -> &mut Self {
        self.0.push(kind);
        self
    }

    fn numbers(&mut self, numbers: &[u64]) -> &mut Self {
        numbers.iter().for_each(|number| self.0.extend(number.to_le_bytes()));
        self
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.numbers(&[bytes.len() as u64]);
        self.0.extend(bytes);
    }

    fn path(&mut self, path: &Path) {
        self.bytes(path.as_os_str().as_bytes());
    }
}

struct In<'a>(&'a [u8]);

impl In<'_> {
    fn number(&mut self) -> u64 {
        let (number, rest) = self.0.split_first_chunk().expect("a whole note");
        self.0 = rest;
        u64::from_le_bytes(*number)
    }

    fn numbers<const N: usize>(&mut self) -> [u64; N] {
        [(); N].map(|()| self.number())
    }

    fn bytes(&mut self) -> Vec<u8> {
        let length = self.number() as usize;
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes.to_vec()
    }

    fn path(&mut self) -> PathBuf {
        OsString::from_vec(self.bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::Note;

    #[test]
    fn notes_are_read_as_they_were_written_and_a_torn_one_at_the_end_is_left_out() {
        let notes = [
            Note::Written { inode: 1, offset: 2, length: 3, length_before: 4, before: b"xyz".to_vec() },
            Note::Resized { inode: 1, length: 2, length_before: 5, before: b"uvw".to_vec() },
            Note::Made { directory: 9, path: "/a/b".into() },
            Note::Born { inode: 7 },
            Note::Removed { directory: 9, path: "/a/c".into() },
            Note::RemovedDirectory { directory: 9, path: "/a/d".into() },
            Note::Renamed {
                directories: [9, 8],
                inode: 7,
                from: "/f".into(),
                to: "/t".into(),
                replaces: true,
            },
            Note::Synced { inode: 1, upto: 77 },
            Note::NotSynced { inode: 1, upto: 78 },
        ];
        let bytes: Vec<u8> = notes.iter().flat_map(Note::encode).collect();
        let read = Note::decode_all(&bytes);
        assert_eq!(read.iter().map(|(_, note)| note.clone()).collect::<Vec<_>>(), notes);
        assert_eq!(read[1].0, notes[0].encode().len() as u64);
        assert_eq!(Note::decode_all(&bytes[..bytes.len() - 1]).len(), notes.len() - 1);
    }
}
