//! Makes an anchor: a copy of the state store as of one commit, verified, in the archive.

use std::{
    fs::File,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use ::archive::{AnchorContent, AnchorFiles, Archive, ArchivedAnchor, RetryRule};
use actors::stored::{self, Stored};
use engine::{Formats, StoredState as _, Unknown};
use journal::Files;
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

/// Sends the state store of a log as of its last commit to an archive. Its items and keys are all read from the very
/// files that are sent, and its hash is compared with the log's. Returns once the object was read back whole. The
/// writer of the store may be at work.
///
/// # Errors
/// Why there is no anchor.
pub fn send_anchor(
    archive: &Archive,
    directory: &Path,
    tell: &mut dyn FnMut(&str),
) -> Result<ArchivedAnchor, AnchorError> {
    let place = directory.join(stored::DIRECTORY);
    let no_store = || AnchorError::NoStore(directory.display().to_string());
    let storage = stored::storage_to_read(directory).map_err(stored::Error::from)?.ok_or_else(no_store)?;
    let cut = StoreCut::take(&storage).map_err(stored::Error::from)?.ok_or_else(no_store)?;
    let at = cut.cursor;
    let lsn = at.lsn.0;
    tell(&format!("the state store stands for record {lsn}; it is read whole"));
    let cut = Arc::new(cut);
    prove(&cut.view(place).map_err(stored::Error::from)?)?;
    // Opened after the store: the log has every record of the cut.
    let files = Files::open(directory)?;
    files.admits(&at, stored::DIRECTORY)?;
    if files.hash_at(at.lsn)? != Some(at.hash) {
        return Err(AnchorError::OtherLog { lsn });
    }
    // All views of it are gone.
    let cut = Arc::into_inner(cut).ok_or_else(no_store)?;
    let all = contents(cut)?;
    let mut progress = Progressing { before: 0, passes: 0, told: Instant::now(), all: all.bytes(), tell };
    let log = files.id().unwrap_or_default();
    Ok(archive.send_anchor((log, at), &all, &mut |bytes| progress.reached(bytes))?)
}

/// Reads all of a store: the items have the digests that it states, and every key is there.
fn prove(view: &View) -> Result<(), stored::Error> {
    let stored = Stored(view.clone());
    stored.load(Formats::STANDARD, Unknown::Kept)?;
    debug_assert!(stored.lsn() > 0, "a store that has a cut stands for a record");
    view.scan(Tree::Keys).try_for_each(|entry| entry.map(drop)).map_err(Into::into)
}

/// The manifest last: without it the other files are no store.
fn contents(cut: StoreCut<File>) -> Result<AnchorFiles<File>, ::archive::Error> {
    let runs = cut.runs.into_iter().map(|(name, file)| (name, AnchorContent::Open(file)));
    AnchorFiles::new(runs.chain([(MANIFEST.to_owned(), AnchorContent::Bytes(cut.manifest))]))
}

/// Tells now and then how far it is.
struct Progressing<'a> {
    before: u64,
    /// How often it has begun from the start: first it is hashed, then it is sent, perhaps more than once.
    passes: u32,
    told: Instant,
    all: u64,
    tell: &'a mut dyn FnMut(&str),
}

impl Progressing<'_> {
    fn reached(&mut self, bytes: u64) {
        self.passes += u32::from(bytes <= self.before);
        self.before = bytes;
        if self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            let verb = if self.passes == 0 { "hashed" } else { "sent" };
            let [done, all] = [bytes, self.all].map(|bytes| bytes >> 20);
            (self.tell)(&format!("{verb} {done} of {all} MiB"));
        }
    }
}
