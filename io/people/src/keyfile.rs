//! The key file: the wrapped data keys of all people, and that of the blind index.
//!
//! ```text
//!    0  magic, 8     8  version, 4    12  id of the store, 16    28  check value of the master key, 16
//!   44  wrapped key of the blind index, 40                       84  number of keys, 8
//!   92  for each key: its slot, 8; the wrapped key, 40           then  HMAC-SHA-256, 32    then  CRC-32C, 4
//! ```
//!
//! Numbers are big endian, slots rise. The file is never appended to and never changed in place: each change writes a whole
//! new file, which takes the name once it is synced. So a key that is destroyed is in no file of the store any more.
//!
//! Keys are made ahead, [`AHEAD`] at once. So enrolling writes this file once for as many people, and the key of a person is
//! on disk before the row that needs it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::{
    Error, StoreId,
    master::{Bytes32, StoreKeys, Wrapped, random_key},
};

/// Name of the key file in the directory of the log.
pub const KEYS: &str = "people.keys";
/// A key file that is being made; what is left of one after a crash is replaced.
pub(crate) const PARTIAL: &str = "people.keys.partial";

/// How many keys are made ahead.
pub(crate) const AHEAD: u64 = 4_096;

const MAGIC: [u8; 8] = *b"HUB-KEYS";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 92;
const ENTRY_BYTES: usize = 48;
const MAC_BYTES: usize = 32;
const CHECK_BYTES: usize = 4;
/// What is wrong with a file that ends too early.
const SHORT: &str = "it is shorter than a key file";

/// What a key file has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyFile {
    store: StoreId,
    /// The wrapped key of the blind index.
    blind: Wrapped,
    /// The wrapped data keys by slot. Those behind the last slot in use are made ahead.
    pub slots: BTreeMap<u64, Wrapped>,
}

impl KeyFile {
    /// A key file for a new store.
    pub fn make(store: StoreId, keys: &StoreKeys) -> Result<Self, getrandom::Error> {
        let mut made = Self { store, blind: keys.wrap(&random_key()?), slots: BTreeMap::new() };
        made.make_ahead(keys, 0)?;
        Ok(made)
    }

    /// Makes keys ahead, for slots from `first` on that no key ever had.
    pub fn make_ahead(&mut self, keys: &StoreKeys, first: u64) -> Result<(), getrandom::Error> {
        let first = self.slots.last_key_value().map_or(first, |(last, _)| first.max(last + 1));
        for slot in first..first + AHEAD {
            self.slots.insert(slot, keys.wrap(&random_key()?));
        }
        Ok(())
    }

    /// The key in a slot; `None` when there is none, or it does not unwrap.
    pub fn key(&self, slot: u64, keys: &StoreKeys) -> Option<Bytes32> {
        keys.unwrap(self.slots.get(&slot)?)
    }

    /// The key of the blind index.
    pub fn blind(&self, keys: &StoreKeys) -> Option<Bytes32> {
        keys.unwrap(&self.blind)
    }

    /// The same keys, wrapped under other ones; `None` when one does not unwrap.
    pub fn rewrapped(&self, from: &StoreKeys, to: &StoreKeys) -> Option<Self> {
        let again = |wrapped: &Wrapped| from.unwrap(wrapped).map(|key| to.wrap(&key));
        let slots = self.slots.iter().map(|(slot, wrapped)| Some((*slot, again(wrapped)?)));
        Some(Self { store: self.store, blind: again(&self.blind)?, slots: slots.collect::<Option<_>>()? })
    }

    /// The bytes of the file.
    fn bytes(&self, keys: &StoreKeys) -> Vec<u8> {
        let length = HEAD_BYTES + self.slots.len() * ENTRY_BYTES + MAC_BYTES + CHECK_BYTES;
        let mut bytes = Vec::with_capacity(length);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_be_bytes());
        bytes.extend(self.store.to_be_bytes());
        bytes.extend(keys.check.to_be_bytes());
        bytes.extend(self.blind);
        bytes.extend((self.slots.len() as u64).to_be_bytes());
        for (slot, wrapped) in &self.slots {
            bytes.extend(slot.to_be_bytes());
            bytes.extend(wrapped);
        }
        bytes.extend(keys.mac(&bytes));
        bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
        bytes
    }

    /// Writes the file in place of the one that is there: whole or not at all, readable by its owner alone.
    pub fn write(&self, directory: &Path, keys: &StoreKeys) -> io::Result<()> {
        let (path, partial) = (directory.join(KEYS), directory.join(PARTIAL));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
        file.write_all(&self.bytes(keys))?;
        file.sync_all()?;
        fs::rename(&partial, &path)?;
        fs::File::open(directory)?.sync_all()
    }

    /// Reads the key file of a store; `None` when there is none. `keys` are tried in turn: during a rotation the file is
    /// under one of two. Returns the index of the one too.
    pub fn read(
        directory: &Path,
        store: StoreId,
        keys: &[&StoreKeys],
    ) -> Result<Option<(Self, usize)>, Error> {
        let path = directory.join(KEYS);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let damaged = |what| Error::Damaged { file: path.clone(), what };
        let whole = checked(&bytes, &path)?;
        let mut fields = Fields(&whole[MAGIC.len()..]);
        let short = || damaged(SHORT);
        let version = fields.u32().ok_or_else(short)?;
        if version != VERSION {
            return Err(Error::Version { file: path, version: version.into(), reads: VERSION.into() });
        }
        let found = fields.u128().ok_or_else(short)?;
        if found != store {
            return Err(Error::OtherStore { file: path, found, expected: store });
        }
        let under = fields.u128().ok_or_else(short)?;
        let Some(which) = keys.iter().position(|keys| keys.check == under) else {
            return Err(Error::WrongKey { file: path });
        };
        let body = whole.len().checked_sub(MAC_BYTES).filter(|body| *body >= HEAD_BYTES).ok_or_else(short)?;
        if !keys[which].authentic(&whole[..body], &whole[body..]) {
            return Err(damaged("its content is not what the hub wrote"));
        }
        let blind = *fields.take().ok_or_else(short)?;
        let count = fields.u64().ok_or_else(short)?;
        let mut slots = BTreeMap::new();
        for _ in 0..count {
            let (slot, wrapped) = fields.u64().zip(fields.take()).ok_or_else(short)?;
            slots.insert(slot, *wrapped);
        }
        Ok(Some((Self { store, blind, slots }, which)))
    }
}

/// The bytes of a key file without the checksum behind them, which is right. Nothing is authenticated.
fn checked<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a [u8], Error> {
    let damaged = |what| Error::Damaged { file: path.to_owned(), what };
    let (whole, check) = bytes.split_last_chunk::<CHECK_BYTES>().ok_or_else(|| damaged(SHORT))?;
    if !whole.starts_with(&MAGIC) {
        return Err(damaged("it is not a key file"));
    }
    if crc32c::crc32c(whole) != u32::from_be_bytes(*check) {
        return Err(damaged("its checksum is wrong"));
    }
    Ok(whole)
}

/// The slots that the bytes of a key file have keys for. They stand in the clear; nothing is authenticated.
pub(crate) fn slots(bytes: &[u8], path: &Path) -> Result<BTreeSet<u64>, Error> {
    let whole = checked(bytes, path)?;
    let entries = whole.len().checked_sub(MAC_BYTES).and_then(|end| whole.get(HEAD_BYTES..end));
    let short = || Error::Damaged { file: path.to_owned(), what: SHORT };
    let entries = entries.ok_or_else(short)?.chunks_exact(ENTRY_BYTES);
    Ok(entries.filter_map(|entry| entry.first_chunk().copied()).map(u64::from_be_bytes).collect())
}

/// Reads values from the front of bytes.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const BYTES: usize>(&mut self) -> Option<&'a [u8; BYTES]> {
        let (taken, left) = self.0.split_first_chunk()?;
        self.0 = left;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(|bytes| u32::from_be_bytes(*bytes))
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(|bytes| u64::from_be_bytes(*bytes))
    }

    fn u128(&mut self) -> Option<u128> {
        self.take().map(|bytes| u128::from_be_bytes(*bytes))
    }
}
