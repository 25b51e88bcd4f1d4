//! Reads everybody's name from the database, beside a store that enrols and erases.

use std::path::Path;

use protocol::PlayerId;

use super::table::NameTable;
use crate::{
    Error, StoreId,
    database::{Database, PersonRow},
    forget::unreadable,
    keyfile::KeyFile,
    master::StoreKeys,
    seal::SealedAt,
};

/// Rows that are read at once: the database is locked for that long, some milliseconds.
const AT_ONCE: usize = 1_000;

/// Reads all names; `tell` is called with how many there are so far. People without a key are left out: they are being erased,
/// or were enrolled since.
pub fn all(
    directory: &Path,
    store: StoreId,
    keys: &StoreKeys,
    mut tell: impl FnMut(u64),
) -> Result<NameTable, Error> {
    let mut table = NameTable::default();
    let Some(database) = Database::open(directory)? else { return Ok(table) };
    let Some((file, _)) = KeyFile::read(directory, store, &[keys])? else { return Ok(table) };
    let mut behind = None;
    loop {
        let rows = database.people_behind(behind, AT_ONCE)?;
        let Some((PersonRow { slot, .. }, _)) = rows.last() else { return Ok(table) };
        behind = Some(*slot);
        for (row, tag) in &rows {
            if row.tag(keys) != *tag {
                let what = "a person in it is not what the hub wrote";
                return Err(Error::Damaged { file: database.path().to_owned(), what });
            }
            let Some(key) = file.key(row.slot, keys) else { continue };
            let place = SealedAt { store, player: row.player, slot: row.slot };
            let person = place.named(&key, &row.issuer, &row.subject);
            let person = person.ok_or_else(|| unreadable(database.path()))?;
            table.push(person.issuer(), person.subject(), PlayerId(row.player));
        }
        tell(table.count());
    }
}
