//! The only writer of the read model. It takes the rows of each record, in the order of the log, and commits them together with
//! its cursor.
//!
//! It goes on with the file that is read, or builds another one aside, which takes the place of the first once it has the whole
//! log. A crash at any place leaves a file that stands for its cursor.

use std::{path::Path, sync::Arc};

use crate::{
    Error, LogRows, ModelCursor,
    error::sql,
    files::{ModelFiles, WhichFile, sync_and_close, to_write},
    open_file::OpenFile,
    shared::ModelStanding,
    write_behind::WriteBehind,
};

/// A WAL file longer than this is written into the file as a whole, and begins anew. Bytes. Readers end within their
/// deadlines, so that never takes long.
const WAL_MAX: u64 = if cfg!(test) { 1 << 20 } else { 128 << 20 };

/// Writes the read model of a log.
#[derive(Debug)]
pub struct ModelWriter {
    places: ModelFiles,
    file: WhichFile,
    /// `None` while one file takes the place of another, and when it could not be opened again.
    open: Option<OpenFile>,
    /// Where the file stood when it was open last.
    cursor: ModelCursor,
    shared: Arc<ModelStanding>,
    behind: WriteBehind,
}

impl ModelWriter {
    /// Opens the read model beside the log in a directory. Why another file is built, if the one that was there is of no use.
    ///
    /// # Errors
    /// When the files cannot be used at all.
    pub fn open(log: &Path) -> Result<(Self, Option<String>), Error> {
        let places = ModelFiles::create(log)?;
        let shared = Arc::new(ModelStanding::new(places.clone()));
        let mut why = places.begin()?;
        if places.path(WhichFile::Main).exists() {
            match opened(&places, WhichFile::Main)? {
                Ok(open) => {
                    places.remove(WhichFile::Aside)?;
                    return Ok((Self::with(places, WhichFile::Main, open, shared), None));
                }
                Err(found) => why = Some(found),
            }
        }
        let open = match opened(&places, WhichFile::Aside)? {
            Ok(open) => open,
            Err(_) => fresh(&places)?,
        };
        Ok((Self::with(places, WhichFile::Aside, open, shared), why))
    }

    fn with(places: ModelFiles, file: WhichFile, open: OpenFile, shared: Arc<ModelStanding>) -> Self {
        let (cursor, behind) = (open.cursor(), WriteBehind::start());
        let mut writer = Self { places, file, cursor, open: Some(open), shared, behind };
        writer.tell();
        writer
    }

    #[cfg(test)]
    pub(crate) fn write_behind(&self) -> &WriteBehind {
        &self.behind
    }

    /// What is shared with those who read.
    pub(crate) fn shared(&self) -> &Arc<ModelStanding> {
        &self.shared
    }

    /// Whether it builds a file that is not read yet.
    #[must_use]
    pub fn builds(&self) -> bool {
        self.file == WhichFile::Aside
    }

    /// The end of the log up to which everything is committed.
    #[must_use]
    pub fn cursor(&self) -> ModelCursor {
        self.cursor
    }

    /// Whether a reader has found that the file is damaged.
    #[must_use]
    pub fn found_damaged(&self) -> bool {
        self.shared.is_damaged()
    }

    /// Begins a file aside, from the beginning of the log. The one that was being built is removed; the one that is read stays
    /// until the new one is complete, and is not read meanwhile.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn begin_anew(&mut self) -> Result<(), Error> {
        // Its connection is closed before its files go.
        self.open = None;
        self.file = WhichFile::Aside;
        self.open = Some(fresh(&self.places)?);
        self.tell();
        Ok(())
    }

    /// Takes the rows of the next record. It is committed later.
    ///
    /// # Errors
    /// When it cannot be written. What was taken since the last commit is then to be [rolled back](Self::roll_back).
    pub fn take(&mut self, rows: LogRows) -> Result<(), Error> {
        self.opened()?.take(rows)
    }

    /// Commits what was taken, as of a cursor, and tells those who read.
    ///
    /// # Errors
    /// When it cannot be written: roll back then.
    pub fn commit(&mut self, at: ModelCursor) -> Result<(), Error> {
        self.opened()?.commit(at)?;
        self.behind.committed(self.places.written(self.file));
        let (_, wal) = self.places.bytes(self.file);
        if wal > WAL_MAX {
            // Not having it shorter is no failure: it is tried again after the next commit.
            let short =
                self.opened()?.connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            if let Err(error) = short {
                tracing::warn!(%error, wal, "the WAL file of the read model stays long; tried again");
            }
        }
        self.tell();
        Ok(())
    }

    /// Forgets what was taken since the last commit.
    ///
    /// # Errors
    /// When the file cannot be read again.
    pub fn roll_back(&mut self) -> Result<(), Error> {
        // A new connection: this one may be in any state.
        self.open = None;
        match opened(&self.places, self.file)? {
            Ok(open) => self.open = Some(open),
            Err(why) => return Err(Error::Unfit { what: format!("its own file any more ({why})"), lsn: 0 }),
        }
        self.tell();
        Ok(())
    }

    /// The file that was built takes the place of the one that is read.
    ///
    /// # Errors
    /// When the files cannot be changed; then [roll back](Self::roll_back) and try again.
    pub fn swap(&mut self) -> Result<(), Error> {
        if self.file == WhichFile::Main {
            return Ok(());
        }
        if let Some(open) = self.open.take() {
            let connection = open.close()?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(sql("close"))?;
            connection.close().map_err(|(_, error)| sql("close")(error))?;
        }
        self.places.swap()?;
        self.file = WhichFile::Main;
        self.shared.replaced();
        self.roll_back()
    }

    /// Syncs what is committed, for a stop.
    fn finish(&mut self) -> Result<(), Error> {
        sync_and_close(self.open.take().ok_or(Error::Closed)?.close()?)?;
        self.places.end()
    }

    fn opened(&mut self) -> Result<&mut OpenFile, Error> {
        self.open.as_mut().ok_or(Error::Closed)
    }

    /// Tells those who read where it stands.
    fn tell(&mut self) {
        if let Some(open) = &self.open {
            self.cursor = open.cursor();
        }
        let (bytes, wal) = self.places.bytes(self.file);
        self.shared.stands(self.cursor.lsn, self.builds(), bytes, wal);
    }
}

impl Drop for ModelWriter {
    fn drop(&mut self) {
        self.behind.end();
        if let Err(error) = self.finish() {
            let why = error.with_causes();
            tracing::warn!(
                why,
                "the read model is not synced; it is built again if the machine stops before the next start"
            );
        }
    }
}

/// Opens one of the files. Words when it is of no use.
fn opened(places: &ModelFiles, file: WhichFile) -> Result<Result<OpenFile, String>, Error> {
    let connection = match to_write(&places.path(file))? {
        Ok(connection) => connection,
        Err(why) => return Ok(Err(why)),
    };
    match OpenFile::over(connection) {
        Ok(open) => Ok(Ok(open)),
        Err(error) if error.needs_a_new_file() => Ok(Err(format!("it is damaged: {}", error.with_causes()))),
        Err(error) => Err(error),
    }
}

/// An empty file aside.
fn fresh(places: &ModelFiles) -> Result<OpenFile, Error> {
    places.remove(WhichFile::Aside)?;
    opened(places, WhichFile::Aside)?
        .map_err(|why| Error::Unfit { what: format!("a new file ({why})"), lsn: 0 })
}
