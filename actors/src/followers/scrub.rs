//! The scrub: reads slowly the part of the log that a start does not read. Damage before the checkpoint is then found
//! while a good backup still exists.
//!
//! It checks checksums and the hash chain of every record, at the lowest priority and with pauses: once after the
//! start and once a day. Damage that it meets makes the log unsound: the hub refuses further requests and reports the
//! place.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use journal::{Journal, Lsn, Reader};

use crate::{messages::output::Output, panics::AbortOnPanic};

/// Scheduling priority of the thread: behind everything else.
const NICE: i32 = 19;

/// How much is read between two pauses. Bytes; with the pause, 4 MiB a second at most.
const READ_BYTES: usize = 256 << 10;

/// The pause, milliseconds.
const PAUSE_MS: u64 = 64;

/// From the end of one reading to the beginning of the next, seconds.
const EVERY_S: u64 = 86_400;

/// A running scrub. Stops when dropped.
pub struct Scrub {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Scrub {
    /// Starts to read the log up to `unread`, the last record that the start has not read; a day later all of it.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(directory: PathBuf, journal: Journal<Output>, unread: u64) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let work = {
            let stop = stop.clone();
            move || {
                let _guard = AbortOnPanic("the scrub");
                super::step_back(NICE);
                let mut until = Lsn(unread);
                loop {
                    match scrub(&directory, until, &stop) {
                        Ok(()) => {}
                        Err(error) if error.tells_of_damage() => {
                            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
                            return journal
                                .condition()
                                .unsound(format!("{error}{}", cause.unwrap_or_default()));
                        }
                        Err(error) => {
                            tracing::warn!(%error, "the log could not be read again; tried again in a day")
                        }
                    }
                    thread::park_timeout(Duration::from_secs(EVERY_S));
                    if stop.load(Relaxed) {
                        return;
                    }
                    until = journal.durable();
                }
            }
        };
        let thread = thread::Builder::new().name("hub-scrub".into()).spawn(work)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Scrub {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // The thread has not panicked: a panic in it ends the process.
            let _ = thread.join();
        }
    }
}

/// Reads every record up to one, with pauses.
fn scrub(directory: &std::path::Path, until: Lsn, stop: &AtomicBool) -> Result<(), journal::Error> {
    if until == Lsn(0) {
        return Ok(());
    }
    let mut reader = Reader::open(directory, Lsn(0))?;
    let mut read = 0;
    while let Some(entry) = reader.next(until)? {
        read += entry.bytes.len();
        if read >= READ_BYTES {
            read = 0;
            thread::park_timeout(Duration::from_millis(PAUSE_MS));
        }
        if stop.load(Relaxed) {
            return Ok(());
        }
    }
    tracing::debug!(last = until.0, "the log was read again and is sound");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::{Options, State};

    struct Open;

    impl journal::Gate<Output> for Open {
        fn open(&mut self, _: Lsn, done: &mut Vec<Output>) {
            done.clear();
        }

        fn failed(&mut self, error: &journal::Error) {
            panic!("the journal failed: {error}");
        }
    }

    /// A running log of so many records, all of them on disk.
    fn filled(directory: &tempfile::TempDir, records: u8) -> Journal<Output> {
        let log = journal::open(directory.path(), Options::default()).expect("a log");
        let journal = log.start(Open);
        for n in 1..=records {
            journal.append(vec![n; 100], Output::Nothing);
        }
        while journal.durable() < Lsn(records.into()) {
            thread::yield_now();
        }
        journal
    }

    #[test]
    fn a_byte_that_turned_before_the_checkpoint_is_found_while_the_hub_serves() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = filled(&directory, 25);
        let segment = directory.path().join("00000000000000000001.log");
        let mut bytes = std::fs::read(&segment).expect("a segment");
        bytes[600] ^= 1;
        std::fs::write(&segment, bytes).expect("a disk");
        let scrub = Scrub::start(directory.path().to_owned(), journal.clone(), 25).expect("a thread");
        while journal.condition().state() != State::Unsound {
            thread::yield_now();
        }
        let why = journal.condition().why();
        assert!(why.contains("00000000000000000001.log") && why.contains("at offset 512"), "{why}");
        drop(scrub);
    }

    #[test]
    fn a_sound_log_is_read_to_the_record_asked_for_and_left_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let journal = filled(&directory, 25);
        let stop = AtomicBool::new(false);
        for until in [0, 1, 25] {
            scrub(directory.path(), Lsn(until), &stop).expect("it is sound");
        }
        drop(Scrub::start(directory.path().to_owned(), journal.clone(), 25).expect("a thread"));
        assert_ne!(journal.condition().state(), State::Unsound);
    }
}
