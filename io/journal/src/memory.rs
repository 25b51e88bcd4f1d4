//! Storage in memory that crashes, fails and damages bytes on demand, for simulations and the conformance suite.
//!
//! It keeps two images: what the running process sees (the page cache) and what the disk holds. A crash
//! builds the next life's files from the disk's image and a chosen part of the writes not yet synced (or,
//! where only the process died, leaves both). Handles of an earlier life are dead. Names (creation, renaming,
//! removal) are durable only once `sync_names` has returned.
//!
//! Everything is decided by the caller or by a seed; two runs of one seed are the same run.

mod handles;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use fastrand::Rng;
use parking_lot::Mutex;

pub use handles::{MemoryFile, MemoryLock};

/// The unit that a disk writes whole, unless a tear goes through it. Bytes.
const SECTOR: usize = 512;

/// What a crash leaves of the writes that no sync had confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// Nothing of them: the power failed before the disk began.
    Lose,
    /// All of them, still in the page cache and still not on the disk: the process died, the system lives.
    Keep,
    /// The first so many bytes of them, in the order they were written; names are kept.
    Torn(u64),
    /// Each sector is kept or lost by itself, one may be torn, and names are lost from some point on.
    Random(u64),
}

/// A storage call that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// [`File::write_at`]: half of the bytes are written, then the error comes.
    Write,
    /// [`File::sync`]: the page cache keeps the bytes as if clean; the disk never gets them, and the next
    /// sync succeeds.
    Sync,
    /// [`Storage::create`].
    Create,
    /// [`Storage::rename`].
    Rename,
    /// [`Storage::sync_names`].
    SyncNames,
}

/// A directory in memory. Clones share it.
#[derive(Debug, Clone)]
pub struct Memory {
    state: Arc<Mutex<State>>,
}

type Names = BTreeMap<String, usize>;

#[derive(Debug)]
struct State {
    /// Counts crashes; a handle of an earlier life fails.
    life: u64,
    locked: bool,
    /// Counts directories that were put in this one's place.
    life_of_directory: u64,
    /// Files that one handle has taken for itself.
    taken: BTreeSet<usize>,
    /// Bytes that all files together may have.
    space: u64,
    names: Names,
    names_durable: Names,
    /// The directory after each change since the last `sync_names`.
    names_since: Vec<Names>,
    files: Vec<Content>,
    /// Orders writes over all files.
    writes: u64,
    operations: u64,
    power_off_at: Option<u64>,
    fault: Option<Fault>,
    random: Rng,
}

#[derive(Debug, Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Write>,
}

#[derive(Debug)]
struct Write {
    order: u64,
    offset: usize,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Fault {
    operation: Operation,
    skip: u64,
    errno: i32,
}

impl Memory {
    /// An empty directory whose random numbers come from `seed`.
    pub fn new(seed: u64) -> Memory {
        let state = State {
            life: 0,
            locked: false,
            life_of_directory: 0,
            taken: BTreeSet::new(),
            space: u64::MAX,
            names: Names::new(),
            names_durable: Names::new(),
            names_since: Vec::new(),
            files: Vec::new(),
            writes: 0,
            operations: 0,
            power_off_at: None,
            fault: None,
            random: Rng::with_seed(seed),
        };
        Memory { state: Arc::new(Mutex::new(state)) }
    }

    /// Ends this life: open handles die, the lock is free, faults are forgotten, and the files are what the
    /// crash left.
    pub fn crash(&self, crash: Crash) {
        self.state.lock().crash(crash);
    }

    /// Lets `operations` more changing calls happen; every call after them fails, until a crash.
    pub fn power_off_after(&self, operations: u64) {
        let mut state = self.state.lock();
        state.power_off_at = Some(state.operations + operations);
    }

    /// How many changing calls there have been: writes, syncs, creations, renamings, removals.
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// How many bytes are written and not synced: each [`Crash::Torn`] below this is another outcome.
    pub fn unsynced(&self) -> u64 {
        let state = self.state.lock();
        state.files.iter().flat_map(|file| &file.unsynced).map(|write| write.bytes.len() as u64).sum()
    }

    /// Makes the call of this kind after the next `skip` ones fail with an error number (`libc::EIO`,
    /// `libc::ENOSPC`).
    pub fn fail(&self, operation: Operation, skip: u64, errno: i32) {
        self.state.lock().fault = Some(Fault { operation, skip, errno });
    }

    /// From now on all files that have a name may have so many bytes together: what would make one longer fails
    /// with `ENOSPC`, and nothing of it is written.
    pub fn limit_space(&self, bytes: u64) {
        self.state.lock().space = bytes;
    }

    /// How many bytes all files that have a name take.
    pub fn used(&self) -> u64 {
        self.state.lock().used()
    }

    /// Takes every name away, as when the directory is removed, or another file system is mounted over it. Open
    /// handles live on.
    pub fn vanish(&self) {
        let mut state = self.state.lock();
        state.names.clear();
        state.names_durable.clear();
        state.life_of_directory += 1;
    }

    /// Gives the one writer's lock back behind its holder's back, as removing the file `lock` does.
    pub fn forget_lock(&self) {
        self.state.lock().locked = false;
    }

    /// Flips bits of one byte, in the page cache and on the disk. Panics where there is no such byte.
    pub fn flip(&self, name: &str, offset: u64, mask: u8) {
        self.change(name, |bytes| bytes[offset as usize] ^= mask);
    }

    /// Changes a file's bytes behind the log's back, in the page cache and on the disk. Panics where there is
    /// no such file.
    pub fn change(&self, name: &str, change: impl Fn(&mut Vec<u8>)) {
        let mut state = self.state.lock();
        let file = *state.names.get(name).expect("the caller names a file that exists");
        let content = &mut state.files[file];
        change(&mut content.seen);
        change(&mut content.durable);
    }

    /// A copy of a file's bytes as the process sees them.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state.lock();
        state.names.get(name).map(|file| state.files[*file].seen.clone())
    }

    /// Another directory with the same bytes, all of them durable.
    pub fn copy(&self) -> Memory {
        let from = self.state.lock();
        let copy = Memory::new(from.random.get_seed());
        {
            let mut to = copy.state.lock();
            to.names = from.names.clone();
            to.names_durable = from.names.clone();
            to.files = from.files.iter().map(|file| Content::durable(file.seen.clone())).collect();
        }
        copy
    }
}

impl State {
    fn crash(&mut self, crash: Crash) {
        match crash {
            // The page cache outlives the process: still there, and still not on the disk.
            Crash::Keep => {}
            Crash::Lose => self.power_off(0, |_, _| {}),
            Crash::Torn(bytes) => {
                let mut budget = bytes as usize;
                self.power_off(usize::MAX, |write, file| {
                    let len = write.bytes.len().min(budget);
                    budget -= len;
                    put(file, write.offset, &write.bytes[..len]);
                });
            }
            Crash::Random(seed) => {
                let mut random = Rng::with_seed(seed);
                let names = random.usize(..=self.names_since.len());
                self.power_off(names, |write, file| {
                    for (n, sector) in write.bytes.chunks(SECTOR).enumerate() {
                        let len = match random.u8(..8) {
                            0..3 => 0,
                            3 => random.usize(..sector.len()),
                            _ => sector.len(),
                        };
                        put(file, write.offset + n * SECTOR, &sector[..len]);
                    }
                });
            }
        }
        self.life += 1;
        self.locked = false;
        self.taken.clear();
        self.power_off_at = None;
        self.fault = None;
    }

    /// Goes on from the disk's image, with the first `names` unsynced changes of names, and of each unsynced
    /// write, in order, what `keep` puts there.
    fn power_off(&mut self, names: usize, mut keep: impl FnMut(&Write, &mut Vec<u8>)) {
        let mut writes: Vec<(usize, Write)> = Vec::new();
        for (file, content) in self.files.iter_mut().enumerate() {
            writes.extend(content.unsynced.drain(..).map(|write| (file, write)));
        }
        writes.sort_by_key(|(_, write)| write.order);
        for (file, write) in writes {
            keep(&write, &mut self.files[file].durable);
        }
        if let Some(names) = self.names_since.drain(..).take(names).next_back() {
            self.names_durable = names;
        }
        self.names = self.names_durable.clone();
        for content in &mut self.files {
            content.seen = content.durable.clone();
        }
    }

    fn alive(&self, life: u64) -> io::Result<()> {
        if self.life != life || self.power_off_at.is_some_and(|at| self.operations > at) {
            return Err(io::Error::other("the machine is off"));
        }
        Ok(())
    }

    /// Counts a changing call and lets it through, or not.
    fn admit(&mut self, life: u64, operation: Option<Operation>) -> io::Result<()> {
        self.operations += 1;
        self.alive(life)?;
        match &mut self.fault {
            Some(fault) if Some(fault.operation) == operation => {
                if fault.skip == 0 {
                    let errno = fault.errno;
                    self.fault = None;
                    return Err(io::Error::from_raw_os_error(errno));
                }
                fault.skip -= 1;
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    fn used(&self) -> u64 {
        self.names.values().map(|file| self.files[*file].seen.len() as u64).sum()
    }

    /// Whether there is room for a file to become as long as this.
    fn room(&self, file: usize, len: u64) -> io::Result<()> {
        let more = len.saturating_sub(self.files[file].seen.len() as u64);
        if more > 0 && self.used() + more > self.space {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        Ok(())
    }

    fn named(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn names_changed(&mut self) {
        self.names_since.push(self.names.clone());
    }

    fn write(&mut self, file: usize, offset: u64, bytes: &[u8]) {
        self.writes += 1;
        let content = &mut self.files[file];
        put(&mut content.seen, offset as usize, bytes);
        content.unsynced.push(Write { order: self.writes, offset: offset as usize, bytes: bytes.to_vec() });
    }
}

impl Content {
    fn durable(bytes: Vec<u8>) -> Content {
        Content { seen: bytes.clone(), durable: bytes, unsynced: Vec::new() }
    }
}

fn put(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    if file.len() < offset + bytes.len() {
        file.resize(offset + bytes.len(), 0);
    }
    file[offset..offset + bytes.len()].copy_from_slice(bytes);
}
