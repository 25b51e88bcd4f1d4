//! A storage over another one that asks a test before each call: it can make a call wait, fail or be counted.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use journal::Error;
use journal::memory::{Memory, MemoryFile, MemoryLock};
use journal::storage::{File, FileIdentity, FileStatus, Storage};
use parking_lot::Mutex;

/// A call of the storage; files go by the name under which they were opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    List,
    Create,
    Open,
    Status,
    Lock,
    Reserve,
    Write,
    Sync,
}

type Hook = dyn Fn(Call, &str) -> io::Result<()> + Send + Sync;

/// A storage in memory whose calls pass through a function first.
#[derive(Clone)]
pub struct Hooked {
    pub memory: Memory,
    hook: Arc<Hook>,
}

pub struct HookedFile {
    file: MemoryFile,
    name: String,
    hook: Arc<Hook>,
}

impl Hooked {
    pub fn new(
        memory: &Memory,
        hook: impl Fn(Call, &str) -> io::Result<()> + Send + Sync + 'static,
    ) -> Hooked {
        Hooked { memory: memory.clone(), hook: Arc::new(hook) }
    }

    fn file(&self, name: &str, file: io::Result<MemoryFile>) -> io::Result<HookedFile> {
        Ok(HookedFile { file: file?, name: name.to_owned(), hook: self.hook.clone() })
    }
}

impl Storage for Hooked {
    type File = HookedFile;
    type Lock = MemoryLock;

    fn lock(&self) -> Result<MemoryLock, Error> {
        self.memory.lock()
    }

    fn random(&self) -> io::Result<[u8; 16]> {
        self.memory.random()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        (self.hook)(Call::List, "")?;
        self.memory.list()
    }

    fn create(&self, name: &str) -> io::Result<HookedFile> {
        (self.hook)(Call::Create, name)?;
        self.file(name, self.memory.create(name))
    }

    fn open(&self, name: &str) -> io::Result<HookedFile> {
        (self.hook)(Call::Open, name)?;
        self.file(name, self.memory.open(name))
    }

    fn read(&self, name: &str) -> io::Result<HookedFile> {
        self.open(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.memory.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.memory.remove(name)
    }

    fn sync_names(&self) -> io::Result<()> {
        self.memory.sync_names()
    }

    fn status(&self, name: &str) -> io::Result<FileStatus> {
        (self.hook)(Call::Status, name)?;
        self.memory.status(name)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.memory.path(name)
    }
}

impl File for HookedFile {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, bytes)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        (self.hook)(Call::Write, &self.name)?;
        self.file.write_at(offset, bytes)
    }

    fn reserve(&self, bytes: u64) -> io::Result<()> {
        (self.hook)(Call::Reserve, &self.name)?;
        self.file.reserve(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        (self.hook)(Call::Sync, &self.name)?;
        self.file.sync()
    }

    fn try_lock(&self) -> io::Result<bool> {
        (self.hook)(Call::Lock, &self.name)?;
        self.file.try_lock()
    }

    fn unlock(&self) {
        self.file.unlock();
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        self.file.identity()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

/// A place where a call waits until the test lets it go on.
#[derive(Default)]
pub struct Pause {
    at: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl Pause {
    /// The next call that comes here says so and waits. Returns the two ends: it is here, it may go on.
    pub fn next(&self) -> (Receiver<()>, Sender<()>) {
        let ((here, is_here), (go, may_go)) = (channel(), channel());
        *self.at.lock() = Some((here, may_go));
        (is_here, go)
    }

    /// Waits, if the test has asked for it.
    pub fn here(&self) {
        let asked = self.at.lock().take();
        if let Some((here, may_go)) = asked {
            let _ = here.send(());
            let _ = may_go.recv();
        }
    }
}
