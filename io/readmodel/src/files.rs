//! The files of the read model, and how one takes the place of another.
//!
//! `read-model.db` is what is read. `building.db` is built beside it and takes its place once it is complete. A crash at any step
//! leaves either the old file, or the new one under one of the two names: without `read-model.db` the other one is gone on with.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use crate::{
    Error,
    error::{is_damage, sql},
    schema::{APPLICATION, SQLITE_MIN, TABLES, VERSION},
    unsynced,
};

/// Name of the directory in that of the log.
pub const DIRECTORY: &str = "read-model";
const MAIN: &str = "read-model.db";
const ASIDE: &str = "building.db";
/// What SQLite keeps beside a database.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Longest wait for a lock that another connection has: only a checkpoint waits at all.
const BUSY: Duration = Duration::from_secs(5);
/// Pages of the WAL file after which a commit writes them into the file: 16 MiB.
const CHECKPOINT_PAGES: i64 = 4_096;
/// What the file of the WAL file is cut to when it begins anew. Bytes.
const WAL_KEPT: i64 = 64 << 20;
/// The writer's page cache, KiB; a negative number tells SQLite that it is no number of pages.
const WRITER_CACHE: i64 = -65_536;
/// The same of a reader.
const READER_CACHE: i64 = -8_192;

/// Which file a writer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhichFile {
    /// The one that is read.
    Main,
    /// One that is built beside it.
    Aside,
}

/// The directory with the files.
#[derive(Debug, Clone)]
pub(crate) struct ModelFiles(PathBuf);

impl ModelFiles {
    /// Those beside a log; the directory is created when it is missing.
    pub fn create(log: &Path) -> Result<Self, Error> {
        let places = Self::of(log);
        let mut directory = fs::DirBuilder::new();
        directory.recursive(true).mode(0o700);
        directory.create(&places.0).map_err(io_error("create", &places.0))?;
        Ok(places)
    }

    /// The same of a log that is only read.
    pub fn of(log: &Path) -> Self {
        Self(log.join(DIRECTORY))
    }

    /// Removes what the machine may have lost a part of when it stopped, and marks that the files are written from now on.
    /// Returns why nothing of them is left, if that is so.
    pub fn begin(&self) -> Result<Option<String>, Error> {
        let lost = unsynced::has_lost_writes(&self.0).map_err(io_error("read", &self.0))?;
        if lost {
            [WhichFile::Main, WhichFile::Aside].into_iter().try_for_each(|file| self.remove(file))?;
        }
        unsynced::begin(&self.0).map_err(io_error("write", &self.0))?;
        Ok(lost.then(|| "the machine has stopped while it was written".into()))
    }

    /// The files are synced.
    pub fn end(&self) -> Result<(), Error> {
        unsynced::end(&self.0).map_err(io_error("sync", &self.0))
    }

    pub fn path(&self, file: WhichFile) -> PathBuf {
        self.0.join(match file {
            WhichFile::Main => MAIN,
            WhichFile::Aside => ASIDE,
        })
    }

    /// Length of a database, and of its WAL file. Bytes; 0 where there is none.
    pub fn bytes(&self, file: WhichFile) -> (u64, u64) {
        let length = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
        let [path, wal] = self.written(file);
        (length(&path), length(&wal))
    }

    /// What is written of a database: the file, and its WAL file.
    pub fn written(&self, file: WhichFile) -> [PathBuf; 2] {
        let path = self.path(file);
        let wal = beside(&path, BESIDE[0]);
        [path, wal]
    }

    /// Removes a database with what is beside it, the WAL file first: another database must never find it.
    pub fn remove(&self, file: WhichFile) -> Result<(), Error> {
        let path = self.path(file);
        let logs = BESIDE.map(|end| beside(&path, end));
        for path in logs.iter().chain([&path]) {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(io_error("remove", path)(error));
                }
                _ => {}
            }
        }
        self.sync()
    }

    /// The database that was built aside takes the place of the one that is read. Its connection is closed, and nothing is
    /// beside it.
    pub fn swap(&self) -> Result<(), Error> {
        let aside = self.path(WhichFile::Aside);
        let file = fs::File::open(&aside).map_err(io_error("open", &aside))?;
        file.sync_all().map_err(io_error("sync", &aside))?;
        self.remove(WhichFile::Main)?;
        fs::rename(&aside, self.path(WhichFile::Main)).map_err(io_error("rename", &aside))?;
        self.sync()
    }

    fn sync(&self) -> Result<(), Error> {
        let directory = fs::File::open(&self.0).and_then(|directory| directory.sync_all());
        directory.map_err(io_error("sync", &self.0))
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { what, path, source }
}

/// Opens a database to write it; it is made when it is missing. `Err` with words when it is not one of this version.
pub(crate) fn to_write(path: &Path) -> Result<Result<Connection, String>, Error> {
    let linked = rusqlite::version_number();
    if linked < SQLITE_MIN {
        return Err(Error::OldSqlite { found: linked, needed: SQLITE_MIN });
    }
    // SQLite would make it as the umask is; what it makes beside it has the mode of the file. One that is there is not opened here:
    // closing it would end the locks that SQLite has on it in this process.
    if !path.exists() {
        let made = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        made.map_err(io_error("create", path))?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sql("open"))?;
    match prepare(&connection) {
        Ok(None) => Ok(Ok(connection)),
        Ok(Some(why)) => Ok(Err(why)),
        Err(error) if is_damage(&error) => Ok(Err(format!("it is damaged: {error}"))),
        Err(error) => Err(sql("open")(error)),
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let (version, application) = (pragma("user_version")?, pragma("application_id")?);
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let is_new = tables == 0 && version == 0;
    if !is_new && application != APPLICATION {
        return Ok(Some("it is no read model".into()));
    }
    if !is_new && version != VERSION {
        return Ok(Some(format!("it has version {version} of the schema, and this release has {VERSION}")));
    }
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // See the module `unsynced`.
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEPT)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "cache_size", WRITER_CACHE)?;
    if is_new {
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {TABLES}
             INSERT INTO cursor VALUES (1, zeroblob(16), 0, zeroblob(32), 0);
             PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
        ))?;
    }
    Ok(None)
}

/// Opens a database to read it.
pub(crate) fn to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    // The last one to close a file would write its log into it: by name, when another file may have that name.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", READER_CACHE)?;
    Ok(connection)
}

/// The version of the schema of a database; an error when it is none of ours.
pub(crate) fn version_of(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Syncs a database with its WAL file, and closes it.
pub(crate) fn sync_and_close(connection: Connection) -> Result<(), Error> {
    let synced = || -> rusqlite::Result<i64> {
        connection.pragma_update(None, "synchronous", "FULL")?;
        // A commit and a checkpoint with something to write sync both files, also what was written before.
        connection.execute("UPDATE cursor SET time_ms = time_ms", [])?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
    };
    match synced().map_err(sql("sync"))? {
        0 => connection.close().map_err(|(_, error)| sql("close")(error)),
        _ => Err(Error::InUse),
    }
}
