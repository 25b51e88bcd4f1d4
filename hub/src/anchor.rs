//! `hub anchor`: puts a copy of the state store into the archive, by the hub that serves or, when none does, by the command
//! itself. It has the lock of the log only until the store stands for the last record: a hub may start while it sends.

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
    archive::{AnchorError, OpenedStore, RETRY, send_anchor, whole_of_files},
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
        "a hub serves from {directory}, or another command writes there, and nobody answers at {SOCKET}. The log messages of \
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
    let to = &loaded.config.archive.to;
    let archive = configured(to)?;
    tell("no hub serves; the log is read as by a start");
    let segment_bytes = loaded.config.journal.segment_bytes;
    let options = Options { segment_bytes, ..Options::default() };
    brought_up(claim, (directory, to), options, &Expectations::of(loaded, None)).map_err(refused)?;
    sent(&archive, directory, tell)
}

/// Brings the state store of a log up to its last record, as a start does, and lets the lock of the log go.
fn brought_up(
    claim: Claim,
    (directory, archive): (&Path, &str),
    options: Options,
    expectations: &Expectations,
) -> Result<(), recovery::Error> {
    let storage = stored::storage(directory)?;
    let whole = whole_of_files(archive, claim.files())?;
    let (mut keeper, proven) = recovery::kept(claim.files(), whole.as_deref(), storage, expectations)?;
    // What the store will stand for must be durable.
    let log = claim.open(proven.tail, options)?.into_sync();
    recovery::catch_up(&Files::open(directory)?, &mut keeper)?;
    // Before the lock of the log: a hub that starts then opens the store.
    drop(keeper);
    Ok(log.close()?)
}

/// Sends the state store as of its last commit. Nobody's lock is needed: its files are open, and can be read when a hub that
/// starts meanwhile has merged and removed them.
fn sent(archive: &Archive, directory: &Path, tell: &mut dyn FnMut(&str)) -> Result<String, Error> {
    let store = OpenedStore::of_log(directory)?;
    Ok(told(&send_anchor(archive, store, tell)?))
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
        let store = OpenedStore::of_log(&self.directory);
        let sent = store.and_then(|store| send_anchor(&archive, store, tell));
        let sent = sent.map_err(|error| journal::with_causes(&error))?;
        telemetry::anchor_archived(&sent);
        Ok(told(&sent))
    }
}

fn told(ArchivedAnchor { name, packed }: &ArchivedAnchor) -> String {
    let head = Head { lsn: name.at.lsn.0, hash: name.at.hash };
    let packed = match packed {
        0 => "it is there".to_owned(),
        packed => format!("sent as {packed} bytes"),
    };
    format!("anchor      {head}\narchived    {} bytes, {packed}, read back whole: {name}", name.bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ::archive::AnchorName;
    use engine::{Body, Record, World};

    use super::*;

    /// A directory with a log of so many records, and without a state store.
    fn log(directory: &Path, records: u64) {
        let mut log = journal::open(directory, Options::default()).expect("a new log").into_sync();
        let mut world = World::default();
        for time in 1..=records {
            let record = Record { time, body: Body::Digest(world.books.digest()) };
            world.apply(&record).expect("it fits");
            log.append(&record.encode());
            log.sync().expect("a disk");
        }
        log.close().expect("a disk");
    }

    #[test]
    fn while_the_anchor_of_a_stopped_hub_is_sent_a_hub_may_start_and_replace_the_store() {
        let at = tempfile::tempdir().expect("a directory");
        let [data, to] = ["data", "archive"].map(|name| at.path().join(name));
        log(&data, 30);
        let archive = configured(to.to_str().expect("a plain path")).expect("a directory");
        let claim = Claim::take(&data).expect("nobody has it");
        let expectations = Expectations::default();
        brought_up(claim, (&data, ""), Options::default(), &expectations).expect("a sound log");
        let (mut told, mut started) = (Vec::new(), false);
        let said = sent(&archive, &data, &mut |text: &str| {
            told.push(text.to_owned());
            if !std::mem::replace(&mut started, true) {
                // As a hub does that finds the store damaged, and then goes on.
                let mut log = journal::open(&data, Options::default()).expect("the lock is free").into_sync();
                let storage = stored::storage(&data).expect("a disk");
                stored::Keeper::anew(storage, engine::Formats::STANDARD).expect("nobody has it open");
                log.append(b"more");
                log.sync().expect("a disk");
            }
        });
        let said = said.expect("the files are open");
        assert!(started && told[0].contains("stands for record 30"), "{told:?}");
        assert!(said.contains("anchor      30:") && said.contains("read back whole"), "{said}");
        let name = said.rsplit(' ').next().and_then(AnchorName::parse).expect("its object");
        archive.verify_anchor(&name).expect("it is whole");
        let left = fs::read_dir(data.join(stored::DIRECTORY)).expect("a directory").flatten();
        assert!(left.into_iter().all(|entry| entry.file_name() != "manifest"), "the store was replaced");
    }
}
