//! The database file: who has which id, with names sealed. SQL stands in this module only.
//!
//! The journal is a rollback journal, and the mode WAL is not used. There, damage to what was synced looks like the end of the
//! file: SQLite drops it and everything behind it without a word, and people would lose their ids (`P3`). With
//! a rollback journal every commit is in the one file, where each row has an authentication code and the row `store` tells
//! how many there are. A commit costs three or four syncs instead of one; everybody who waits shares them.
//!
//! `secure_delete` overwrites what is deleted with zeros. The version of the schema is SQLite's `user_version`.

mod copy;
mod of_player;

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::{Error, StoreId, master::StoreKeys};

/// Name of the database in the directory of the log.
pub const DATABASE: &str = "people.db";
/// A database that is being made; what is left of one after a crash is replaced.
pub(crate) const PARTIAL: &str = "people.db.partial";
/// The rollback journal of the database.
pub(crate) const ROLLBACK: &str = "people.db-journal";

/// Marks the file as ours in its header.
const APPLICATION: i32 = 0x4855_4250;
/// The statements that make each version of the schema of the one before. The last is the version that is written and read.
/// A person's row is found by its slot: slots rise, so that new people are at the end, and enrolling changes few pages.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE store (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        id BLOB NOT NULL, key_check BLOB NOT NULL,
        people INTEGER NOT NULL, exclusions INTEGER NOT NULL, erased INTEGER NOT NULL, next_slot INTEGER NOT NULL,
        tag BLOB NOT NULL
    ) STRICT;
    CREATE TABLE person (
        slot INTEGER PRIMARY KEY, player BLOB NOT NULL, lookup BLOB NOT NULL,
        issuer BLOB NOT NULL, subject BLOB NOT NULL,
        tag BLOB NOT NULL
    ) STRICT;
    CREATE TABLE exclusion (
        blind BLOB PRIMARY KEY, player BLOB NOT NULL,
        tag BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE erased (
        player BLOB PRIMARY KEY, excluded INTEGER NOT NULL,
        tag BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
"];
/// The version of the schema.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;
/// Older releases of SQLite have known faults that lose data.
const SQLITE_MIN: i32 = 3_051_003;
/// How often it is looked whether the database is free of another process, with [`BUSY_WAIT`] in between: two seconds. SQLite's
/// own waits grow, and miss the short time between two commits of a hub that enrols one person after the other.
const BUSY_WAITS: i32 = 2_000;
const BUSY_WAIT: Duration = Duration::from_millis(1);

/// The row `store`: the identity of the store, and how much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meta {
    pub store: StoreId,
    /// The check value of the master key.
    pub check: u128,
    /// Number of rows of people.
    pub people: u64,
    /// Number of exclusions.
    pub exclusions: u64,
    /// Number of players who were erased.
    pub erased: u64,
    /// The first slot that no person ever had.
    pub next_slot: u64,
}

impl Meta {
    fn tag(&self, keys: &StoreKeys) -> u128 {
        let numbers = [self.people, self.exclusions, self.erased, self.next_slot].map(u64::to_be_bytes);
        keys.tag(0, &[&self.store.to_be_bytes(), &self.check.to_be_bytes(), &numbers.concat()])
    }
}

/// A row of the table of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PersonRow {
    pub player: u128,
    pub lookup: u128,
    /// The slot of the data key.
    pub slot: u64,
    /// Sealed.
    pub issuer: Vec<u8>,
    /// Sealed.
    pub subject: Vec<u8>,
}

impl PersonRow {
    pub fn tag(&self, keys: &StoreKeys) -> u128 {
        let (player, lookup) = (self.player.to_be_bytes(), self.lookup.to_be_bytes());
        keys.tag(1, &[&player, &lookup, &self.slot.to_be_bytes(), &self.issuer, &self.subject])
    }
}

/// An excluded person who was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlindEntry {
    /// What the person is recognised by.
    pub blind: u128,
    /// The id that the person had.
    pub player: u128,
}

impl BlindEntry {
    fn tag(&self, keys: &StoreKeys) -> u128 {
        keys.tag(2, &[&self.blind.to_be_bytes(), &self.player.to_be_bytes()])
    }
}

/// A player who was erased: the random id alone. A log that is older than the erasure still has the player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tombstone {
    pub player: u128,
    /// Whether the person stays excluded.
    pub excluded: bool,
}

impl Tombstone {
    fn tag(&self, keys: &StoreKeys) -> u128 {
        keys.tag(3, &[&self.player.to_be_bytes(), &[u8::from(self.excluded)]])
    }
}

/// What a database has under one player id.
#[derive(Debug, Clone, Default)]
pub(crate) struct OfPlayer {
    pub row: Option<PersonRow>,
    pub exclusion: Option<BlindEntry>,
    pub tombstone: Option<Tombstone>,
}

/// Everything that a database has besides its people.
#[derive(Debug, Clone)]
pub(crate) struct Rest {
    pub meta: Meta,
    pub exclusions: Vec<BlindEntry>,
    pub erased: Vec<Tombstone>,
}

/// The open database. One thread uses it.
#[derive(Debug)]
pub(crate) struct Database {
    connection: Connection,
    path: PathBuf,
}

impl Database {
    /// Makes a database with nobody in it: whole or not at all, readable by its owner alone.
    pub fn create(directory: &Path, meta: &Meta, keys: &StoreKeys) -> Result<(), Error> {
        let (path, partial) = (directory.join(DATABASE), directory.join(PARTIAL));
        remove_if_there(&partial)?;
        remove_if_there(&directory.join(format!("{PARTIAL}-journal")))?;
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial)
            .map_err(Error::io("make", &partial))?;
        let mut made = Self::connect(partial.clone())?;
        let error = Error::sql("write", &partial);
        let result = made.migrate(0).and_then(|()| made.change(|change| put_meta(change, meta, keys)));
        result.and_then(|()| made.connection.close().map_err(|(_, error)| error)).map_err(error)?;
        remove_if_there(&directory.join(format!("{PARTIAL}-journal")))?;
        // Unlike a rename, a hard link replaces nothing: a file that somebody has just restored stays.
        let linked = fs::hard_link(&partial, &path);
        fs::remove_file(&partial).map_err(Error::io("remove", &partial))?;
        linked.map_err(Error::io("make", &path))?;
        let names = fs::File::open(directory).and_then(|directory| directory.sync_all());
        names.map_err(Error::io("sync directory", directory))
    }

    /// Opens the database of a directory; `None` when there is none. What a crash left half done is taken back.
    pub fn open(directory: &Path) -> Result<Option<Self>, Error> {
        let path = directory.join(DATABASE);
        if !path.try_exists().map_err(Error::io("read", &path))? {
            return Ok(None);
        }
        let database = Self::connect(path)?;
        let numbers = |name| database.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let found =
            numbers("application_id").and_then(|application| Ok((application, numbers("user_version")?)));
        let (application, version) = found.map_err(Error::sql("read", &database.path))?;
        if application != i64::from(APPLICATION) || version < 1 {
            return Err(database.damaged("it is not a people database"));
        }
        if version > VERSION {
            return Err(Error::Version { file: database.path, version, reads: VERSION });
        }
        Ok(Some(database))
    }

    fn connect(path: PathBuf) -> Result<Self, Error> {
        let version = rusqlite::version_number();
        if version < SQLITE_MIN {
            return Err(Error::Sqlite { found: rusqlite::version() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connect = || {
            let mut connection = Connection::open_with_flags(&path, flags)?;
            connection.busy_handler(Some(|tried| {
                thread::sleep(BUSY_WAIT);
                tried < BUSY_WAITS
            }))?;
            connection.execute_batch(
                "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;
                 PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;",
            )?;
            connection.pragma_update_and_check(None, "journal_mode", "truncate", |_| Ok(()))?;
            Ok(connection)
        };
        let connection = connect().map_err(Error::sql("open", &path))?;
        Ok(Self { connection, path })
    }

    /// Brings the schema from one version to the newest.
    fn migrate(&mut self, from: usize) -> rusqlite::Result<()> {
        self.change(|change| {
            MIGRATIONS.iter().skip(from).try_for_each(|statements| change.execute_batch(statements))?;
            change.pragma_update(None, "application_id", APPLICATION)?;
            change.pragma_update(None, "user_version", VERSION)
        })
    }

    /// Carries out one transaction: all of it is on disk when this returns, or nothing of it.
    pub fn change(
        &mut self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        change(&transaction)?;
        transaction.commit()
    }

    /// Reads everything that the database has, as of one moment. `keys` makes the keys of a store; the first that fits the
    /// check value of the master key is used. Every row is authenticated.
    pub fn read<K>(
        &mut self,
        keys: impl FnOnce(&Meta) -> Result<(K, StoreKeys), Error>,
        mut take: impl FnMut(PersonRow) -> Result<(), &'static str>,
    ) -> Result<(Rest, K), Error> {
        let path = self.path.clone();
        let sql = || Error::sql("read", &path);
        let damaged = |what| Error::Damaged { file: path.clone(), what };
        let moment = self.connection.transaction().map_err(sql())?;
        // SQLite reads what is missing at the end as zeros.
        let number = |name| moment.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let length = number("page_size").and_then(|size| Ok(size * number("page_count")?)).map_err(sql())?;
        if fs::metadata(&path).map_err(Error::io("read", &path))?.len() < length as u64 {
            return Err(damaged("it is shorter than it says"));
        }
        let sound: String = moment.pragma_query_value(None, "quick_check", |row| row.get(0)).map_err(sql())?;
        if sound != "ok" {
            return Err(damaged("its structure is not sound"));
        }
        let (meta, tag) =
            meta(&moment).map_err(sql())?.ok_or_else(|| damaged("it does not say which store it is"))?;
        let (kept, keys) = keys(&meta)?;
        if meta.tag(&keys) != tag {
            return Err(damaged("what it says of itself is not what the hub wrote"));
        }
        let mut people = 0;
        let columns = "SELECT player, lookup, slot, issuer, subject, tag FROM person";
        let authentic = |is: bool, what| if is { Ok(()) } else { Err(what) };
        each(&moment, columns, person, |(row, tag)| {
            people += 1;
            authentic(row.tag(&keys) == tag, "a person in it is not what the hub wrote")?;
            take(row)
        })
        .map_err(sql())?
        .map_err(damaged)?;
        let mut exclusions = Vec::new();
        each(&moment, "SELECT blind, player, tag FROM exclusion", exclusion, |(exclusion, tag)| {
            exclusions.push(exclusion);
            authentic(exclusion.tag(&keys) == tag, "an exclusion in it is not what the hub wrote")
        })
        .map_err(sql())?
        .map_err(damaged)?;
        let mut erased = Vec::new();
        each(&moment, "SELECT player, excluded, tag FROM erased", tombstone, |(tombstone, tag)| {
            erased.push(tombstone);
            authentic(tombstone.tag(&keys) == tag, "an erasure in it is not what the hub wrote")
        })
        .map_err(sql())?
        .map_err(damaged)?;
        let found = [people, exclusions.len() as u64, erased.len() as u64];
        if found != [meta.people, meta.exclusions, meta.erased] {
            return Err(damaged("it does not have as many rows as it says"));
        }
        Ok((Rest { meta, exclusions, erased }, kept))
    }

    /// The row at a slot. The caller has authenticated the database before, under the same lock.
    pub fn row(&self, slot: u64) -> Result<Option<PersonRow>, Error> {
        let statement = "SELECT player, lookup, slot, issuer, subject, tag FROM person WHERE slot = ?1";
        let row = self.connection.query_row(statement, [slot as i64], person).optional();
        row.map(|row| row.map(|(row, _)| row)).map_err(Error::sql("read", &self.path))
    }

    /// The next rows behind a slot, at most `count`, each with its tag, which the caller compares.
    pub fn people_behind(&self, slot: Option<u64>, count: usize) -> Result<Vec<(PersonRow, u128)>, Error> {
        let statement = "SELECT player, lookup, slot, issuer, subject, tag FROM person WHERE slot > ?1 \
                         ORDER BY slot LIMIT ?2";
        let behind = slot.map_or(-1, |slot| slot as i64);
        let read = self
            .connection
            .prepare(statement)
            .and_then(|mut statement| statement.query_map(params![behind, count as i64], person)?.collect());
        read.map_err(Error::sql("read", &self.path))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The error number of the operating system behind the last failure, 0 for none.
    pub fn errno(&self) -> i32 {
        // SAFETY: the connection is open, and this thread alone uses it.
        unsafe { rusqlite::ffi::sqlite3_system_errno(self.connection.handle()) }
    }

    fn damaged(&self, what: &'static str) -> Error {
        Error::Damaged { file: self.path.clone(), what }
    }
}

/// Writes the row `store`.
pub(crate) fn put_meta(change: &Transaction<'_>, meta: &Meta, keys: &StoreKeys) -> rusqlite::Result<()> {
    let (store, check) = (meta.store.to_be_bytes(), meta.check.to_be_bytes());
    let numbers = [meta.people, meta.exclusions, meta.erased, meta.next_slot].map(|number| number as i64);
    let [people, exclusions, erased, next_slot] = numbers;
    let row = params![store, check, people, exclusions, erased, next_slot, meta.tag(keys).to_be_bytes()];
    change.execute("REPLACE INTO store VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)", row)?;
    Ok(())
}

/// Writes the rows of people.
pub(crate) fn put_people(
    change: &Transaction<'_>,
    rows: &[PersonRow],
    keys: &StoreKeys,
) -> rusqlite::Result<()> {
    let mut statement = change.prepare("REPLACE INTO person VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for row in rows {
        let (player, lookup) = (row.player.to_be_bytes(), row.lookup.to_be_bytes());
        let tag = row.tag(keys).to_be_bytes();
        statement.execute(params![row.slot as i64, player, lookup, row.issuer, row.subject, tag])?;
    }
    Ok(())
}

/// Writes an exclusion.
pub(crate) fn put_exclusion(
    change: &Transaction<'_>,
    exclusion: BlindEntry,
    keys: &StoreKeys,
) -> rusqlite::Result<()> {
    let tag = exclusion.tag(keys).to_be_bytes();
    let row = params![exclusion.blind.to_be_bytes(), exclusion.player.to_be_bytes(), tag];
    change.execute("REPLACE INTO exclusion VALUES (?1, ?2, ?3)", row)?;
    Ok(())
}

/// Notes that a player was erased.
pub(crate) fn put_tombstone(
    change: &Transaction<'_>,
    tombstone: Tombstone,
    keys: &StoreKeys,
) -> rusqlite::Result<()> {
    let tag = tombstone.tag(keys).to_be_bytes();
    let row = params![tombstone.player.to_be_bytes(), tombstone.excluded, tag];
    change.execute("REPLACE INTO erased VALUES (?1, ?2, ?3)", row)?;
    Ok(())
}

/// Removes the row of a person.
pub(crate) fn remove_person(change: &Transaction<'_>, slot: u64) -> rusqlite::Result<()> {
    change.execute("DELETE FROM person WHERE slot = ?1", [slot as i64])?;
    Ok(())
}

fn meta(connection: &Connection) -> rusqlite::Result<Option<(Meta, u128)>> {
    let columns = "SELECT id, key_check, people, exclusions, erased, next_slot, tag FROM store WHERE one = 1";
    let read = |row: &rusqlite::Row<'_>| {
        let number = |column| row.get::<_, i64>(column).map(|number| number as u64);
        let meta = Meta {
            store: half(row, 0)?,
            check: half(row, 1)?,
            people: number(2)?,
            exclusions: number(3)?,
            erased: number(4)?,
            next_slot: number(5)?,
        };
        Ok((meta, half(row, 6)?))
    };
    connection.query_row(columns, [], read).optional()
}

/// Hands over every row of a statement, until one is refused.
fn each<T>(
    connection: &Connection,
    statement: &str,
    read: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    mut take: impl FnMut(T) -> Result<(), &'static str>,
) -> rusqlite::Result<Result<(), &'static str>> {
    let mut statement = connection.prepare(statement)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Err(refused) = take(read(row)?) {
            return Ok(Err(refused));
        }
    }
    Ok(Ok(()))
}

fn tombstone(row: &rusqlite::Row<'_>) -> rusqlite::Result<(Tombstone, u128)> {
    Ok((Tombstone { player: half(row, 0)?, excluded: row.get(1)? }, half(row, 2)?))
}

fn exclusion(row: &rusqlite::Row<'_>) -> rusqlite::Result<(BlindEntry, u128)> {
    Ok((BlindEntry { blind: half(row, 0)?, player: half(row, 1)? }, half(row, 2)?))
}

fn person(row: &rusqlite::Row<'_>) -> rusqlite::Result<(PersonRow, u128)> {
    let slot = row.get::<_, i64>(2)? as u64;
    let found = PersonRow {
        player: half(row, 0)?,
        lookup: half(row, 1)?,
        slot,
        issuer: row.get(3)?,
        subject: row.get(4)?,
    };
    Ok((found, half(row, 5)?))
}

fn half(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u128> {
    row.get::<_, [u8; 16]>(column).map(u128::from_be_bytes)
}

/// Removes a file; one that is not there is no error.
pub(crate) fn remove_if_there(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}
