//! A storage in memory that can crash, fail and damage bytes on demand, for simulations and the conformance suite.
//!
//! It keeps two images: the page cache, which the running process sees, and the disk. A crash builds the files from the
//! disk's image and a chosen part of the writes that were not synced; when only the process dies, both images stay.
//! Handles from before the crash fail. Creations, renamings and removals are durable only once `sync_names` has
//! returned.
//!
//! The caller or a seed decides everything, so two runs with one seed are the same.

mod handles;
mod part;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::Arc;

use fastrand::Rng;
use parking_lot::Mutex;

pub use handles::{MemoryFile, MemoryLock};
pub use part::DiskPart;

/// The unit that a disk usually writes whole or not at all. Bytes.
const SECTOR: usize = 512;

/// What a crash keeps of the writes that no sync had confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// Nothing: the power failed before the disk wrote any of them.
    Lose,
    /// All, still in the page cache and not on the disk: the process died, and the system goes on.
    Keep,
    /// The first so many bytes, in the order of writing; all changes of names are kept.
    Torn(u64),
    /// Each sector is kept, lost or torn at random, and the changes of names are lost from some point on. The number is
    /// the seed.
    Random(u64),
}

/// A storage call that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// [`File::write_at`]: half of the bytes are written, then it fails.
    Write,
    /// [`File::sync`]: the page cache marks the bytes as clean, so the disk never gets them, and the next sync
    /// succeeds.
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
    /// Number of crashes; a handle from before the last one fails.
    life: u64,
    locked: bool,
    /// Number of times that the directory was replaced.
    life_of_directory: u64,
    /// Files that a handle has locked.
    taken: BTreeSet<usize>,
    /// Most bytes that all named files together may have.
    space: u64,
    names: Names,
    names_durable: Names,
    /// The directory after each change since the last `sync_names`.
    names_since: Vec<Names>,
    files: Vec<Content>,
    /// Number of writes to all files, which gives their order.
    writes: u64,
    operations: u64,
    power_off_at: Option<u64>,
    fault: Option<Fault>,
    meanwhile: Option<Meanwhile>,
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

/// What another user of the directory does before a file is opened for reading.
struct Meanwhile {
    skip: u64,
    happens: Box<dyn FnOnce() + Send>,
}

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meanwhile").field("skip", &self.skip).finish_non_exhaustive()
    }
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
            meanwhile: None,
            random: Rng::with_seed(seed),
        };
        Memory { state: Arc::new(Mutex::new(state)) }
    }

    /// Crashes: open handles fail from now on, locks are free, planned faults are dropped, and the files are as the
    /// crash leaves them.
    pub fn crash(&self, crash: Crash) {
        self.state.lock().crash(crash);
    }

    /// Lets `operations` more changing calls succeed; every call after them fails, until a crash.
    pub fn power_off_after(&self, operations: u64) {
        let mut state = self.state.lock();
        state.power_off_at = Some(state.operations + operations);
    }

    /// Number of changing calls so far: writes, syncs, creations, renamings, removals.
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Number of bytes written and not synced: the useful range of [`Crash::Torn`].
    pub fn unsynced(&self) -> u64 {
        let state = self.state.lock();
        state.files.iter().flat_map(|file| &file.unsynced).map(|write| write.bytes.len() as u64).sum()
    }

    /// Makes one call of this kind fail with an error number (`libc::EIO`, `libc::ENOSPC`), after `skip` more of them
    /// have succeeded.
    pub fn fail(&self, operation: Operation, skip: u64, errno: i32) {
        self.state.lock().fault = Some(Fault { operation, skip, errno });
    }

    /// Runs `happens` once, before a file is opened by [`Storage::read`], after `skip` more have been: what another user
    /// of the directory does while this one reads.
    pub fn before_read(&self, skip: u64, happens: impl FnOnce() + Send + 'static) {
        self.state.lock().meanwhile = Some(Meanwhile { skip, happens: Box::new(happens) });
    }

    /// Withdraws what [`Self::before_read`] has planned. Returns whether it was still to happen.
    pub fn withdraw_before_read(&self) -> bool {
        let meanwhile = self.state.lock().meanwhile.take();
        meanwhile.is_some()
    }

    /// Limits the bytes of all named files together. A call that would exceed the limit fails with `ENOSPC` and writes
    /// nothing.
    pub fn limit_space(&self, bytes: u64) {
        self.state.lock().space = bytes;
    }

    /// Number of bytes of all named files.
    pub fn used(&self) -> u64 {
        self.state.lock().used()
    }

    /// Removes every name, as when the directory is removed or another file system is mounted over it. Open handles
    /// still work.
    pub fn vanish(&self) {
        let mut state = self.state.lock();
        state.names.clear();
        state.names_durable.clear();
        state.life_of_directory += 1;
    }

    /// Frees the writer's lock although it is held, as removing the file `lock` by hand does.
    pub fn forget_lock(&self) {
        self.state.lock().locked = false;
    }

    /// Flips bits of one byte, in the page cache and on the disk. Panics when there is no such byte.
    pub fn flip(&self, name: &str, offset: u64, mask: u8) {
        self.change(name, |bytes| bytes[offset as usize] ^= mask);
    }

    /// Changes a file's bytes in the page cache and on the disk, without the log. Panics when there is no such file.
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
            // The page cache survives the process: the bytes are still there, and not on the disk.
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

    /// Restores the disk's image, with the first `names` unsynced changes of names, and with what `keep` writes of each
    /// unsynced write, in order.
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

    /// Counts a changing call; fails when the machine is off or a fault is planned for it.
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

    /// What is to happen before the file that is opened for reading now.
    fn meanwhile(&mut self) -> Option<Meanwhile> {
        let due = self.meanwhile.take_if(|meanwhile| meanwhile.skip == 0);
        if let Some(meanwhile) = &mut self.meanwhile {
            meanwhile.skip -= 1;
        }
        due
    }

    fn used(&self) -> u64 {
        self.names.values().map(|file| self.files[*file].seen.len() as u64).sum()
    }

    /// Fails when there is no room for a file to have this length.
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
