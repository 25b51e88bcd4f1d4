//! Implements the storage traits for [`Memory`]: names, the lock and open files.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::{Content, Memory, Operation, State, put};
use crate::Error;
use crate::storage::{File, FileIdentity, FileStatus, Storage};

/// The writer's lock of a [`Memory`].
#[derive(Debug)]
pub struct MemoryLock {
    state: Arc<Mutex<State>>,
    life: u64,
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        if state.life == self.life {
            state.locked = false;
        }
    }
}

/// An open file of a [`Memory`].
#[derive(Debug)]
pub struct MemoryFile {
    state: Arc<Mutex<State>>,
    life: u64,
    file: usize,
    /// Whether this handle has locked the file.
    taken: AtomicBool,
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        self.unlock();
    }
}

impl Memory {
    fn handle(&self, life: u64, file: usize) -> MemoryFile {
        MemoryFile { state: self.state.clone(), life, file, taken: AtomicBool::new(false) }
    }
}

impl Storage for Memory {
    type File = MemoryFile;
    type Lock = MemoryLock;

    fn lock(&self) -> Result<MemoryLock, Error> {
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.locked, true) {
            return Err(Error::Locked { dir: self.path(""), pid: None });
        }
        Ok(MemoryLock { state: self.state.clone(), life: state.life })
    }

    fn random(&self) -> io::Result<[u8; 16]> {
        Ok(self.state.lock().random.u128(..).to_le_bytes())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let state = self.state.lock();
        state.alive(state.life)?;
        Ok(state.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<MemoryFile> {
        let mut state = self.state.lock();
        let life = state.life;
        state.admit(life, Some(Operation::Create))?;
        state.files.push(Content::default());
        let file = state.files.len() - 1;
        state.names.insert(name.to_owned(), file);
        state.names_changed();
        Ok(self.handle(life, file))
    }

    fn open(&self, name: &str) -> io::Result<MemoryFile> {
        let state = self.state.lock();
        state.alive(state.life)?;
        Ok(self.handle(state.life, state.named(name)?))
    }

    fn read(&self, name: &str) -> io::Result<MemoryFile> {
        let meanwhile = self.state.lock().meanwhile();
        if let Some(meanwhile) = meanwhile {
            (meanwhile.happens)();
        }
        self.open(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        let life = state.life;
        state.admit(life, Some(Operation::Rename))?;
        let file = state.named(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), file);
        state.names_changed();
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        let life = state.life;
        state.admit(life, None)?;
        state.named(name)?;
        state.names.remove(name);
        state.names_changed();
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        let life = state.life;
        state.admit(life, Some(Operation::SyncNames))?;
        state.names_since.clear();
        state.names_durable = state.names.clone();
        Ok(())
    }

    fn status(&self, name: &str) -> io::Result<FileStatus> {
        let state = self.state.lock();
        state.alive(state.life)?;
        let of = |inode, bytes| FileStatus { identity: FileIdentity { device: 0, inode }, bytes };
        if name.is_empty() {
            return Ok(of(state.life_of_directory, 0));
        }
        let file = state.named(name)?;
        Ok(of(file as u64, state.files[file].seen.len() as u64))
    }

    fn free(&self) -> io::Result<Option<u64>> {
        let state = self.state.lock();
        let limited = (state.space != u64::MAX).then(|| state.space.saturating_sub(state.used()));
        Ok(limited)
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("memory").join(name)
    }
}

impl File for MemoryFile {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let state = self.state.lock();
        state.alive(self.life)?;
        let seen = state.files[self.file].seen.get(offset as usize..).unwrap_or_default();
        let len = seen.len().min(bytes.len());
        bytes[..len].copy_from_slice(&seen[..len]);
        Ok(len)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock();
        state.room(self.file, offset + bytes.len() as u64)?;
        let admitted = state.admit(self.life, Some(Operation::Write));
        match &admitted {
            Ok(()) => state.write(self.file, offset, bytes),
            // A real disk that fails has often written a part.
            Err(error) if error.raw_os_error().is_some() => {
                state.write(self.file, offset, &bytes[..bytes.len() / 2]);
            }
            Err(_) => {}
        }
        admitted
    }

    fn reserve(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        state.admit(self.life, Some(Operation::Write))?;
        state.room(self.file, bytes)?;
        let len = state.files[self.file].seen.len() as u64;
        let missing = vec![0; bytes.saturating_sub(len) as usize];
        state.write(self.file, len, &missing);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        let admitted = state.admit(self.life, Some(Operation::Sync));
        let content = &mut state.files[self.file];
        match &admitted {
            Ok(()) => {
                for write in std::mem::take(&mut content.unsynced) {
                    put(&mut content.durable, write.offset, &write.bytes);
                }
            }
            // The pages are marked clean: the cache shows them, and no later sync writes them.
            Err(error) if error.raw_os_error().is_some() => content.unsynced.clear(),
            Err(_) => {}
        }
        admitted
    }

    fn try_lock(&self) -> io::Result<bool> {
        let mut state = self.state.lock();
        state.alive(self.life)?;
        let free = state.taken.insert(self.file);
        self.taken.fetch_or(free, Ordering::Relaxed);
        Ok(free)
    }

    fn unlock(&self) {
        let mut state = self.state.lock();
        if state.life == self.life && self.taken.swap(false, Ordering::Relaxed) {
            state.taken.remove(&self.file);
        }
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        self.state.lock().alive(self.life)?;
        Ok(FileIdentity { device: 0, inode: self.file as u64 })
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.state.lock();
        state.alive(self.life)?;
        Ok(state.files[self.file].seen.len() as u64)
    }
}
