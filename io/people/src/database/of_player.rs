//! What the database has under one player id: for an erasure while the hub serves.

use rusqlite::{OptionalExtension, Row, params};

use super::{Database, OfPlayer, exclusion, person, tombstone};
use crate::master::StoreKeys;

impl Database {
    /// Everything under a player id, authenticated; or what is not as the hub wrote it. Reads the tables from one end to the
    /// other: no index has ids, and this is asked for once an erasure.
    pub fn of_player(
        &self,
        player: u128,
        keys: &StoreKeys,
    ) -> rusqlite::Result<Result<OfPlayer, &'static str>> {
        // One statement after the other: this thread alone writes.
        let columns = "SELECT player, lookup, slot, issuer, subject, tag FROM person WHERE player = ?1";
        let row = self.one(columns, player, person)?;
        let excluded =
            self.one("SELECT blind, player, tag FROM exclusion WHERE player = ?1", player, exclusion)?;
        let erased =
            self.one("SELECT player, excluded, tag FROM erased WHERE player = ?1", player, tombstone)?;
        if row.as_ref().is_some_and(|(row, tag)| row.tag(keys) != *tag) {
            return Ok(Err("a person in it is not what the hub wrote"));
        }
        if excluded.as_ref().is_some_and(|(exclusion, tag)| exclusion.tag(keys) != *tag) {
            return Ok(Err("an exclusion in it is not what the hub wrote"));
        }
        if erased.as_ref().is_some_and(|(tombstone, tag)| tombstone.tag(keys) != *tag) {
            return Ok(Err("an erasure in it is not what the hub wrote"));
        }
        let (row, exclusion) = (row.map(|(row, _)| row), excluded.map(|(exclusion, _)| exclusion));
        Ok(Ok(OfPlayer { row, exclusion, tombstone: erased.map(|(tombstone, _)| tombstone) }))
    }

    fn one<T>(
        &self,
        statement: &str,
        player: u128,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        self.connection.query_row(statement, params![player.to_be_bytes()], read).optional()
    }
}
