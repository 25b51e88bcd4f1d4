//! Copies files: bounded memory, a bounded speed, synced every few MiB, and each under its name only when it is whole.

use std::{
    fs,
    io::Write,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use base16ct::lower::encode_string;
use journal::{
    file::Directory,
    storage::{File, Storage},
};
use sha2::{Digest, Sha256};

use super::Error;

/// Bytes copied at a time.
const CHUNK: u64 = 1 << 20;
/// Bytes after which a copy is synced: one large sync would delay the syncs of a hub that serves from the same disk.
const SYNC_EVERY: u64 = 8 << 20;
/// How often the progress is told.
const TELL_EVERY: Duration = Duration::from_secs(2);
/// Ends the name of a file that is being written.
pub(super) const PARTIAL: &str = "partial";

/// Copies at a speed, and tells how far it is.
pub(super) struct Copier<'a> {
    output: &'a mut dyn Write,
    /// What is done, in the answer: "copied", "checked".
    verb: &'static str,
    /// Bytes a second, at least 1.
    speed: u64,
    began: Instant,
    told: Instant,
    done: u64,
    all: u64,
}

impl<'a> Copier<'a> {
    /// Copies or reads at most `speed` bytes a second. `all` is how many bytes there are in all, for the progress.
    pub fn new(output: &'a mut dyn Write, verb: &'static str, all: u64, speed: u64) -> Self {
        let now = Instant::now();
        Self { output, verb, speed: speed.max(1), began: now, told: now, done: 0, all }
    }

    /// Copies the first `used` bytes of an open file to a new one, and zeros behind them up to `bytes`. Returns the SHA-256 of
    /// the copy, which is durable then. A file that is shorter than `used` is damage.
    pub fn copy(
        &mut self,
        (from, source): (&impl File, &Path),
        (used, bytes): (u64, u64),
        (to, name): (&Directory, &str),
    ) -> Result<String, Error> {
        let partial = format!("{name}.{PARTIAL}");
        let copied = self.write((from, source), (used, bytes), (to, &partial)).and_then(|sha256| {
            to.rename(&partial, name).map_err(Error::io("rename", to.path(&partial)))?;
            to.sync_names().map_err(Error::io("sync directory", to.path("")))?;
            Ok(sha256)
        });
        // What is left when this fails too has no name of a backup.
        copied.inspect_err(|_| drop(to.remove(&partial)))
    }

    fn write(
        &mut self,
        (from, source): (&impl File, &Path),
        (used, bytes): (u64, u64),
        (to, name): (&Directory, &str),
    ) -> Result<String, Error> {
        let path = to.path(name);
        let file = to.create(name).map_err(Error::io("make", &path))?;
        // A disk that is too small is told before the work.
        file.reserve(bytes).map_err(Error::io("reserve room for", &path))?;
        let mut synced = 0;
        let mut put = |at: u64, chunk: &[u8]| {
            file.write_at(at, chunk).map_err(Error::io("write", &path))?;
            if at + chunk.len() as u64 >= synced + SYNC_EVERY {
                synced = at + chunk.len() as u64;
                file.sync().map_err(Error::io("sync", &path))?;
            }
            Ok(())
        };
        let mut hash = self.read((from, source), used, &mut put)?;
        let zeros = vec![0; CHUNK.min(bytes.saturating_sub(used)) as usize];
        let mut at = used;
        while at < bytes {
            let len = CHUNK.min(bytes - at);
            hash.update(&zeros[..len as usize]);
            at += len;
        }
        self.done(bytes.saturating_sub(used))?;
        file.sync().map_err(Error::io("sync", &path))?;
        Ok(encode_string(&hash.finalize()))
    }

    /// Reads a file that must have this length and SHA-256.
    pub fn check(&mut self, path: &Path, bytes: u64, sha256: &str) -> Result<(), Error> {
        let file = match fs::File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::damaged(path, "the file is missing"));
            }
            opened => opened.map_err(Error::io("open", path))?,
        };
        let found = file.len().map_err(Error::io("read", path))?;
        if found != bytes {
            let what = if found < bytes {
                "the file is shorter than it was made"
            } else {
                "the file is longer than it was made"
            };
            return Err(Error::damaged(path, what));
        }
        let hash = self.read((&file, path), bytes, &mut |_, _| Ok(()))?;
        if encode_string(&hash.finalize()) == sha256 {
            Ok(())
        } else {
            Err(Error::damaged(path, "its SHA-256 is not the one in the inventory"))
        }
    }

    /// Length and SHA-256 of a file.
    pub fn sum(&mut self, path: &Path) -> Result<(u64, String), Error> {
        let file = fs::File::open(path).map_err(Error::io("open", path))?;
        let bytes = file.len().map_err(Error::io("read", path))?;
        let hash = self.read((&file, path), bytes, &mut |_, _| Ok(()))?;
        Ok((bytes, encode_string(&hash.finalize())))
    }

    fn read(
        &mut self,
        (from, source): (&impl File, &Path),
        bytes: u64,
        take: &mut impl FnMut(u64, &[u8]) -> Result<(), Error>,
    ) -> Result<Sha256, Error> {
        let mut chunk = vec![0; CHUNK.min(bytes) as usize];
        let (mut at, mut hash) = (0, Sha256::new());
        while at < bytes {
            let wanted = CHUNK.min(bytes - at) as usize;
            let read = from.read_at(at, &mut chunk[..wanted]).map_err(Error::io("read", source))?;
            if read < wanted {
                return Err(Error::damaged(source, "the file is shorter than it was made"));
            }
            hash.update(&chunk[..read]);
            take(at, &chunk[..read])?;
            at += read as u64;
            let due = Duration::from_secs_f64((self.done + read as u64) as f64 / self.speed as f64);
            thread::sleep(due.saturating_sub(self.began.elapsed()));
            self.done(read as u64)?;
        }
        Ok(hash)
    }

    fn done(&mut self, bytes: u64) -> Result<(), Error> {
        self.done += bytes;
        if self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            let [done, all] = [self.done, self.all].map(|bytes| bytes >> 20);
            writeln!(self.output, "{} {done} of {all} MiB", self.verb).map_err(Error::Write)?;
            self.output.flush().map_err(Error::Write)?;
        }
        Ok(())
    }
}

/// Writes a file of a few bytes: whole or not at all, and durable.
pub(super) fn write_small(to: &Directory, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let (partial, path) = (format!("{name}.{PARTIAL}"), to.path(name));
    let write = || {
        let file = to.create(&partial)?;
        file.write_at(0, bytes)?;
        file.sync()?;
        to.rename(&partial, name)?;
        to.sync_names()
    };
    write().inspect_err(|_| drop(to.remove(&partial))).map_err(Error::io("write", &path))
}

/// The directory, which is made when it is missing, and is empty.
pub(super) fn empty(path: &Path) -> Result<Directory, Error> {
    let directory = Directory::create(path)?;
    vacant(path).map(|()| directory)
}

/// Checks that a directory, which is there, is empty.
pub(super) fn vacant(path: &Path) -> Result<(), Error> {
    let mut entries = fs::read_dir(path).map_err(Error::io("list", path))?;
    if entries.next().is_some() { Err(Error::NotEmpty(path.to_owned())) } else { Ok(()) }
}
