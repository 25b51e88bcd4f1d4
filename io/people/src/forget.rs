//! The steps of an erasure on the files of a store, one by one: the same for a store that was read and for one that is open.
//!
//! The order is everywhere the same: exclusion, key, row (ADR-0027). A crash or failure between two of them is carried on by
//! the same call.

use std::{io, path::Path};

use protocol::PlayerId;

use crate::{
    Error, Person,
    database::{self, BlindEntry, Database, Meta, OfPlayer, PersonRow, Tombstone},
    keyfile::{KEYS, KeyFile},
    master::{Blind, StoreKeys},
    seal::SealedAt,
    storage::{Forgotten, PlayerStanding},
};

/// Why an erasure from the open store stopped.
#[derive(Debug)]
pub(crate) enum NotForgotten {
    /// The database.
    Sql(rusqlite::Error),
    /// The key file could not be written. The one that was there is in its place.
    KeyFile(io::Error),
    /// A file cannot be read, or is not what the hub wrote.
    Unreadable(Error),
}

impl From<rusqlite::Error> for NotForgotten {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// The files of a store that is open for writing.
pub(crate) struct OpenStore<'a> {
    pub directory: &'a Path,
    pub database: &'a mut Database,
    pub keys: &'a StoreKeys,
    pub meta: &'a mut Meta,
}

impl OpenStore<'_> {
    /// What is known of a player id.
    pub fn standing(&self, player: PlayerId) -> Result<PlayerStanding, NotForgotten> {
        let OfPlayer { row, exclusion, tombstone } = self.found(player)?;
        let file = self.key_file()?;
        let person = row.as_ref().map(|row| self.person(&file, row)).transpose()?.flatten();
        Ok(PlayerStanding {
            has: row.is_some(),
            named: person.is_some(),
            erased: tombstone.is_some(),
            excludes: exclusion.is_some(),
        })
    }

    /// Erases a player; with `excluded` the person stays excluded.
    pub fn erase(&mut self, player: PlayerId, excluded: bool) -> Result<Forgotten, NotForgotten> {
        let OfPlayer { row, exclusion, tombstone } = self.found(player)?;
        let mut file = self.key_file()?;
        let mut forgotten = Forgotten { lookup: row.as_ref().map(|row| row.lookup), ..Forgotten::default() };
        if excluded {
            let blind = file
                .blind(self.keys)
                .ok_or_else(|| self.damaged("the key of the blind index does not unwrap"))?;
            let blind = Blind::new(&blind);
            let hash = match (&exclusion, &row) {
                (Some(known), _) => Some(known.blind),
                (None, Some(row)) => self.exclude(&file, &blind, row)?,
                (None, None) => None,
            };
            forgotten.unrecognised = hash.is_none();
            forgotten.exclusion = hash.map(|hash| (blind, hash));
        }
        let slots: Vec<u64> = row.iter().map(|row| row.slot).collect();
        let destroyed = destroy_keys(self.directory, self.keys, &mut file, slots.iter().copied());
        destroyed.map_err(NotForgotten::KeyFile)?;
        let known = tombstone.map(|known| known.excluded);
        let new = Tombstone { player: player.0, excluded: excluded || known == Some(true) };
        if known != Some(new.excluded) || !slots.is_empty() {
            let erased = self.meta.erased + u64::from(known.is_none());
            remove_rows(self.database, self.keys, self.meta, &slots, (&[new], erased))?;
        }
        Ok(forgotten)
    }

    /// Adds the person of a row to the blind index; `None` when nothing says any more who it was.
    fn exclude(
        &mut self,
        file: &KeyFile,
        blind: &Blind,
        row: &PersonRow,
    ) -> Result<Option<u128>, NotForgotten> {
        let Some(person) = self.person(file, row)? else { return Ok(None) };
        let new = BlindEntry { blind: blind.hash(&person), player: row.player };
        add_exclusions(self.database, self.keys, self.meta, &[new])?;
        Ok(Some(new.blind))
    }

    fn found(&self, player: PlayerId) -> Result<OfPlayer, NotForgotten> {
        self.database.of_player(player.0, self.keys)?.map_err(|what| {
            NotForgotten::Unreadable(Error::Damaged { file: self.database.path().to_owned(), what })
        })
    }

    fn key_file(&self) -> Result<KeyFile, NotForgotten> {
        let file = KeyFile::read(self.directory, self.meta.store, &[self.keys]);
        let file = file.map_err(NotForgotten::Unreadable)?;
        Ok(file.ok_or_else(|| self.damaged("it is gone"))?.0)
    }

    /// Who has a row; `None` when the key is destroyed.
    fn person(&self, file: &KeyFile, row: &PersonRow) -> Result<Option<Person>, NotForgotten> {
        let Some(key) = file.key(row.slot, self.keys) else { return Ok(None) };
        let place = SealedAt { store: self.meta.store, player: row.player, slot: row.slot };
        let named = place.named(&key, &row.issuer, &row.subject);
        let unreadable = || NotForgotten::Unreadable(unreadable(self.database.path()));
        named.map(Some).ok_or_else(unreadable)
    }

    /// The key file is not what the hub wrote.
    fn damaged(&self, what: &'static str) -> NotForgotten {
        NotForgotten::Unreadable(Error::Damaged { file: self.directory.join(KEYS), what })
    }
}

/// A name that does not open under the key of its row.
pub(crate) fn unreadable(database: &Path) -> Error {
    Error::Damaged { file: database.to_owned(), what: "a name in it does not open under its key" }
}

/// Adds people to the blind index, in one transaction.
pub(crate) fn add_exclusions(
    database: &mut Database,
    keys: &StoreKeys,
    meta: &mut Meta,
    new: &[BlindEntry],
) -> rusqlite::Result<()> {
    let after = Meta { exclusions: meta.exclusions + new.len() as u64, ..*meta };
    database.change(|change| {
        new.iter().try_for_each(|new| database::put_exclusion(change, *new, keys))?;
        database::put_meta(change, &after, keys)
    })?;
    *meta = after;
    Ok(())
}

/// Destroys the keys in these slots: the key file is written anew without them. One that has none of them is left.
pub(crate) fn destroy_keys(
    directory: &Path,
    keys: &StoreKeys,
    file: &mut KeyFile,
    slots: impl IntoIterator<Item = u64>,
) -> io::Result<()> {
    let before = file.slots.len();
    for slot in slots {
        file.slots.remove(&slot);
    }
    if file.slots.len() < before { file.write(directory, keys) } else { Ok(()) }
}

/// Removes the rows in these slots and notes the ids of who was erased, in one transaction. `erased` is how many players are
/// noted then.
pub(crate) fn remove_rows(
    database: &mut Database,
    keys: &StoreKeys,
    meta: &mut Meta,
    slots: &[u64],
    (tombstones, erased): (&[Tombstone], u64),
) -> rusqlite::Result<()> {
    let after = Meta { people: meta.people - slots.len() as u64, erased, ..*meta };
    database.change(|change| {
        slots.iter().try_for_each(|slot| database::remove_person(change, *slot))?;
        tombstones.iter().try_for_each(|tombstone| database::put_tombstone(change, *tombstone, keys))?;
        database::put_meta(change, &after, keys)
    })?;
    *meta = after;
    Ok(())
}
