//! The inventory of a backup: the file `backup.json`, which names every file with its length and SHA-256. It is written
//! last, so a directory without it is no backup.
//!
//! `{"format": 1, "sha256": "…", "inventory": {…}}`: the format and the checksum of the inventory's bytes stand outside
//! of it in every format, so that damage is no other format, and a later format is refused by its number.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use base16ct::lower::encode_string;
use journal::{file::Directory, storage::Storage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{Error, LOG, PEOPLE, STORE};
use crate::recovery::Head;

/// The inventory's file.
pub(super) const NAME: &str = "backup.json";
/// The format that this release writes and reads.
pub(super) const FORMAT: u32 = 1;
/// Longest inventory: about a million files. Bytes.
const BYTES_MAX: u64 = 256 << 20;

/// What a backup has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Inventory {
    /// The release that made it.
    pub hub: String,
    /// When the cut was taken. Milliseconds since 1970.
    pub cut_ms: u64,
    /// The id of the log.
    pub log: String,
    /// The lineage of the log at its end.
    pub lineage: String,
    /// The first record of the log that is kept.
    pub first: u64,
    /// Where the log ends, as `LSN:HASH`.
    pub head: String,
    /// The last record that the state store stands for; `None` without a store.
    pub store: Option<u64>,
    /// SHA-256 of the key file that fits the people database, in hexadecimal digits. `None` without a people store, and
    /// when its making was interrupted before it had a key file.
    pub keys: Option<String>,
    /// Every file, by its path in the backup.
    pub files: Vec<Listed>,
}

/// What is said of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed {
    /// Folder and name, such as `log/00000000000000000001.log`.
    pub path: String,
    /// Length. Bytes.
    pub bytes: u64,
    /// SHA-256 of the whole file, in hexadecimal digits.
    pub sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Sealing<'a> {
    format: u32,
    sha256: String,
    #[serde(borrow)]
    inventory: &'a RawValue,
}

/// What stands outside in every format.
#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

impl Inventory {
    /// Writes the inventory of a directory whose other files are durable. Once it returns, the backup is whole.
    pub fn write(&self, directory: &Directory) -> Result<(), Error> {
        let file = directory.path(NAME);
        let text = |error: serde_json::Error| Error::io("write", &file)(error.into());
        let inventory = RawValue::from_string(serde_json::to_string(self).map_err(text)?).map_err(text)?;
        let sha256 = encode_string(&Sha256::digest(inventory.get()));
        let all = Sealing { format: FORMAT, sha256, inventory: &inventory };
        super::copy::write_small(directory, NAME, &serde_json::to_vec(&all).map_err(text)?)
    }

    /// Reads the inventory of a backup.
    pub fn read(directory: &Path) -> Result<Self, Error> {
        let file = directory.join(NAME);
        let damaged = |what| Error::damaged(&file, what);
        let bytes = match fs::metadata(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::NotWhole(directory.to_owned()));
            }
            Ok(found) if found.len() > BYTES_MAX => return Err(damaged("it is longer than any inventory")),
            Ok(_) => fs::read(&file).map_err(Error::io("read", &file))?,
            Err(error) => return Err(Error::io("read", &file)(error)),
        };
        const WHAT: &str = "it is not the inventory of a backup";
        let AnyFormat { format } = serde_json::from_slice(&bytes).map_err(|_| damaged(WHAT))?;
        if format == 0 {
            return Err(damaged(WHAT));
        }
        if format > FORMAT {
            return Err(Error::Newer { file, found: format, reads: FORMAT });
        }
        let all: Sealing<'_> = serde_json::from_slice(&bytes).map_err(|_| damaged(WHAT))?;
        if encode_string(&Sha256::digest(all.inventory.get())) != all.sha256 {
            return Err(damaged("its checksum does not match"));
        }
        let inventory: Self = serde_json::from_str(all.inventory.get()).map_err(|_| damaged(WHAT))?;
        if !inventory.files.iter().all(|listed| listed.place().is_some()) {
            return Err(damaged("it names a file that no backup has"));
        }
        Ok(inventory)
    }

    /// Where the log ends.
    pub fn head(&self, directory: &Path) -> Result<Head, Error> {
        let what = "it does not say where the log ends";
        self.head.parse().map_err(|_| Error::damaged(directory.join(NAME), what))
    }

    /// The length of all files. Bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|listed| listed.bytes).sum()
    }
}

impl Listed {
    /// Folder and name; `None` when they are not those of a backup: nothing is read or written elsewhere.
    pub fn place(&self) -> Option<(&str, &str)> {
        let (folder, name) = self.path.split_once('/')?;
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
        (plain && [LOG, STORE, PEOPLE].contains(&folder)).then_some((folder, name))
    }

    /// The file in the directory of its backup.
    pub fn file(&self, directory: &Path) -> PathBuf {
        directory.join(&self.path)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    fn inventory() -> Inventory {
        let listed = Listed { path: "log/00000000000000000001.log".into(), bytes: 7, sha256: "ab".into() };
        Inventory {
            hub: "0.2.0".into(),
            cut_ms: 1,
            log: "01".into(),
            lineage: "02".into(),
            first: 1,
            head: format!("9:{}", "a".repeat(64)),
            store: Some(5),
            keys: None,
            files: vec![listed],
        }
    }

    fn written() -> (tempfile::TempDir, Vec<u8>) {
        let at = tempfile::tempdir().unwrap();
        inventory().write(&Directory::open(at.path()).unwrap()).unwrap();
        let bytes = fs::read(at.path().join(NAME)).unwrap();
        (at, bytes)
    }

    #[test]
    fn an_inventory_gives_back_what_was_put_in_it() {
        let (at, _) = written();
        assert_eq!(Inventory::read(at.path()).unwrap(), inventory());
        assert_eq!(inventory().head(at.path()).unwrap().lsn, 9);
    }

    #[test]
    fn every_cut_and_every_changed_byte_of_an_inventory_is_refused() {
        let (at, bytes) = written();
        let file = at.path().join(NAME);
        for len in 0..bytes.len() {
            fs::write(&file, &bytes[..len]).unwrap();
            assert!(Inventory::read(at.path()).is_err(), "{len} bytes");
        }
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            fs::write(&file, &changed).unwrap();
            assert!(Inventory::read(at.path()).is_err(), "byte {place}");
        }
        fs::remove_file(&file).unwrap();
        assert!(matches!(Inventory::read(at.path()), Err(Error::NotWhole(_))));
    }

    #[test]
    fn a_later_format_is_refused_by_its_number() {
        let (at, _) = written();
        fs::write(at.path().join(NAME), br#"{"format": 7, "other": []}"#).unwrap();
        assert!(matches!(Inventory::read(at.path()), Err(Error::Newer { found: 7, .. })));
    }

    #[test]
    fn no_file_outside_of_a_backup_is_named() {
        for path in
            ["log", "log/", "/etc/passwd", "log/../x", "log/..", "keys/a", "log/a/b", "../log/a", "log/.a"]
        {
            let listed = Listed { path: path.into(), bytes: 0, sha256: String::new() };
            assert_eq!(listed.place(), None, "{path}");
        }
        assert_eq!(inventory().files[0].place(), Some((LOG, "00000000000000000001.log")));
    }
}
