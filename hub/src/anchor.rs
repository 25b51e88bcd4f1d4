//! `hub anchor`: puts a copy of the state store into the archive, by the hub that serves or, when none does, by the command
//! itself under the lock of the log.

use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};

use ::archive::{Archive, ArchivedAnchor};
use actors::{followers::state::CommitNow, messages::output::Output, stored};
use journal::{Claim, Files, Journal, Options};
use parking_lot::Mutex;

use crate::{
    archive::{AnchorError, RETRY, send_anchor, whole_of_files},
    config::Loaded,
    control::{self, AskError, ControlAnswer, ControlTask, SOCKET},
    recovery::{self, Expectations, Head},
    telemetry::events as telemetry,
};

/// Longest time until the state store has committed what was durable when a command came.
const COMMIT_WITHIN: Duration = Duration::from_secs(60);

/// `hub anchor` failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is there.
    #[error("there is no log in {0}")]
    NoLog(String),
    /// The hub that serves could not be asked.
    #[error("failed to ask the hub that serves")]
    Ask(#[from] AskError),
    /// The hub that serves has made no anchor.
    #[error("the hub made no anchor: {0}")]
    Refused(String),
    /// Somebody has the log and cannot be asked.
    #[error(
        "a hub serves from {directory}, or another command writes there, and {SOCKET} is not there to ask it. The log messages of \
         its start say why; while it starts or stops, wait"
    )]
    Deaf {
        /// Where.
        directory: String,
    },
    /// The log is refused, as a start would.
    #[error("failed to use the log in {directory}")]
    Log {
        /// Where.
        directory: String,
        /// Why.
        source: Box<recovery::Error>,
    },
    /// No anchor was made.
    #[error("failed to make an anchor")]
    Anchor(#[from] AnchorError),
    /// The answer could not be written.
    #[error("failed to write the answer")]
    Write(#[from] io::Error),
}

/// `hub anchor`.
///
/// # Errors
/// Why there is no anchor.
pub fn run(loaded: &Loaded, output: &mut impl Write) -> Result<(), Error> {
    let place = &loaded.config.journal.directory;
    let directory = Path::new(place);
    if !recovery::begun(directory) {
        return Err(Error::NoLog(place.clone()));
    }
    // Progress that cannot be written ends nothing: the anchor is what counts.
    let mut tell = |text: &str| drop(writeln!(output, "{text}").and_then(|()| output.flush()));
    let done = match control::ask(directory, &ControlTask::Anchor {}, &mut tell)? {
        Some(ControlAnswer::Done(done)) => done,
        Some(ControlAnswer::Failed(why) | ControlAnswer::Progress(why)) => return Err(Error::Refused(why)),
        None => alone(loaded, directory, &mut tell)?,
    };
    writeln!(output, "{done}")?;
    Ok(())
}

/// The archive of the configuration.
fn configured(to: &str) -> Result<Archive, AnchorError> {
    if to.is_empty() { Err(AnchorError::Nowhere) } else { Ok(Archive::open(to, RETRY)?) }
}

/// Brings the state store of a log that no hub serves up to its last record, and sends it.
fn alone(loaded: &Loaded, directory: &Path, tell: &mut dyn FnMut(&str)) -> Result<String, Error> {
    let place = &loaded.config.journal.directory;
    let refused = |source| Error::Log { directory: place.clone(), source: Box::new(source) };
    let claim = match Claim::take(directory) {
        Err(journal::Error::Locked { .. }) => return Err(Error::Deaf { directory: place.clone() }),
        claim => claim.map_err(|error| refused(error.into()))?,
    };
    let archive = configured(&loaded.config.archive.to)?;
    tell("no hub serves; the log is read as by a start");
    let expectations = Expectations::of(loaded, None);
    let storage = stored::storage(directory).map_err(|error| refused(error.into()))?;
    let whole = whole_of_files(&loaded.config.archive.to, claim.files());
    let whole = whole.map_err(|error| refused(error.into()))?;
    let (mut keeper, proven) =
        recovery::kept(claim.files(), whole.as_deref(), storage, &expectations).map_err(refused)?;
    let segment_bytes = loaded.config.journal.segment_bytes;
    // What the store will stand for must be durable.
    let log = claim
        .open(proven.tail, Options { segment_bytes, ..Options::default() })
        .map_err(|error| refused(error.into()))?;
    let log = log.into_sync();
    let commit = |files: Files| recovery::catch_up(&files, &mut keeper);
    Files::open(directory).map_err(Into::into).and_then(commit).map_err(refused)?;
    let sent = send_anchor(&archive, directory, tell)?;
    log.close().map_err(|error| refused(error.into()))?;
    Ok(told(&sent))
}

/// What a serving hub needs to make an anchor.
pub struct Anchoring {
    /// The archive; empty without one.
    to: String,
    directory: Arc<Path>,
    journal: Journal<Output>,
    commit: CommitNow,
    /// One at a time: each reads all of the store.
    turn: Mutex<()>,
}

impl Anchoring {
    /// For the hub of this log and store.
    #[must_use]
    pub fn new(to: &str, directory: &Path, journal: Journal<Output>, commit: CommitNow) -> Self {
        Self { to: to.to_owned(), directory: directory.into(), journal, commit, turn: Mutex::new(()) }
    }

    /// Commits the state store, and sends it. Blocks the thread, for minutes where the store is large.
    ///
    /// # Errors
    /// Why there is no anchor, in words.
    pub fn make(&self, tell: &mut dyn FnMut(&str)) -> Result<String, String> {
        self.sent(tell).inspect_err(|why| telemetry::no_anchor(why))
    }

    fn sent(&self, tell: &mut dyn FnMut(&str)) -> Result<String, String> {
        let archive = configured(&self.to).map_err(|error| journal::with_causes(&error))?;
        let Some(_turn) = self.turn.try_lock() else {
            return Err("another anchor is being made: wait for it".into());
        };
        let durable = self.journal.durable();
        tell(&format!("committing the state store up to record {}", durable.0));
        if !self.commit.reaches(durable, COMMIT_WITHIN) {
            return Err(format!(
                "the state store has not committed record {} within {} s; the hub's log messages say why",
                durable.0,
                COMMIT_WITHIN.as_secs()
            ));
        }
        let sent = send_anchor(&archive, &self.directory, tell);
        let sent = sent.map_err(|error| journal::with_causes(&error))?;
        telemetry::anchor_archived(&sent);
        Ok(told(&sent))
    }
}

fn told(ArchivedAnchor { name, packed }: &ArchivedAnchor) -> String {
    let head = Head { lsn: name.at.lsn.0, hash: name.at.hash };
    let packed = match packed {
        0 => "it was there".to_owned(),
        packed => format!("sent as {packed} bytes"),
    };
    format!("anchor      {head}\narchived    {} bytes, {packed}, read back whole: {name}", name.bytes)
}
