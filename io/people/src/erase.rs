//! Finding and erasing people while no hub serves from the store; `forget.rs` has the same for the store that is open.
//!
//! Erasing destroys the key first and removes the row after it. With the key, every copy of the row becomes unreadable, in
//! backups too; a row that a crash leaves without a key is removed when the erasure is carried out again, which the caller
//! does at every start for everybody whom the log says is erased. The other way around, a crash would leave a key that still
//! opens the row in yesterday's backup.

use std::collections::HashSet;

use protocol::PlayerId;

use crate::{
    Contents, Error, Person,
    database::{BlindEntry, Database, Tombstone},
    forget::{self, unreadable},
    keyfile::KEYS,
    master::Blind,
    seal::SealedAt,
};

/// What became of an erasure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// Who was in the store and is no more.
    pub removed: Vec<PlayerId>,
    /// Who shall stay excluded, and cannot be recognised again: nothing in the store says any more who it was.
    pub unrecognised: Vec<PlayerId>,
}

impl Contents {
    /// The id of a person.
    #[must_use]
    pub fn find(&self, person: &Person) -> Option<PlayerId> {
        self.register.get(self.keys.lookup(person))
    }

    /// Whether a person was excluded and then erased.
    #[must_use]
    pub fn is_excluded(&self, person: &Person) -> bool {
        self.register.is_excluded(person)
    }

    /// Whether a player was excluded and erased, and the person is recognised under the same name.
    #[must_use]
    pub fn excludes(&self, player: PlayerId) -> bool {
        self.exclusions.iter().any(|known| known.player == player.0)
    }

    /// Who has an id; `None` for an id that nobody has, and for somebody whose key is destroyed.
    ///
    /// # Errors
    /// When the database cannot be read, or the name does not open.
    pub fn person(&self, player: PlayerId) -> Result<Option<Person>, Error> {
        let Some(database) = self.has(player).then(|| Database::open(&self.directory)).transpose()?.flatten()
        else {
            return Ok(None);
        };
        self.name(&database, player)
    }

    fn name(&self, database: &Database, player: PlayerId) -> Result<Option<Person>, Error> {
        let Some(slot) = self.ids.get(&player) else { return Ok(None) };
        let Some(row) = database.row(*slot)? else { return Ok(None) };
        let file = self.file.as_ref();
        let Some(key) = file.and_then(|file| file.key(row.slot, &self.keys)) else { return Ok(None) };
        let place = SealedAt { store: self.meta.store, player: player.0, slot: row.slot };
        let named = place.named(&key, &row.issuer, &row.subject);
        named.map(Some).ok_or_else(|| unreadable(database.path()))
    }

    /// Erases people: destroys their keys, then removes their rows. With `true`, the person stays excluded: an entry of the
    /// blind index recognises who comes back under the same name. May be repeated; whoever is not in the store costs
    /// nothing. The caller holds the lock of the log in the directory, and has recorded there who is erased.
    ///
    /// # Errors
    /// When a file cannot be written. The same call carries on where this one stopped.
    pub fn erase(&mut self, people: &[(PlayerId, bool)]) -> Result<Erased, Error> {
        let mut erased = Erased::default();
        erased.removed.extend(people.iter().map(|(player, _)| *player).filter(|player| self.has(*player)));
        let wanted = people.iter().filter(|(player, excluded)| *excluded && !self.excludes(*player));
        let wanted: Vec<PlayerId> = wanted.map(|(player, _)| *player).collect();
        let new = |(player, excluded): &&(PlayerId, bool)| match self.erased.get(player) {
            Some(known) => *excluded && !known,
            None => true,
        };
        let tombstones: Vec<(PlayerId, bool)> = people.iter().filter(new).copied().collect();
        if erased.removed.is_empty() && wanted.is_empty() && tombstones.is_empty() {
            return Ok(erased);
        }
        let Some(mut database) = Database::open(&self.directory)? else { return Ok(erased) };
        erased.unrecognised = self.exclude(&mut database, &wanted)?;
        let removed: HashSet<PlayerId> = erased.removed.iter().copied().collect();
        self.destroy_keys(&removed)?;
        self.remove_rows(&mut database, &removed, &tombstones)?;
        Ok(erased)
    }

    /// Adds people to the blind index. Returns who cannot be added, because nothing says any more who they were.
    fn exclude(&mut self, database: &mut Database, wanted: &[PlayerId]) -> Result<Vec<PlayerId>, Error> {
        let Some(blind) = self.file.as_ref().and_then(|file| file.blind(&self.keys)) else {
            return Ok(wanted.to_vec());
        };
        let blind = Blind::new(&blind);
        let (mut new, mut unrecognised) = (Vec::new(), Vec::new());
        for player in wanted {
            match self.name(database, *player)? {
                Some(person) => new.push(BlindEntry { blind: blind.hash(&person), player: player.0 }),
                None => unrecognised.push(*player),
            }
        }
        if !new.is_empty() {
            let added = forget::add_exclusions(database, &self.keys, &mut self.meta, &new);
            added.map_err(Error::sql("write", database.path()))?;
            self.exclusions.extend(new);
            let hashes = self.exclusions.iter().map(|exclusion| exclusion.blind);
            self.register.exclude(blind, hashes.collect());
        }
        Ok(unrecognised)
    }

    fn destroy_keys(&mut self, players: &HashSet<PlayerId>) -> Result<(), Error> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let slots = players.iter().filter_map(|player| self.ids.get(player)).copied();
        let destroyed = forget::destroy_keys(&self.directory, &self.keys, file, slots);
        destroyed.map_err(Error::io("write", &self.directory.join(KEYS)))
    }

    /// Removes the rows, and notes the ids in the same transaction.
    fn remove_rows(
        &mut self,
        database: &mut Database,
        players: &HashSet<PlayerId>,
        tombstones: &[(PlayerId, bool)],
    ) -> Result<(), Error> {
        let mut erased = self.erased.clone();
        erased.extend(tombstones.iter().copied());
        let slots: Vec<u64> = players.iter().filter_map(|player| self.ids.get(player)).copied().collect();
        let new =
            tombstones.iter().map(|(player, excluded)| Tombstone { player: player.0, excluded: *excluded });
        let new: Vec<Tombstone> = new.collect();
        let noted = (&new[..], erased.len() as u64);
        let removed = forget::remove_rows(database, &self.keys, &mut self.meta, &slots, noted);
        removed.map_err(Error::sql("write", database.path()))?;
        self.erased = erased;
        self.ids.retain(|player, _| !players.contains(player));
        self.keyless.retain(|player| !players.contains(player));
        self.register.remove(players);
        Ok(())
    }
}
