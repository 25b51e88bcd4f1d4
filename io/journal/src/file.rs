//! The storage on disk: a directory of the file system.
//!
//! `sync` is `fdatasync`, which also flushes a changed length. The lock is `flock` on the file `lock`, which contains
//! the process id of the holder, and on the segment being written, so that removing `lock` by hand does not let a
//! second writer in. Both are released by a call, because a process that was forked may still have the files open, and by the
//! system when the process ends.
//!
//! Only the owner can use the directory and the files (modes 0700 and 0600): the log holds every player's bets.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::storage::{File, FileIdentity, FileStatus, LockedFile, Storage};

pub(crate) const LOCK: &str = "lock";
/// Longest content of the file `lock`: the number of a process. Bytes.
const LOCK_BYTES_MAX: u64 = 32;
/// Permission bits of group and others.
const OTHERS: u32 = 0o077;
/// Modes of the directories and files made here.
const OWNERS_DIRECTORY: u32 = 0o700;
const OWNERS_FILE: u32 = 0o600;

/// A directory of the file system.
#[derive(Debug, Clone)]
pub struct Directory {
    path: Arc<Path>,
    /// Held open, so that no other directory gets its identity, and a sync needs no new file.
    held: Arc<fs::File>,
}

impl Directory {
    /// Opens a directory for writing, and creates it and its parents when they are missing, for their owner alone.
    pub fn create(path: &Path) -> Result<Directory, Error> {
        let mut missing: Vec<&Path> = path.ancestors().take_while(|dir| !named(dir).exists()).collect();
        let made = DirBuilder::new().recursive(true).mode(OWNERS_DIRECTORY).create(path);
        made.map_err(Error::io("create directory", path))?;
        // A directory is durable once its parent is synced.
        while let Some(dir) = missing.pop() {
            let parent = named(dir.parent().unwrap_or(Path::new("")));
            sync_directory(parent).map_err(Error::io("sync directory", parent))?;
        }
        Directory::open(path)
    }

    /// Opens a directory that exists.
    pub fn open(path: &Path) -> Result<Directory, Error> {
        let found = fs::metadata(path).map_err(Error::io("open directory", path))?;
        if !found.is_dir() {
            return Err(Error::io("open directory", path)(io::ErrorKind::NotADirectory.into()));
        }
        let held = fs::File::open(path).map_err(Error::io("open directory", path))?;
        Ok(Directory { path: path.into(), held: held.into() })
    }
}

/// Removes the permissions of group and others, if it has any, and logs it.
fn tighten(path: &Path, found: &fs::Metadata) {
    if found.mode() & OTHERS == 0 {
        return;
    }
    let before = format!("{:o}", found.mode() & 0o7777);
    match fs::set_permissions(path, Permissions::from_mode(found.mode() & 0o7777 & !OTHERS)) {
        Ok(()) => {
            tracing::info!(file = %path.display(), before, "closed to group and others: the log is its owner's alone");
        }
        Err(error) => {
            tracing::warn!(file = %path.display(), before, %error, "group or others may read the log, and it cannot be changed");
        }
    }
}

/// The path of a directory; `ancestors` gives the working directory as an empty path.
fn named(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

impl Storage for Directory {
    type File = fs::File;
    type Lock = LockedFile<fs::File>;

    fn lock(&self) -> Result<LockedFile<fs::File>, Error> {
        let path = self.path(LOCK);
        // Not truncated when it is opened: a second process must still be able to read the holder's id.
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(OWNERS_FILE)
            .open(&path);
        let file = opened.map_err(Error::io("open", &path))?;
        let Some(file) = LockedFile::take(file).map_err(Error::io("lock", &path))? else {
            // Without a readable process id the log is still locked.
            let text = fs::read_to_string(&path).ok();
            let pid = text.and_then(|text| text.trim().parse().ok());
            return Err(Error::Locked { dir: self.path.to_path_buf(), pid });
        };
        // What another program has written is not overwritten; a torn number is.
        let mut text = Vec::new();
        (&*file).take(LOCK_BYTES_MAX + 1).read_to_end(&mut text).map_err(Error::io("read", &path))?;
        let is_number = text.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'\n' | 0));
        if text.len() as u64 > LOCK_BYTES_MAX || !is_number {
            return Err(Error::Damaged { file: path, offset: 0, what: "it is not the lock of a log" });
        }
        file.set_len(0)
            .and_then(|()| file.write_all_at(format!("{}\n", std::process::id()).as_bytes(), 0))
            .map_err(Error::io("write", &path))?;
        Ok(file)
    }

    fn random(&self) -> io::Result<[u8; 16]> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(bytes)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        // The log's own file names are valid text, so others are skipped.
        names.filter_map(Result::transpose).collect()
    }

    fn create(&self, name: &str) -> io::Result<fs::File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(OWNERS_FILE);
        options.open(self.path(name))
    }

    fn open(&self, name: &str) -> io::Result<fs::File> {
        OpenOptions::new().read(true).write(true).open(self.path(name))
    }

    fn read(&self, name: &str) -> io::Result<fs::File> {
        fs::File::open(self.path(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn close_to_others(&self, names: &[String]) {
        for path in names.iter().map(|name| self.path(name)) {
            // A file that is gone meanwhile needs nothing; a link is not followed.
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_file() => tighten(&path, &found),
                Ok(_) | Err(_) => {}
            }
        }
        let ours = |name: &OsStr| names.iter().any(|own| name == own.as_str());
        let is_alone = || -> io::Result<bool> {
            let mut entries = fs::read_dir(&self.path)?;
            entries.try_fold(true, |alone, entry| Ok(alone && ours(&entry?.file_name())))
        };
        match (fs::metadata(&self.path), is_alone()) {
            (Ok(found), Ok(true)) => tighten(&self.path, &found),
            (Ok(found), Ok(false)) if found.mode() & OTHERS != 0 => {
                tracing::warn!(directory = %self.path.display(), "group or others may list the log's directory; it is left so, because it holds other files");
            }
            (Ok(_) | Err(_), _) => {}
        }
    }

    fn sync_names(&self) -> io::Result<()> {
        self.held.sync_all()
    }

    fn status(&self, name: &str) -> io::Result<FileStatus> {
        status(&self.path(name))
    }

    fn free(&self) -> io::Result<Option<u64>> {
        let found = rustix::fs::fstatvfs(&*self.held)?;
        Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.path.to_path_buf() } else { self.path.join(name) }
    }
}

impl File for fs::File {
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < bytes.len() {
            match FileExt::read_at(self, &mut bytes[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn reserve(&self, bytes: u64) -> io::Result<()> {
        loop {
            match allocate(self, bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A file system that cannot reserve room can still set the length.
                Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::ENOSYS)) => {
                    return self.set_len(bytes);
                }
                allocated => return allocated,
            }
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn try_lock(&self) -> io::Result<bool> {
        match fs::File::try_lock(self) {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn unlock(&self) {
        // It fails for no file that is locked, and the close follows.
        let _ = fs::File::unlock(self);
    }

    fn identity(&self) -> io::Result<FileIdentity> {
        self.metadata().map(|found| identity(&found))
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

fn identity(found: &fs::Metadata) -> FileIdentity {
    FileIdentity { device: found.dev(), inode: found.ino() }
}

/// Asks for what is needed and not for times. Linux from 6.13 on gives a file whose times were read a new time with its
/// next write, which the file system then has to note: measured as 40 µs a batch of the log.
#[cfg(target_os = "linux")]
fn status(path: &Path) -> io::Result<FileStatus> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};
    let found = statx(CWD, path, AtFlags::empty(), StatxFlags::INO | StatxFlags::SIZE)?;
    let device = makedev(found.stx_dev_major, found.stx_dev_minor);
    Ok(FileStatus { identity: FileIdentity { device, inode: found.stx_ino }, bytes: found.stx_size })
}

#[cfg(not(target_os = "linux"))]
fn status(path: &Path) -> io::Result<FileStatus> {
    let found = fs::metadata(path)?;
    Ok(FileStatus { identity: identity(&found), bytes: found.len() })
}

#[cfg(target_os = "linux")]
fn allocate(file: &fs::File, bytes: u64) -> io::Result<()> {
    Ok(rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes)?)
}

#[cfg(not(target_os = "linux"))]
fn allocate(_: &fs::File, _: u64) -> io::Result<()> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}
