//! The archiver: a follower of the log that sends each segment once it is full, and removes what may go.
//!
//! It has a thread of its own and reads files; the money thread and the writer never wait for it. What fails is tried again.
//! Its cursor is the archive itself: what is there was sent.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use ::archive::{Archive, Retention, RetryRule};
use actors::{followers::Progress, messages::output::Output};
use journal::{Files, Journal, Lsn, Sealed};
use parking_lot::Mutex;

use super::whole_state::VerifiedState;
use crate::{
    config::Archiving,
    telemetry::{events as telemetry, with_causes},
};

/// How often it looks whether another segment is full.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long it waits after a failure; the calls themselves were repeated before.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// How long it waits before it looks for a whole state again: all of it is read for that.
const STATE_AGAIN: Duration = Duration::from_secs(15);

/// What the archiver has done. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Figures(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    archived_lsn: AtomicU64,
    waiting: AtomicU64,
    packed: AtomicU64,
    failures: AtomicU64,
    first_kept: AtomicU64,
}

/// The figures at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArchiveFigures {
    /// The last record in the archive that was found there or sent by this process; 0 without an archive.
    pub lsn: u64,
    /// Full segments that are not archived.
    pub waiting: u64,
    /// Sent since the start, compressed. Bytes.
    pub packed: u64,
    /// Passes that failed since the start.
    pub failures: u64,
    /// The first record that the log keeps; 0 without an archive.
    pub first_kept: u64,
}

impl Figures {
    /// The figures now.
    #[must_use]
    pub fn now(&self) -> ArchiveFigures {
        let Counters { archived_lsn, waiting, packed, failures, first_kept } = &*self.0;
        ArchiveFigures {
            lsn: archived_lsn.load(Relaxed),
            waiting: waiting.load(Relaxed),
            packed: packed.load(Relaxed),
            failures: failures.load(Relaxed),
            first_kept: first_kept.load(Relaxed),
        }
    }
}

/// A running archiver. Told to end when dropped; a call to the archive that is under way is not waited for, a removal is.
pub struct Archiver {
    stop: Arc<Stop>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Stop {
    stopping: AtomicBool,
    /// Held while segments are removed: the log must not be closed meanwhile.
    removal: Mutex<()>,
}

impl Archiver {
    /// Starts to archive the log in `directory`. `cursors` are those of the followers whose records must not go.
    ///
    /// An archive that cannot be opened is tried again: play does not wait for it.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        options: &Archiving,
        (directory, journal): (PathBuf, Journal<Output>),
        state: impl VerifiedState,
        cursors: Vec<Progress>,
        figures: Figures,
    ) -> io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let mut work = Work {
            archive: None,
            options: options.clone(),
            directory,
            journal,
            state,
            cursors,
            figures,
            stop: stop.clone(),
            sent: None,
            no_state: None,
            told: ToldFailure::default(),
        };
        let thread = thread::Builder::new().name("hub-archive".into()).spawn(move || work.until_stopped())?;
        Ok(Self { stop, thread })
    }
}

impl Drop for Archiver {
    fn drop(&mut self) {
        self.stop.stopping.store(true, Release);
        self.thread.thread().unpark();
        // A removal that has begun ends first; none begins any more.
        drop(self.stop.removal.lock());
    }
}

struct Work<A> {
    /// Opened by the first pass.
    archive: Option<Archive>,
    options: Archiving,
    directory: PathBuf,
    journal: Journal<Output>,
    state: A,
    cursors: Vec<Progress>,
    figures: Figures,
    stop: Arc<Stop>,
    /// The last record that is in the archive; `None` when it is to be listed: at the start, and after a failure.
    sent: Option<Lsn>,
    /// When no whole state was found behind what could go otherwise.
    no_state: Option<Instant>,
    /// What the operator knows of failed passes.
    told: ToldFailure,
}

/// The failure that the log messages tell of, so that one which lasts is told once.
#[derive(Debug, Default, PartialEq, Eq)]
enum ToldFailure {
    /// None: the last pass succeeded.
    #[default]
    Nothing,
    /// One that may pass.
    Passing,
    /// Damage, in these words.
    Damage(String),
}

impl ToldFailure {
    /// Whether a failure is news: the first one, and each other damage, whatever came before it.
    fn is_news(&mut self, error: &::archive::Error) -> bool {
        if !error.tells_of_damage() {
            let news = *self == Self::Nothing;
            if news {
                *self = Self::Passing;
            }
            return news;
        }
        let damage = Self::Damage(with_causes(error));
        let news = *self != damage;
        *self = damage;
        news
    }
}

impl<A: VerifiedState> Work<A> {
    fn until_stopped(&mut self) {
        while !self.is_stopping() {
            let wait = self.turn();
            thread::park_timeout(wait);
        }
    }

    /// One pass, and what is told of it. Returns how long to wait for the next one.
    fn turn(&mut self) -> Duration {
        let mut archive = self.archive.take();
        let passed = self.pass(&mut archive);
        self.archive = archive;
        match passed {
            Ok(()) => {
                if std::mem::take(&mut self.told) != ToldFailure::Nothing {
                    telemetry::archive_works_again();
                }
                LOOK_EVERY
            }
            Err(error) => {
                // The archive may have lost what was in it: it is listed again.
                self.sent = None;
                self.figures.0.failures.fetch_add(1, Relaxed);
                if self.told.is_news(&error) {
                    telemetry::archive_failed(&error);
                }
                RETRY_AFTER
            }
        }
    }

    /// Sends what is full and not in the archive, then removes what may go.
    fn pass(&mut self, opened: &mut Option<Archive>) -> Result<(), ::archive::Error> {
        let archive = match opened {
            Some(archive) => archive,
            None => opened.insert(Archive::open(&self.options.to, RetryRule::default())?),
        };
        let files = Files::open(&self.directory)?;
        let segments: Vec<Sealed> = files.sealed().collect();
        let sent = match self.sent {
            Some(sent) => sent,
            None => {
                archive.remove_unfinished()?;
                found(archive, &files, &segments)?
            }
        };
        let mut waiting = segments.iter().filter(|segment| segment.end.lsn > sent).count() as u64;
        self.tell(sent, waiting, &files);
        for segment in segments.iter().filter(|segment| segment.end.lsn > sent) {
            if self.is_stopping() {
                return Ok(());
            }
            let done = archive.send(&files, segment)?;
            self.figures.0.packed.fetch_add(done.packed, Relaxed);
            telemetry::segment_archived(segment, &done);
            waiting -= 1;
            self.tell(segment.end.lsn, waiting, &files);
        }
        if self.options.remove { self.remove(archive, &files, &segments) } else { Ok(()) }
    }

    fn tell(&mut self, sent: Lsn, waiting: u64, files: &Files) {
        self.sent = Some(sent);
        self.figures.0.archived_lsn.store(sent.0, Relaxed);
        self.figures.0.waiting.store(waiting, Relaxed);
        self.figures.0.first_kept.store(files.begins().lsn.next().0, Relaxed);
    }

    /// Removes the oldest segments as far as every reason to keep them lets it.
    fn remove(
        &mut self,
        archive: &Archive,
        files: &Files,
        segments: &[Sealed],
    ) -> Result<(), ::archive::Error> {
        let cursors: Vec<Lsn> = self.cursors.iter().map(|cursor| cursor.lsn()).collect();
        // First without regard to state and archive: only what may go otherwise is read back.
        let mut retention = Retention {
            archived_before: self.sent.unwrap_or_default().next(),
            state: Some(Lsn::MAX),
            cursors: &cursors,
            keep_bytes: self.options.keep_bytes,
        };
        let goes = |bound: Lsn| segments.iter().any(|segment| segment.end.lsn < bound);
        let waits = self.no_state.is_some_and(|since| since.elapsed() < STATE_AGAIN);
        if waits || !goes(retention.bound(files).0) {
            return Ok(());
        }
        retention.state = self.state.verified(files)?;
        let (bound, _) = retention.bound(files);
        self.no_state = (!goes(bound)).then(Instant::now);
        retention.archived_before = files.begins().lsn.next();
        for segment in segments.iter().filter(|segment| segment.end.lsn < bound) {
            if self.is_stopping() {
                return Ok(());
            }
            archive.verify_segment(files, segment)?;
            retention.archived_before = segment.end.lsn.next();
        }
        let (bound, _) = retention.bound(files);
        if !goes(bound) {
            return Ok(());
        }
        let _removal = self.stop.removal.lock();
        if self.is_stopping() {
            return Ok(());
        }
        let done = self.journal.truncate_before(bound, &cursors)?;
        self.figures.0.first_kept.store(done.first.0, Relaxed);
        if done.parts > 0 {
            telemetry::segments_removed(&done);
        }
        Ok(())
    }

    fn is_stopping(&self) -> bool {
        self.stop.stopping.load(Acquire)
    }
}

/// The last record of the segments that an earlier process has sent. Each was compared before the next one was sent, so only
/// the last of them is sent again, which compares it.
fn found(archive: &Archive, files: &Files, segments: &[Sealed]) -> Result<Lsn, ::archive::Error> {
    let catalogue = archive.catalogue(files)?;
    let there = segments.iter().take_while(|segment| catalogue.has(segment)).count();
    let before = files.begins().lsn;
    Ok(there.checked_sub(2).map_or(before, |second_last| segments[second_last].end.lsn))
}

#[cfg(test)]
mod tests;
