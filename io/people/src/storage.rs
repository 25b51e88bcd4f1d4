//! The storage trait: the people file, open for writing. [`std::fs::File`] is the storage on disk, [`Memory`] the one
//! that fails and crashes on demand.
//!
//! The contract is the weakest that disks give: what was written may be lost, kept or torn until [`Storage::sync`] has
//! returned.

use std::{fs, io, os::unix::fs::FileExt, sync::Arc};

use parking_lot::Mutex;

/// A file that is open for writing.
pub trait Storage: Send + 'static {
    /// Writes all of `bytes` at an offset, growing the file where needed.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file to a length, bytes.
    fn cut(&self, bytes: u64) -> io::Result<()>;
    /// Returns once everything written is durable. After an error nothing is known about the file: do not call it
    /// again.
    fn sync(&self) -> io::Result<()>;
}

/// `sync` is `fdatasync`, which also flushes a changed length.
impl Storage for fs::File {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn cut(&self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A file in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Images>>);

/// What the process sees, what is on the disk, and what is to fail.
#[derive(Debug, Default)]
struct Images {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Writes since the last sync, in order.
    unsynced: Vec<(u64, Vec<u8>)>,
    /// Writes before a sync that failed: no later sync makes them durable.
    doubtful: Vec<(u64, Vec<u8>)>,
    syncs: u64,
    failing_write: Option<i32>,
    failing_sync: Option<i32>,
}

impl Memory {
    /// A file with these bytes, all of them on the disk.
    #[must_use]
    pub fn with(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Images { durable: bytes.clone(), seen: bytes, ..Images::default() })))
    }

    /// What a process reads now.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().seen.clone()
    }

    /// How many syncs have succeeded.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.0.lock().syncs
    }

    /// What is on the disk after a power failure: everything synced, and the first `kept` bytes of what was not.
    #[must_use]
    pub fn after_power_failure(&self, mut kept: usize) -> Vec<u8> {
        let images = self.0.lock();
        let mut bytes = images.durable.clone();
        for (offset, written) in images.doubtful.iter().chain(&images.unsynced) {
            let part = &written[..kept.min(written.len())];
            put(&mut bytes, *offset, part);
            kept -= part.len();
        }
        bytes
    }

    /// Bytes written since the last sync that succeeded.
    #[must_use]
    pub fn unsynced_bytes(&self) -> usize {
        let images = self.0.lock();
        images.doubtful.iter().chain(&images.unsynced).map(|(_, bytes)| bytes.len()).sum()
    }

    /// Every write fails with this error of the system, after half of its bytes; `None`: no more.
    pub fn fail_writes(&self, errno: Option<i32>) {
        self.0.lock().failing_write = errno;
    }

    /// The next sync fails: the page cache marks the bytes as clean, so that a later sync would succeed without them.
    pub fn fail_next_sync(&self, errno: i32) {
        self.0.lock().failing_sync = Some(errno);
    }
}

fn put(bytes: &mut Vec<u8>, offset: u64, part: &[u8]) {
    let offset = usize::try_from(offset).expect("a file in memory fits into memory");
    if part.is_empty() {
        return;
    }
    let end = offset + part.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(part);
}

impl Storage for Memory {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut images = self.0.lock();
        let failing = images.failing_write;
        let bytes = if failing.is_some() { &bytes[..bytes.len() / 2] } else { bytes };
        put(&mut images.seen, offset, bytes);
        images.unsynced.push((offset, bytes.to_vec()));
        failing.map_or(Ok(()), |errno| Err(io::Error::from_raw_os_error(errno)))
    }

    fn cut(&self, bytes: u64) -> io::Result<()> {
        let mut images = self.0.lock();
        let bytes = usize::try_from(bytes).expect("a file in memory fits into memory");
        images.seen.truncate(bytes);
        // On the disk at once: the writer syncs before anything depends on it.
        images.durable.truncate(bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut images = self.0.lock();
        let unsynced = std::mem::take(&mut images.unsynced);
        if let Some(errno) = images.failing_sync.take() {
            images.doubtful.extend(unsynced);
            return Err(io::Error::from_raw_os_error(errno));
        }
        unsynced.iter().for_each(|(offset, bytes)| put(&mut images.durable, *offset, bytes));
        images.syncs += 1;
        Ok(())
    }
}
