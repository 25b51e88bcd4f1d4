//! The scrub: reads slowly the part of the log that a start does not read. Damage before the state store's cursor is then found
//! while a good backup still exists.
//!
//! It checks checksums and the hash chain of every record, at the lowest priority and with pauses: once after the
//! start and once a day. Damage that it meets makes the log unsound: the hub refuses further requests and reports the
//! place.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use journal::{Entry, Journal, Lsn, Reader};

use super::runner::{Follower, Next, Running};
use crate::messages::output::Output;

/// How much is read between two pauses. Bytes; with the pause, 4 MiB a second at most.
const READ_BYTES: usize = 256 << 10;

/// The pause.
const PAUSE: Duration = Duration::from_millis(64);

/// From the end of one reading to the beginning of the next.
const EVERY: Duration = Duration::from_secs(86_400);

/// A running scrub. Stops when dropped.
pub struct Scrub {
    _running: Running,
}

impl Scrub {
    /// Starts to read the log up to `unread`, the last record that the start has not read; a day later all of it.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(directory: PathBuf, journal: Journal<Output>, unread: u64) -> io::Result<Self> {
        Ok(Self { _running: Running::start(Check::up_to(Lsn(unread)), directory, journal)? })
    }
}

/// One reading after the other. The reader checks what it reads; nothing else is done with a record.
struct Check {
    /// The last record of this reading; `None` between two.
    until: Option<Lsn>,
    /// Read since the last pause. Bytes.
    read: usize,
}

impl Check {
    fn up_to(until: Lsn) -> Self {
        Self { until: Some(until), read: 0 }
    }
}

impl Follower for Check {
    const NAME: &'static str = "the scrub";
    const THREAD: &'static str = "hub-scrub";
    const NICE: i32 = 19; // behind everything else
    const FINISHES: bool = false;

    fn cursor(&self) -> Lsn {
        Lsn(0)
    }

    fn open(&self, directory: &Path) -> Result<Reader, journal::Error> {
        Reader::of_kept(directory)
    }

    fn limit(&mut self, durable: Lsn) -> Lsn {
        *self.until.get_or_insert(durable)
    }

    fn take(&mut self, entry: &Entry<'_>) -> Option<Duration> {
        self.read += entry.bytes.len();
        (self.read >= READ_BYTES).then(|| {
            self.read = 0;
            PAUSE
        })
    }

    fn reached(&mut self, _: &journal::Cursor, _: bool) -> Result<Next, journal::Error> {
        if let Some(last) = self.until.take().filter(|last| *last > Lsn(0)) {
            tracing::debug!(last = last.0, "the log was read again and is sound");
        }
        Ok(Next::Restart(EVERY))
    }

    fn failed(&mut self, error: &journal::Error) -> Duration {
        if let journal::Error::Removed { first, .. } = error {
            tracing::debug!(
                first = first.0,
                "segments were removed while the log was read again; it goes on behind them"
            );
            return Duration::ZERO;
        }
        self.until = None;
        tracing::warn!(%error, "the log could not be read again; tried again in a day");
        EVERY
    }
}

#[cfg(test)]
mod tests {
    use journal::State;

    use super::*;
    use crate::followers::log;

    #[test]
    fn a_byte_that_turned_in_what_the_start_did_not_read_is_found_while_the_hub_serves() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = log::filled(&directory, 25);
        log::flip(&directory, 600);
        let scrub = Scrub::start(directory.path().to_owned(), journal.clone(), 25).expect("a thread");
        log::becomes_unsound(&journal, "at offset 512");
        drop(scrub);
    }

    #[test]
    fn a_sound_log_is_read_to_the_record_asked_for_and_a_day_later_to_its_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = log::filled(&directory, 0);
        for n in 1..=25 {
            journal.append(vec![n; 100], Output::Nothing);
            log::durable(&journal, n.into()); // each is a batch of its own
        }
        for until in [0, 1, 25] {
            let mut check = Check::up_to(Lsn(until));
            let mut reader = Reader::open(directory.path(), check.cursor()).expect("a log");
            let limit = check.limit(journal.durable());
            let mut taken = 0;
            while let Some(entry) = reader.next(limit).expect("it is sound") {
                assert_eq!(check.take(&entry), None, "it is short");
                taken += 1;
            }
            assert_eq!(taken, until);
            assert_eq!(
                check.reached(&reader.cursor(), false).expect("nothing is written"),
                Next::Restart(EVERY)
            );
            assert_eq!((check.cursor(), check.limit(journal.durable())), (Lsn(0), Lsn(25)));
        }
        drop(Scrub::start(directory.path().to_owned(), journal.clone(), 25).expect("a thread"));
        assert_ne!(journal.condition().state(), State::Unsound);
    }

    #[test]
    fn it_pauses_after_each_quarter_of_a_mebibyte() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = log::filled(&directory, 0);
        journal.append(vec![0; READ_BYTES - 1], Output::Nothing);
        journal.append(vec![0; 1], Output::Nothing);
        journal.append(vec![0; 1], Output::Nothing);
        log::durable(&journal, 3);
        let mut check = Check::up_to(Lsn(3));
        let mut reader = Reader::open(directory.path(), Lsn(0)).expect("a log");
        let mut pauses = Vec::new();
        while let Some(entry) = reader.next(Lsn(3)).expect("it is sound") {
            pauses.push(check.take(&entry));
        }
        assert_eq!(pauses, [None, Some(PAUSE), None]);
    }
}
