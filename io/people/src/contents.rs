//! What a people store has, read and proven before anything is changed.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use protocol::PlayerId;

use crate::{
    Error, Master, StoreId,
    database::{BlindEntry, DATABASE, Database, Meta, Rest},
    keyfile::{KEYS, KeyFile},
    master::{Blind, StoreKeys},
    register::Register,
};

/// The people file of builds before the store.
const OLD: &str = "people";

/// The result of reading a people store. Reading takes no lock for long, and may run beside a hub that writes.
#[derive(Debug)]
pub struct Contents {
    pub(crate) directory: PathBuf,
    pub(crate) meta: Meta,
    pub(crate) keys: StoreKeys,
    pub(crate) register: Register,
    pub(crate) exclusions: Vec<BlindEntry>,
    /// Who was erased, and whether the person stays excluded.
    pub(crate) erased: BTreeMap<PlayerId, bool>,
    /// `None` when making the store was interrupted: then it has nobody.
    pub(crate) file: Option<KeyFile>,
    /// Who has an id, and the slot of the row and the key.
    pub(crate) ids: HashMap<PlayerId, u64>,
    /// Whose keys are not in the key file, in order.
    pub(crate) keyless: Vec<PlayerId>,
}

impl Contents {
    /// Reads the people store of a directory; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, of another version, or under another master key.
    pub fn read(directory: &Path, master: &Master) -> Result<Option<Self>, Error> {
        let Some(mut database) = Database::open(directory)? else {
            let old = directory.join(OLD);
            return if old.is_file() { Err(Error::Old { file: old }) } else { Ok(None) };
        };
        let path = directory.join(DATABASE);
        let (register, mut ids) = (Register::default(), HashMap::new());
        let derived = |meta: &Meta| {
            let keys = master.keys(meta.store);
            if keys.check != meta.check {
                return Err(Error::WrongKey { file: path.clone() });
            }
            Ok((keys.clone(), keys))
        };
        let (Rest { meta, exclusions, erased }, keys) = database.read(derived, |row| {
            let player = PlayerId(row.player);
            if ids.insert(player, row.slot).is_some() {
                return Err("two people have the same id");
            }
            let new = register.add(row.lookup, player);
            if new { Ok(()) } else { Err("one person has two ids") }
        })?;
        let file = KeyFile::read(directory, meta.store, &[&keys])?.map(|(file, _)| file);
        let mut keyless = Vec::new();
        match &file {
            Some(file) => {
                let lacks = |(_, slot): &(&PlayerId, &u64)| !file.slots.contains_key(slot);
                keyless.extend(ids.iter().filter(lacks).map(|(player, _)| *player));
                let key = file.blind(&keys).ok_or_else(|| Error::Damaged {
                    file: directory.join(KEYS),
                    what: "the key of the blind index does not unwrap",
                })?;
                let hashes = exclusions.iter().map(|exclusion| exclusion.blind);
                register.exclude(Blind::new(&key), hashes.collect());
            }
            None if meta.next_slot > 0 => {
                return Err(Error::NoKeys { file: directory.join(KEYS) });
            }
            None => {}
        }
        keyless.sort_unstable();
        let directory = directory.to_owned();
        let erased =
            erased.iter().map(|tombstone| (PlayerId(tombstone.player), tombstone.excluded)).collect();
        Ok(Some(Self { directory, meta, keys, register, exclusions, erased, file, ids, keyless }))
    }

    /// Makes an empty people store with a new random id: whole or not at all, readable by its owner alone. The directory
    /// exists. Whoever calls it holds the lock of the log there.
    ///
    /// # Errors
    /// When it cannot be made, or there is one already.
    pub fn create(directory: &Path, master: &Master) -> Result<Self, Error> {
        // A key file that was restored before its database must not be written over.
        let file = directory.join(KEYS);
        if !directory.join(DATABASE).exists() && file.exists() {
            return Err(Error::KeysAlone { file });
        }
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(Error::NoRandom)?;
        let store = u128::from_be_bytes(id);
        let keys = master.keys(store);
        let meta = Meta { store, check: keys.check, people: 0, exclusions: 0, erased: 0, next_slot: 0 };
        Database::create(directory, &meta, &keys)?;
        Self::read(directory, master)?.ok_or(Error::Damaged {
            file: directory.join(DATABASE),
            what: "it was made a moment ago and is gone",
        })
    }

    /// The id of the store.
    #[must_use]
    pub fn id(&self) -> StoreId {
        self.meta.store
    }

    /// The database.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.join(DATABASE)
    }

    /// How many people have an id.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.meta.people
    }

    /// Whether somebody has this id.
    #[must_use]
    pub fn has(&self, player: PlayerId) -> bool {
        self.ids.contains_key(&player)
    }

    /// Every player who was erased from this store, and whether the person stays excluded. A log that is older than an
    /// erasure still has the player.
    pub fn erased(&self) -> impl Iterator<Item = (PlayerId, bool)> {
        self.erased.iter().map(|(player, excluded)| (*player, *excluded))
    }

    /// Whether a player was erased from this store.
    #[must_use]
    pub fn is_erased(&self, player: PlayerId) -> bool {
        self.erased.contains_key(&player)
    }

    /// Checks that everybody's key is there, but those of `erased`: somebody who was erased may be in a database that is
    /// older than the erasure, without a key.
    ///
    /// # Errors
    /// When keys are lost.
    pub fn check_keys(&self, erased: impl Fn(PlayerId) -> bool) -> Result<(), Error> {
        let mut lost = self.keyless.iter().filter(|player| !erased(**player));
        let Some(first) = lost.next() else { return Ok(()) };
        Err(Error::KeysLost { file: self.directory.join(KEYS), count: 1 + lost.count(), first: *first })
    }
}
