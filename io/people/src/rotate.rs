//! The change of the master key, while no hub serves from the store.
//!
//! The key file is wrapped anew first, then the database gets new look-up hashes in one transaction. Between the two the
//! files are under different keys; a start refuses that, and the same command with both keys carries on.

use std::path::Path;

use crate::{
    Error, Master, StoreId,
    database::{self, DATABASE, Database, Meta, PersonRow, Rest},
    forget::unreadable,
    keyfile::{KEYS, KeyFile},
    master::StoreKeys,
    seal::SealedAt,
};

/// What a change of the master key did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotated {
    /// How many people the store has.
    pub people: u64,
    /// Whether anything had to be changed: not when everything is under the new key already.
    pub changed: bool,
}

/// Puts the store of a directory under another master key. Nothing is changed unless every key and every name opens. The
/// caller holds the lock of the log there. `None` when there is no store.
///
/// # Errors
/// When a file is under neither key, is damaged, or cannot be written. The same call carries on where this one stopped.
pub fn rotate(directory: &Path, from: &Master, to: &Master) -> Result<Option<Rotated>, Error> {
    let Some(mut database) = Database::open(directory)? else { return Ok(None) };
    let (path, mut rows) = (directory.join(DATABASE), Vec::new());
    let derived = |meta: &Meta| {
        let (old, new) = (from.keys(meta.store), to.keys(meta.store));
        let under = [&new, &old].into_iter().find(|keys| keys.check == meta.check).cloned();
        under.map(|under| ((old, new), under)).ok_or_else(|| Error::WrongKey { file: path.clone() })
    };
    let (rest, (old, new)) = database.read(derived, |row| {
        rows.push(row);
        Ok(())
    })?;
    let meta = rest.meta;
    let Some((file, which)) = KeyFile::read(directory, meta.store, &[&new, &old])? else {
        return Err(Error::NoKeys { file: directory.join(KEYS) });
    };
    let is_new = which == 0;
    let file = if is_new { Some(file) } else { file.rewrapped(&old, &new) };
    let what = "a key in it does not unwrap";
    let file = file.ok_or_else(|| Error::Damaged { file: directory.join(KEYS), what })?;
    let renewed = rows.into_iter().map(|row| renewed(row, &file, &new, meta.store));
    let rows = renewed.collect::<Option<Vec<_>>>().ok_or_else(|| unreadable(&path))?;
    if !is_new {
        file.write(directory, &new).map_err(Error::io("write", &directory.join(KEYS)))?;
    }
    let stale = meta.check != new.check;
    if stale {
        let rest = Rest { meta: Meta { check: new.check, ..meta }, ..rest };
        put(&mut database, &rows, &rest, &new)?;
    }
    Ok(Some(Rotated { people: meta.people, changed: stale || !is_new }))
}

/// A row with the look-up hash of the new key; `None` when its name does not open.
fn renewed(row: PersonRow, file: &KeyFile, new: &StoreKeys, store: StoreId) -> Option<PersonRow> {
    let key = file.key(row.slot, new)?;
    let place = SealedAt { store, player: row.player, slot: row.slot };
    let person = place.named(&key, &row.issuer, &row.subject)?;
    Some(PersonRow { lookup: new.lookup(&person), ..row })
}

fn put(database: &mut Database, rows: &[PersonRow], rest: &Rest, new: &StoreKeys) -> Result<(), Error> {
    let changed = database.change(|change| {
        database::put_people(change, rows, new)?;
        rest.exclusions.iter().try_for_each(|exclusion| database::put_exclusion(change, *exclusion, new))?;
        rest.erased.iter().try_for_each(|erased| database::put_tombstone(change, *erased, new))?;
        database::put_meta(change, &rest.meta, new)
    });
    changed.map_err(Error::sql("write", database.path()))
}
