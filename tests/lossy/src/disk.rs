//! The layer's own state: which files it stands under, and the notes and counts in the side directory.
//!
//! A call is made under one lock, over all processes of the layer: its note, and then the call itself. So the order of
//! the notes is the order of the calls, and only the last note can be of a call that was never made.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use libc::c_int;
use lossy_notes::{COUNTS, DIRECTORY, Fault, NOTES, Note, SIDE, SYNC_US_MAX, SYNCS, UNMODELLED, kept};

use crate::faults::Faults;
use crate::kernel::{self, Found};

/// The disk that the layer plays.
pub struct Disk {
    /// The files below this directory are on it.
    pub directory: PathBuf,
    side: PathBuf,
    notes: c_int,
    counts: c_int,
    faults: Faults,
    sync_us_max: u64,
    process: Mutex<()>,
}

/// While it is there, no other call of the layer is under way.
pub struct Turn<'a> {
    disk: &'a Disk,
    _process: MutexGuard<'a, ()>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        kernel::lock(self.disk.notes, libc::LOCK_UN);
    }
}

/// The disk of this process; `None` when the variables do not name one.
pub fn disk() -> Option<&'static Disk> {
    static DISK: OnceLock<Option<Disk>> = OnceLock::new();
    DISK.get_or_init(|| {
        let directory = PathBuf::from(std::env::var_os(DIRECTORY)?);
        let side = PathBuf::from(std::env::var_os(SIDE)?);
        let sync_us_max = std::env::var(SYNC_US_MAX).ok().and_then(|us| us.parse().ok()).unwrap_or(0);
        let notes = kernel::open(&side.join(NOTES), libc::O_RDWR | libc::O_APPEND | libc::O_CREAT);
        let counts = kernel::open(&side.join(COUNTS), libc::O_RDWR | libc::O_CREAT);
        let (Ok(notes), Ok(counts)) = (notes, counts) else {
            ends(&side, "the side directory cannot be used", Path::new(""));
        };
        let (faults, process) = (Faults::from_environment(), Mutex::new(()));
        Some(Disk { directory, side, notes, counts, faults, sync_us_max, process })
    })
    .as_ref()
}

/// Ends the program, and leaves word why.
fn ends(side: &Path, what: &str, path: &Path) -> ! {
    let mut line = format!("lossy: {what} ").into_bytes();
    line.extend(path.as_os_str().as_bytes());
    line.push(b'\n');
    // It ends in any case: an error of these calls has nobody to go to.
    let _ = kernel::append(libc::STDERR_FILENO, &line);
    if let Ok(file) = kernel::open(&side.join(UNMODELLED), libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT) {
        let _ = kernel::append(file, &line);
    }
    // SAFETY: it ends the process, and needs nothing of it.
    unsafe { libc::abort() }
}

impl Disk {
    /// The file or directory of a descriptor, when it is on the disk.
    pub fn open_file(&self, descriptor: c_int) -> Option<Found> {
        let found = kernel::of_descriptor(descriptor).filter(|found| found.is_file || found.is_directory)?;
        kernel::path_of_descriptor(descriptor)?.starts_with(&self.directory).then_some(found)
    }

    /// The absolute form of a path, when it is on the disk.
    pub fn path(&self, directory: c_int, path: &Path) -> Option<PathBuf> {
        kernel::absolute(directory, path).filter(|path| path.starts_with(&self.directory))
    }

    /// Waits until no other call is under way.
    pub fn turn(&self) -> Turn<'_> {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        kernel::lock(self.notes, libc::LOCK_EX);
        Turn { disk: self, _process: process }
    }

    /// Ends the program at a call that the layer does not model.
    pub fn not_modelled(&self, call: &str, path: &Path) -> ! {
        ends(&self.side, call, path)
    }

    /// A sync of a file or directory: what was noted of it before is durable once it has returned. `fails` when it is to
    /// fail instead.
    pub fn sync(&self, found: Found, fails: bool) {
        let upto = self.turn().end();
        // There are few changes of names: they are given more time in which a kill can come.
        let us_max = if found.is_file { self.sync_us_max } else { self.sync_us_max * 4 };
        kernel::wait(fastrand::u64(..=us_max));
        let turn = self.turn();
        turn.count(SYNCS);
        match (fails, found.is_file) {
            (false, _) => drop(turn.note(&Note::Synced { inode: found.inode, upto })),
            (true, true) => drop(turn.note(&Note::NotSynced { inode: found.inode, upto })),
            // Names stay in the journal of the file system, and may be written by the next sync.
            (true, false) => {}
        }
    }
}

impl Turn<'_> {
    /// Where the next note will be.
    fn end(&self) -> u64 {
        kernel::of_descriptor(self.disk.notes).map_or(0, |found| found.length)
    }

    /// Writes a note; returns its place.
    pub fn note(&self, note: &Note) -> u64 {
        let at = self.end();
        if kernel::append(self.disk.notes, &note.encode()).is_err() {
            ends(&self.disk.side, "a note cannot be written", &self.disk.side);
        }
        at
    }

    /// Keeps the file of a name that the next note takes away.
    pub fn keep(&self, path: &Path) {
        if kernel::link(path, &self.disk.side.join(kept(self.end()))).is_err() {
            ends(&self.disk.side, "no hard link can be made of", path);
        }
    }

    /// What a file has in a range, as far as it goes.
    pub fn before(&self, path: &Path, offset: u64, length: u64) -> Vec<u8> {
        let read = kernel::open(path, libc::O_RDONLY).and_then(|file| {
            let bytes = kernel::read(file, offset, length);
            // SAFETY: it was opened above, and nobody else has it.
            unsafe { libc::close(file) };
            bytes
        });
        read.unwrap_or_else(|_| ends(&self.disk.side, "what was there before cannot be read in", path))
    }

    /// The fault of the call, of those that it can have; and a number for what else is random about it.
    pub fn draw(&self, possible: &[Fault]) -> (Option<Fault>, u64) {
        let (fault, random) = self.disk.faults.draw(possible);
        if let Some(fault) = fault {
            self.count(Fault::ALL.iter().position(|known| *known == fault).expect("all are there"));
        }
        (fault, random)
    }

    /// Counts something.
    pub fn count(&self, place: usize) {
        let at = place as u64 * 8;
        let before = kernel::read(self.disk.counts, at, 8).unwrap_or_default();
        let count = before.try_into().map_or(0, u64::from_le_bytes) + 1;
        // A count is for the report alone.
        let _ = kernel::write_at(self.disk.counts, count.to_le_bytes().as_ptr().cast(), 8, at as i64);
    }
}

/// The path `/proc/self/fd/N`, by which a file that is open can be read although it was opened for writing alone.
pub fn by_descriptor(descriptor: c_int) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{descriptor}"))
}
