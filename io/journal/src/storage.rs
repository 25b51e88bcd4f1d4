//! The storage traits: one flat directory of files with defined behaviour in a crash.
//!
//! [`file::Directory`](crate::file::Directory) is the storage on disk, [`memory::Memory`](crate::memory::Memory) the
//! one that crashes on demand; the same conformance suite runs over both. The contract is the weakest that disks give:
//! a write may be lost, kept or torn until [`File::sync`] of its file has returned, and a change of a name may be lost
//! until [`Storage::sync_names`] has returned. Only these calls order the two.

use std::io;
use std::ops::Deref;
use std::path::PathBuf;

use crate::Error;

/// A flat directory of files.
pub trait Storage: Clone + Send + Sync + 'static {
    /// An open file.
    type File: File;
    /// Held while the log is open for writing; dropping it releases the lock.
    type Lock: Send + 'static;

    /// Takes the writer's lock. [`Error::Locked`] when it is held, with the holder where it is known.
    fn lock(&self) -> Result<Self::Lock, Error>;
    /// Sixteen random bytes from the system. [`Memory`](crate::memory::Memory) takes them from its seed instead.
    fn random(&self) -> io::Result<[u8; 16]>;
    /// The names of all files, in no particular order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes an empty file, replacing one of that name.
    fn create(&self, name: &str) -> io::Result<Self::File>;
    /// Opens a file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Self::File>;
    /// Opens a file for reading only.
    fn read(&self, name: &str) -> io::Result<Self::File>;
    /// Gives a file another name, replacing one of that name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Removes the permissions of group and others from these files, and from the directory if it holds no other ones.
    /// Does nothing in a storage without permissions; one that cannot be removed is logged.
    fn close_to_others(&self, _names: &[String]) {}
    /// Makes every creation, renaming and removal so far durable.
    fn sync_names(&self) -> io::Result<()>;
    /// The identity and length of the file that has this name now; of the directory for an empty name. Looked up by
    /// path every time and without opening it, so that a file or directory that was removed, replaced or unmounted is
    /// noticed.
    fn status(&self, name: &str) -> io::Result<FileStatus>;
    /// Room that is free for new files, bytes; `None` where that is not known.
    fn free(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }
    /// The file's path, or the directory's for an empty name: for messages.
    fn path(&self, name: &str) -> PathBuf;
}

/// Identifies a file or directory among all that exist at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    /// The file system.
    pub device: u64,
    /// The file in it.
    pub inode: u64,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStatus {
    /// Which file it is.
    pub identity: FileIdentity,
    /// Its length. Bytes; of no meaning for a directory.
    pub bytes: u64,
}

/// An open file of a [`Storage`].
pub trait File: Send + 'static {
    /// Reads at an offset until `bytes` is full or the file ends; returns how many were read.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize>;
    /// Writes all of `bytes` at an offset, growing the file where needed.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes the file at least this long, with zeros, and reserves room on the disk if the file system can: later
    /// writes then do not fail for want of room.
    fn reserve(&self, bytes: u64) -> io::Result<()>;
    /// Returns once everything written is durable. After an error nothing is known about the file: do not call it
    /// again.
    fn sync(&self) -> io::Result<()>;
    /// Locks the file for this handle until [`File::unlock`], or until it is dropped; `false` when another handle has it. Readers
    /// take no lock.
    fn try_lock(&self) -> io::Result<bool>;
    /// Releases the lock that this handle has.
    fn unlock(&self);
    /// The identity of this file, whatever its name is now.
    fn identity(&self) -> io::Result<FileIdentity>;
    /// The file's length. Bytes.
    fn len(&self) -> io::Result<u64>;
    /// Whether the file is empty.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// A file that its handle has locked. Dropped: unlocked. A close alone would not do, because a process that was forked
/// meanwhile has the file open too, until it runs its own program.
#[derive(Debug)]
pub struct LockedFile<F: File>(F);

impl<F: File> LockedFile<F> {
    /// Locks a file; `None` when another handle has it.
    pub(crate) fn take(file: F) -> io::Result<Option<Self>> {
        Ok(if file.try_lock()? { Some(Self(file)) } else { None })
    }
}

impl<F: File> Deref for LockedFile<F> {
    type Target = F;

    fn deref(&self) -> &F {
        &self.0
    }
}

impl<F: File> Drop for LockedFile<F> {
    fn drop(&mut self) {
        self.0.unlock();
    }
}

/// Writes `bytes` zeros from the start of a file, with a sync every few MiB: one large sync would delay the syncs of
/// batches meanwhile. `go_on` is called before each chunk; returns `false` when it stopped the work.
pub(crate) fn fill(file: &impl File, bytes: u64, mut go_on: impl FnMut() -> bool) -> io::Result<bool> {
    const CHUNK: u64 = 1 << 20;
    const SYNC_EVERY: u64 = 4 << 20;
    let zeros = vec![0; CHUNK.min(bytes) as usize];
    let mut at = 0;
    while at < bytes {
        if !go_on() {
            return Ok(false);
        }
        let len = CHUNK.min(bytes - at);
        file.write_at(at, &zeros[..len as usize])?;
        at += len;
        if at % SYNC_EVERY == 0 {
            file.sync()?;
        }
    }
    file.sync()?;
    Ok(true)
}
