//! The storage on disk: the database and the key file, open for writing.

use std::{
    collections::HashSet,
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use protocol::PlayerId;
use rusqlite::{ErrorCode, ffi};

use crate::{
    Error,
    database::{self, DATABASE, Database, Meta, PersonRow, ROLLBACK, remove_if_there},
    forget::{NotForgotten, OpenStore},
    keyfile::{self, KEYS, KeyFile},
    master::{Bytes32, StoreKeys},
    seal::{SealedAt, SealedField},
    storage::{Enrolled, Forgotten, NotKept, PlayerStanding, Storage},
    telemetry,
};

/// Permission bits of group and others.
const OTHERS: u32 = 0o077;

/// The store of one hub. There is one.
#[derive(Debug)]
pub(crate) struct Disk {
    directory: PathBuf,
    database: Database,
    keys: StoreKeys,
    meta: Meta,
    /// Slots with a key that was made ahead, and the keys; the next one is the last.
    ahead: Vec<(u64, Bytes32)>,
}

impl Disk {
    /// Opens a store that was read: finishes what a crash interrupted, and closes the files to group and others. `used` are
    /// the slots of the people in the database.
    pub fn open(
        directory: PathBuf,
        keys: StoreKeys,
        meta: Meta,
        found: Option<KeyFile>,
        used: &HashSet<u64>,
    ) -> Result<Self, Error> {
        let database = Database::open(&directory)?.ok_or_else(|| {
            let gone = io::Error::from(io::ErrorKind::NotFound);
            Error::io("open", &directory.join(DATABASE))(gone)
        })?;
        remove_if_there(&directory.join(keyfile::PARTIAL))?;
        let write =
            |file: &KeyFile| file.write(&directory, &keys).map_err(Error::io("write", &directory.join(KEYS)));
        let file = match found {
            Some(mut file) => {
                let before = file.slots.len();
                // The key of somebody whose row is gone: an erasure was interrupted between the two.
                file.slots.retain(|slot, _| *slot >= meta.next_slot || used.contains(slot));
                if file.slots.len() < before {
                    write(&file)?;
                }
                file
            }
            // Nobody was ever enrolled: making the store was interrupted between its two files.
            None => {
                let file = KeyFile::make(meta.store, &keys).map_err(Error::NoRandom)?;
                write(&file)?;
                file
            }
        };
        for name in [DATABASE, ROLLBACK, KEYS] {
            tighten(&directory.join(name))?;
        }
        let ahead = ahead(&file, &keys, meta.next_slot);
        Ok(Self { directory, database, keys, meta, ahead })
    }

    /// Makes more keys ahead: the key file is read, extended and written anew.
    fn refill(&mut self) -> Result<(), NotKept> {
        let file = KeyFile::read(&self.directory, self.meta.store, &[&self.keys]);
        let file = file.map_err(|error| NotKept::Closed(error.to_string()))?;
        let (mut file, _) = file.ok_or_else(|| NotKept::Closed("the key file is gone".into()))?;
        let no_random = |error: getrandom::Error| NotKept::NoRandom(error.to_string());
        file.make_ahead(&self.keys, self.meta.next_slot).map_err(no_random)?;
        // A failed write has changed nothing: the file keeps its name until the new one is synced.
        file.write(&self.directory, &self.keys).map_err(|error| match error.raw_os_error() {
            Some(errno) if is_full(errno) => NotKept::NoRoom(error.to_string()),
            _ => NotKept::Closed(error.to_string()),
        })?;
        self.ahead = ahead(&file, &self.keys, self.meta.next_slot);
        Ok(())
    }

    /// The files, for an erasure.
    fn store(&mut self) -> OpenStore<'_> {
        let Self { directory, database, keys, meta, .. } = self;
        OpenStore { directory, database, keys, meta }
    }

    fn not_forgotten(&self, why: NotForgotten) -> NotKept {
        match why {
            NotForgotten::Sql(error) => self.failure(&error),
            NotForgotten::KeyFile(error) if error.raw_os_error().is_some_and(is_full) => {
                NotKept::NoRoom(error.to_string())
            }
            NotForgotten::KeyFile(error) => NotKept::Closed(error.to_string()),
            NotForgotten::Unreadable(error) => NotKept::Closed(error.to_string()),
        }
    }

    fn failure(&self, error: &rusqlite::Error) -> NotKept {
        let text = error.to_string();
        let extended = error.sqlite_error().map(|error| error.extended_code);
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => NotKept::NoRoom(text),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => NotKept::InUse(text),
            // The transaction was rolled back, and no sync has failed.
            Some(ErrorCode::SystemIoFailure)
                if extended == Some(ffi::SQLITE_IOERR_WRITE) && is_full(self.database.errno()) =>
            {
                NotKept::NoRoom(io::Error::from_raw_os_error(self.database.errno()).to_string())
            }
            _ => NotKept::Closed(text),
        }
    }
}

impl Storage for Disk {
    fn enrol(&mut self, batch: &[Enrolled]) -> Result<(), NotKept> {
        if self.ahead.len() < batch.len() {
            self.refill()?;
        }
        let mut meta = self.meta;
        let mut rows = Vec::with_capacity(batch.len());
        for (Enrolled { player, person, lookup }, (slot, key)) in batch.iter().zip(self.ahead.iter().rev()) {
            let place = SealedAt { store: meta.store, player: player.0, slot: *slot };
            let seal = |field, text| {
                place.seal(field, key, text).map_err(|error| NotKept::NoRandom(error.to_string()))
            };
            let issuer = seal(SealedField::Issuer, person.issuer())?;
            let subject = seal(SealedField::Subject, person.subject())?;
            rows.push(PersonRow { player: player.0, lookup: *lookup, slot: *slot, issuer, subject });
            meta.next_slot = slot + 1;
        }
        meta.people += rows.len() as u64;
        let keys = &self.keys;
        let written = self.database.change(|change| {
            database::put_people(change, &rows, keys)?;
            database::put_meta(change, &meta, keys)
        });
        written.map_err(|error| self.failure(&error))?;
        self.meta = meta;
        self.ahead.truncate(self.ahead.len() - rows.len());
        Ok(())
    }

    fn standing(&mut self, player: PlayerId) -> Result<PlayerStanding, NotKept> {
        self.store().standing(player).map_err(|why| self.not_forgotten(why))
    }

    fn erase(&mut self, player: PlayerId, excluded: bool) -> Result<Forgotten, NotKept> {
        self.store().erase(player, excluded).map_err(|why| self.not_forgotten(why))
    }
}

/// The keys that were made ahead, the next one last.
fn ahead(file: &KeyFile, keys: &StoreKeys, next_slot: u64) -> Vec<(u64, Bytes32)> {
    let made = file.slots.range(next_slot..).rev();
    made.filter_map(|(slot, wrapped)| Some((*slot, keys.unwrap(wrapped)?))).collect()
}

/// Removes the permissions of group and others, if a file is there and has any.
fn tighten(path: &Path) -> Result<(), Error> {
    let mode = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(Error::io("open", path))?.permissions().mode() & 0o7777,
    };
    if mode & OTHERS != 0 {
        let closed = Permissions::from_mode(mode & !OTHERS);
        fs::set_permissions(path, closed).map_err(Error::io("change the mode of", path))?;
        telemetry::tightened(path, mode);
    }
    Ok(())
}

fn is_full(errno: i32) -> bool {
    matches!(errno, libc::ENOSPC | libc::EDQUOT | libc::EFBIG)
}
