//! What a people file has, read and proven before anything is changed.

use std::{
    collections::HashSet,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use protocol::PlayerId;

use crate::{
    Error, FILE, FileId,
    format::{self, BadHeader, Enrolled, HEADER_BYTES, Header},
    register::Register,
};

/// A file that is being made; what is left of one after a crash is replaced.
const PARTIAL: &str = "people.partial";

/// The result of reading a people file. Reading takes no lock and may run beside a hub that writes.
#[derive(Debug)]
pub struct Contents {
    pub(crate) path: PathBuf,
    pub(crate) header: Header,
    pub(crate) register: Register,
    ids: HashSet<PlayerId>,
    /// The end of the last whole batch. Bytes.
    pub(crate) end: u64,
    /// The bytes before `end` that are not known to be synced.
    pub(crate) unproven: Vec<u8>,
    torn: Option<TornTail>,
}

/// The beginning of a write that was never answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TornTail {
    /// Where it begins in the file. Bytes.
    pub offset: u64,
    /// Its length. Bytes.
    pub bytes: u64,
}

impl Contents {
    /// Reads the people file of a directory; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, or of another version.
    pub fn read(directory: &Path) -> Result<Option<Self>, Error> {
        let path = directory.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => Self::of(path, &bytes).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    /// Makes an empty people file with a new random id: whole or not at all, readable by its owner alone. The directory
    /// exists. Whoever calls it holds the lock of the log there.
    ///
    /// # Errors
    /// When it cannot be made, or there is one already.
    pub fn create(directory: &Path) -> Result<Self, Error> {
        let (path, partial) = (directory.join(FILE), directory.join(PARTIAL));
        let mut id = [0; 16];
        getrandom::fill(&mut id)
            .map_err(|error| Error::io("draw random bytes for", &path)(io::Error::other(error)))?;
        let bytes = format::header(u128::from_be_bytes(id));
        let mut options = OpenOptions::new();
        let opened = options.write(true).create(true).truncate(true).mode(0o600).open(&partial);
        let written = opened.and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()));
        written.map_err(Error::io("write", &partial))?;
        // Unlike a rename, a hard link replaces nothing: a file that somebody has just restored stays.
        let linked = fs::hard_link(&partial, &path);
        fs::remove_file(&partial).map_err(Error::io("remove", &partial))?;
        linked.map_err(Error::io("make", &path))?;
        let names = fs::File::open(directory).and_then(|directory| directory.sync_all());
        names.map_err(Error::io("sync directory", directory))?;
        Self::of(path, &bytes)
    }

    /// Reads the bytes of a file. `path` is for messages, and for [`People::open`](crate::People::open).
    ///
    /// # Errors
    /// When they are damaged or of another version.
    pub fn of(path: PathBuf, bytes: &[u8]) -> Result<Self, Error> {
        let header = match format::read_header(bytes) {
            Ok(header) => header,
            Err(BadHeader::Version(version)) => return Err(Error::Version { file: path, version }),
            Err(BadHeader::Damaged(offset, what)) => return Err(Error::Damaged { file: path, offset, what }),
        };
        let damaged =
            |offset: usize, what| Err(Error::Damaged { file: path.clone(), offset: offset as u64, what });
        let (register, mut ids, mut issuer) = (Register::default(), HashSet::new(), None);
        let mut end = HEADER_BYTES;
        while let Some(mut entries) = format::batch_at(bytes, header.id, end) {
            let next = format::batch_end(end, entries);
            while !entries.is_empty() {
                let Some(Enrolled { player, person }) = format::next_entry(&mut entries, &mut issuer) else {
                    return damaged(end, "its checksum is right, and its entries are not");
                };
                if !ids.insert(player) {
                    return damaged(end, "two people have the same id");
                }
                if !register.add(person, player) {
                    return damaged(end, "one person has two ids");
                }
            }
            end = next;
        }
        if (end as u64) < header.synced {
            let what =
                if end == bytes.len() { "it ends before its noted end" } else { "there is no whole batch" };
            return damaged(end, what);
        }
        // Only the newest batch can be torn. Another one behind it shows that this one was synced.
        let behind = end + 1..bytes.len();
        if behind.into_iter().any(|offset| format::batch_at(bytes, header.id, offset).is_some()) {
            return damaged(end, "there is no whole batch, and one behind it");
        }
        let left = bytes.len() - end;
        let torn = (left > 0).then_some(TornTail { offset: end as u64, bytes: left as u64 });
        let proven = usize::try_from(header.synced).unwrap_or(end).min(end);
        let unproven = bytes[proven..end].to_vec();
        Ok(Self { path, header, register, ids, end: end as u64, unproven, torn })
    }

    /// The id of the file.
    #[must_use]
    pub fn id(&self) -> FileId {
        self.header.id
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many people have an id.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.ids.len() as u64
    }

    /// Whether somebody has this id.
    #[must_use]
    pub fn has(&self, player: PlayerId) -> bool {
        self.ids.contains(&player)
    }

    /// What [`People::open`](crate::People::open) cuts off the end.
    #[must_use]
    pub fn torn(&self) -> Option<TornTail> {
        self.torn
    }
}
