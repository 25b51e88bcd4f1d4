//! Makes an anchor: a copy of the state store as of one commit, verified, in the archive.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use ::archive::{AnchorContent, AnchorFiles, AnchorStep, Archive, ArchivedAnchor, RetryRule};
use actors::stored::{self, Stored};
use engine::{Formats, StoredState as _, Unknown};
use journal::{Cursor, Files};
use store::{MANIFEST, StoreCut, Tree, View};

/// How calls to the archive are repeated for a command: somebody waits for it, and can give it again.
pub(crate) const RETRY: RetryRule = RetryRule {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(20),
    within: Duration::from_secs(10),
    call: Duration::from_secs(60),
};

/// How often the progress is told.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// Why there is no anchor. The archive has none then, or one that was there before.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// No archive is configured.
    #[error(
        "an anchor is kept in the archive, and there is none: set archive.to to a directory or to s3://bucket/prefix"
    )]
    Nowhere,
    /// The state store is not there, or stands for no record.
    #[error("there is no state store in {0} yet")]
    NoStore(String),
    /// The state store cannot be read, or is not whole.
    #[error("failed to read the state store")]
    Store(#[from] stored::Error),
    /// The state store is not of the log beside it.
    #[error("the state store stands for record {lsn} of another log than the one beside it")]
    OtherLog {
        /// Its record.
        lsn: u64,
    },
    /// The log cannot be read.
    #[error("failed to read the log")]
    Journal(#[from] journal::Error),
    /// The archive's own findings.
    #[error("failed to use the archive")]
    Archive(#[from] ::archive::Error),
}

/// The files of a state store as of its last commit, open: whatever becomes of the store and its log, they can be read as long
/// as this is there.
#[derive(Debug)]
pub struct OpenedStore {
    /// Where the store is, for messages.
    place: PathBuf,
    /// The id of its log.
    log: [u8; 16],
    cut: StoreCut<File>,
}

impl OpenedStore {
    /// Opens the state store of the log in a directory, and compares its hash with the log's. The writers of both may be at
    /// work.
    ///
    /// # Errors
    /// When there is none, or it is not the log's.
    pub fn of_log(directory: &Path) -> Result<Self, AnchorError> {
        let no_store = || AnchorError::NoStore(directory.display().to_string());
        let storage =
            stored::storage_to_read(directory).map_err(stored::Error::from)?.ok_or_else(no_store)?;
        let cut = StoreCut::take(&storage).map_err(stored::Error::from)?.ok_or_else(no_store)?;
        let at = cut.cursor;
        // Opened after the store: the log has every record of the cut.
        let files = Files::open(directory)?;
        files.admits(&at, stored::DIRECTORY)?;
        if files.hash_at(at.lsn)? != Some(at.hash) {
            return Err(AnchorError::OtherLog { lsn: at.lsn.0 });
        }
        Ok(Self { place: directory.join(stored::DIRECTORY), log: files.id().unwrap_or_default(), cut })
    }

    fn at(&self) -> Cursor {
        self.cut.cursor
    }

    /// What is sent, after all of it was read.
    fn proven(self, progress: &mut Progressing<'_>) -> Result<AnchorFiles<File>, AnchorError> {
        let cut = Arc::new(self.cut);
        let view = cut.view(self.place.clone()).map_err(stored::Error::from)?;
        let mut read = 0_u64;
        prove(view, &mut || {
            read += 1;
            progress.now_and_then(|| format!("read {read} items and keys of the state store"));
        })?;
        // All views of it are gone.
        let cut =
            Arc::into_inner(cut).ok_or_else(|| AnchorError::NoStore(self.place.display().to_string()))?;
        Ok(contents(cut)?)
    }
}

/// Sends a state store to an archive, unless that has a whole anchor of its record. Its items and keys are all read from the
/// very files that are sent. Returns once the object was read back whole. Tells every few seconds how far it is, whatever it does.
///
/// # Errors
/// Why there is no anchor.
pub fn send_anchor(
    archive: &Archive,
    store: OpenedStore,
    tell: &mut dyn FnMut(&str),
) -> Result<ArchivedAnchor, AnchorError> {
    let (log, at) = (store.log, store.at());
    tell(&format!("the state store stands for record {}; it is read whole", at.lsn.0));
    let mut progress = Progressing { told: Instant::now(), tell };
    let all = store.proven(&mut progress)?;
    let mut told = |step, done, bytes| progress.now_and_then(|| how_far(step, done, bytes));
    Ok(archive.send_anchor((log, at), &all, &mut told)?)
}

/// Reads all of a store: the items have the digests that it states, and every key is there. Calls `read` with each.
fn prove(view: View, read: &mut dyn FnMut()) -> Result<(), stored::Error> {
    let stored = Stored(view);
    stored.load_telling(Formats::STANDARD, Unknown::Kept, read)?;
    debug_assert!(stored.lsn() > 0, "a store that has a cut stands for a record");
    for key in stored.0.scan(Tree::Keys) {
        key?;
        read();
    }
    Ok(())
}

/// The manifest last: without it the other files are no store.
fn contents(cut: StoreCut<File>) -> Result<AnchorFiles<File>, ::archive::Error> {
    let runs = cut.runs.into_iter().map(|(name, file)| (name, AnchorContent::Open(file)));
    AnchorFiles::new(runs.chain([(MANIFEST.to_owned(), AnchorContent::Bytes(cut.manifest))]))
}

/// Tells now and then how far it is.
struct Progressing<'a> {
    told: Instant,
    tell: &'a mut dyn FnMut(&str),
}

impl Progressing<'_> {
    fn now_and_then(&mut self, text: impl FnOnce() -> String) {
        if self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            (self.tell)(&text());
        }
    }
}

fn how_far(step: AnchorStep, done: u64, all: u64) -> String {
    let verb = match step {
        AnchorStep::Hashed => "hashed",
        AnchorStep::Sent => "sent",
        AnchorStep::ReadBack => "read back",
    };
    format!("{verb} {} of {} MiB", done >> 20, all >> 20)
}
