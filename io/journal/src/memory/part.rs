//! A part of the disk in memory: the files whose names begin with a prefix. So a log and what is kept beside it are on one
//! disk, and a power failure is one moment of both.

use std::io;
use std::path::PathBuf;

use super::{Memory, MemoryFile};
use crate::Error;
use crate::storage::{FileStatus, Storage};

/// The files of a disk whose names begin with a prefix.
#[derive(Debug, Clone)]
pub struct DiskPart {
    disk: Memory,
    prefix: &'static str,
}

impl Memory {
    /// The part of the disk whose names begin with a prefix. It has no lock of its own.
    pub fn part(&self, prefix: &'static str) -> DiskPart {
        DiskPart { disk: self.clone(), prefix }
    }
}

impl DiskPart {
    fn own(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

impl Storage for DiskPart {
    type File = MemoryFile;
    type Lock = ();

    fn lock(&self) -> Result<(), Error> {
        Ok(())
    }

    fn random(&self) -> io::Result<[u8; 16]> {
        self.disk.random()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let names = self.disk.list()?.into_iter();
        Ok(names.filter_map(|name| name.strip_prefix(self.prefix).map(str::to_owned)).collect())
    }

    fn create(&self, name: &str) -> io::Result<Self::File> {
        self.disk.create(&self.own(name))
    }

    fn open(&self, name: &str) -> io::Result<Self::File> {
        self.disk.open(&self.own(name))
    }

    fn read(&self, name: &str) -> io::Result<Self::File> {
        self.disk.read(&self.own(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(&self.own(from), &self.own(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(&self.own(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.disk.sync_names()
    }

    fn status(&self, name: &str) -> io::Result<FileStatus> {
        if name.is_empty() { self.disk.status(name) } else { self.disk.status(&self.own(name)) }
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.disk.path(name) } else { self.disk.path(&self.own(name)) }
    }
}
