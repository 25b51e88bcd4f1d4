//! A disk that loses what was not synced when the power fails, without root and without a file system of its own.
//!
//! A program is started with the layer of `tests/lossy` between it and the C library ([`LossyDisk::beneath`]). The layer
//! notes in a side directory what is not synced; [`LossyDisk::fail`] reads the notes of a program that has been killed,
//! and takes back what the disk loses. What is kept is decided by the seed of the caller:
//!
//! * bytes that were not synced: each 512 of a write by themselves, and changes of lengths each by itself;
//! * names that were not synced: all from some point on, as a file system with a journal loses them.
//!
//! Without a power failure the notes go on: the page cache survives a process, and is still not on the disk.

mod bytes;
mod layer;
mod loss;
mod names;

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{DirEntryExt, MetadataExt},
    path::{Path, PathBuf},
    process::Command,
};

use fastrand::Rng;
use lossy_notes::{
    COUNTED, COUNTS, DIRECTORY, FAULTS, Fault, NAMES, NOTES, Note, SEED, SIDE, SYNC_US_MAX, SYNCS,
    UNMODELLED, WRITES,
};

pub use self::loss::{Dropped, Loss};
use crate::hub::Setup;

/// Longest time that a sync takes, so that a kill often comes before its end. Microseconds.
const SYNC_US: u64 = 2_000;

/// The disk under one directory.
#[derive(Debug)]
pub struct LossyDisk {
    directory: PathBuf,
    side: tempfile::TempDir,
}

/// How many of 10,000 calls get each fault.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Errors of writes, syncs, opens and changes of names.
    pub eio: u32,
    /// No room.
    pub enospc: u32,
    /// Writes of a part.
    pub short: u32,
    /// Interrupted calls.
    pub eintr: u32,
}

/// What the layer has counted since the disk was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Writes and changes of lengths.
    pub writes: u64,
    /// Syncs of files and directories.
    pub syncs: u64,
    /// Changes of names.
    pub names: u64,
    /// Calls that failed with `EIO`.
    pub eio: u64,
    /// Calls that failed with `ENOSPC`.
    pub enospc: u64,
    /// Writes of a part.
    pub short: u64,
    /// Calls that were interrupted.
    pub eintr: u64,
}

impl Counts {
    /// All calls that have changed something or were to make it durable.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.writes + self.syncs + self.names
    }
}

impl LossyDisk {
    /// A disk under the files below a directory that exists. What is there already is synced.
    ///
    /// # Panics
    /// When the side directory cannot be made beside it.
    #[must_use]
    pub fn under(directory: &Path) -> Self {
        let directory = directory.canonicalize().expect("the directory is there");
        let beside = directory.parent().expect("it is not the root");
        let side = tempfile::tempdir_in(beside).expect("a directory on the same file system");
        Self { directory, side }
    }

    /// A program that is configured so uses the disk, and gets these faults.
    #[must_use]
    pub fn beneath(&self, setup: Setup, faults: Faults, seed: u64) -> Setup {
        let variables = self.variables(faults, seed);
        variables.into_iter().fold(setup, |setup, (name, value)| setup.variable(name, value))
    }

    /// The same for any program.
    pub fn put_beneath(&self, command: &mut Command, faults: Faults, seed: u64) {
        command.envs(self.variables(faults, seed));
    }

    fn variables(&self, faults: Faults, seed: u64) -> [(&'static str, String); 6] {
        let Faults { eio, enospc, short, eintr } = faults;
        let rates = Fault::ALL.map(|fault| {
            let rate = match fault {
                Fault::Eio => eio,
                Fault::Enospc => enospc,
                Fault::Short => short,
                Fault::Eintr => eintr,
            };
            format!("{}={rate}", fault.name())
        });
        let text = |path: &Path| path.to_str().expect("a plain path").to_owned();
        [
            ("LD_PRELOAD", text(layer::layer())),
            (DIRECTORY, text(&self.directory)),
            (SIDE, text(self.side.path())),
            (SEED, seed.to_string()),
            (FAULTS, rates.join(",")),
            (SYNC_US_MAX, SYNC_US.to_string()),
        ]
    }

    /// The power fails: everything that was not synced is lost, or a part of it. No program may use the disk meanwhile.
    ///
    /// # Panics
    /// When the notes do not fit the files, or the layer has met a call that it does not model.
    pub fn fail(&self, loss: Loss, random: &mut Rng) -> Dropped {
        let notes = self.notes();
        let mut dropped = Dropped::default();
        bytes::take_back(&self.inodes(), &notes, loss, random, &mut dropped);
        names::take_back(self.side.path(), &notes, loss, random, &mut dropped);
        self.clear();
        dropped
    }

    /// The notes so far.
    fn notes(&self) -> Vec<(u64, Note)> {
        let strange = fs::read_to_string(self.side.path().join(UNMODELLED)).unwrap_or_default();
        assert_eq!(strange, "", "the layer does not model what the program does");
        // Without a file the program has never run.
        let mut notes = Note::decode_all(&fs::read(self.side.path().join(NOTES)).unwrap_or_default());
        // The program has ended between making a file and noting its inode.
        if let Some((at, Note::Made { path, .. })) = notes.last()
            && let Ok(found) = fs::symlink_metadata(path)
            && found.is_file()
            && found.nlink() == 1
        {
            let at = *at;
            notes.push((at, Note::Born { inode: found.ino() }));
        }
        notes
    }

    /// The files on the disk, and those kept beside it, by inode.
    fn inodes(&self) -> BTreeMap<u64, PathBuf> {
        let (mut inodes, mut ahead) =
            (BTreeMap::new(), vec![self.directory.clone(), self.side.path().into()]);
        while let Some(directory) = ahead.pop() {
            for entry in fs::read_dir(directory).expect("a directory").flatten() {
                match entry.file_type().expect("an entry has a type") {
                    kind if kind.is_dir() => ahead.push(entry.path()),
                    kind if kind.is_file() => drop(inodes.insert(entry.ino(), entry.path())),
                    _ => {}
                }
            }
        }
        inodes
    }

    /// Everything that is left is on the disk.
    fn clear(&self) {
        for entry in fs::read_dir(self.side.path()).expect("the side directory").flatten() {
            if entry.path().is_dir() {
                fs::remove_dir_all(entry.path()).expect("it is ours");
            } else if entry.file_name() != COUNTS {
                fs::remove_file(entry.path()).expect("it is ours");
            }
        }
    }

    /// What the layer has counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let bytes = fs::read(self.side.path().join(COUNTS)).unwrap_or_default();
        let mut counts = [0; COUNTED];
        for (count, bytes) in counts.iter_mut().zip(bytes.chunks_exact(8)) {
            *count = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        }
        let of = |fault| counts[Fault::ALL.iter().position(|known| *known == fault).expect("all are there")];
        Counts {
            writes: counts[WRITES],
            syncs: counts[SYNCS],
            names: counts[NAMES],
            eio: of(Fault::Eio),
            enospc: of(Fault::Enospc),
            short: of(Fault::Short),
            eintr: of(Fault::Eintr),
        }
    }
}
