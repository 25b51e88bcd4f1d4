//! A log on disk for the tests of the followers.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    thread,
    time::{Duration, Instant},
};

use journal::{Error, Journal, Log, Lsn, Options, State, file::Directory};
use tempfile::TempDir;

use crate::{messages::output::Output, stored};

/// A gate behind which nobody waits.
pub struct OpenGate;

impl journal::Gate<Output> for OpenGate {
    fn open(&mut self, _: Lsn, done: &mut Vec<Output>) {
        done.clear();
    }

    fn failed(&mut self, error: &journal::Error) {
        panic!("the journal failed: {error}");
    }
}

/// Opens a log that was closed just now. A process that another test starts holds its lock for a moment, from its fork
/// until it runs its own program.
pub fn reopened(directory: &TempDir) -> Log<Directory> {
    let began = Instant::now();
    loop {
        match journal::open(directory.path(), Options::default()) {
            Err(Error::Locked { .. }) if began.elapsed() < Duration::from_secs(30) => thread::yield_now(),
            opened => return opened.expect("a log"),
        }
    }
}

/// Opens a state store that was closed just now, for the same reason.
pub fn once_unlocked<T>(open: impl Fn() -> Result<T, stored::Error>) -> T {
    let began = Instant::now();
    loop {
        match open() {
            Err(stored::Error::Files(store::Error::Directory(Error::Locked { .. })))
                if began.elapsed() < Duration::from_secs(30) =>
            {
                thread::yield_now();
            }
            opened => return opened.expect("a sound store"),
        }
    }
}

/// A running log of so many records of 100 bytes, all of them on disk.
pub fn filled(directory: &TempDir, records: u8) -> Journal<Output> {
    let log = journal::open(directory.path(), Options::default()).expect("a log");
    let journal = log.start(OpenGate);
    for n in 1..=records {
        journal.append(vec![n; 100], Output::Nothing);
    }
    durable(&journal, records.into());
    journal
}

/// Waits until a record is on disk.
pub fn durable(journal: &Journal<Output>, lsn: u64) {
    while journal.durable() < Lsn(lsn) {
        thread::yield_now();
    }
}

/// Turns a bit of the first segment, in place: a file that is written anew is short for a moment, which is another damage.
pub fn flip(directory: &TempDir, at: u64) {
    let segment = directory.path().join("00000000000000000001.log");
    let file = File::options().read(true).write(true).open(&segment).expect("a segment");
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).expect("the file is as long");
    byte[0] ^= 1;
    file.write_all_at(&byte, at).expect("a disk");
}

/// Waits until the log is unsound, for a reason that names the first segment and `place`.
pub fn becomes_unsound(journal: &Journal<Output>, place: &str) {
    let state = journal.condition().wait_while(|state| state != State::Unsound, Duration::from_secs(30));
    assert_eq!(state, State::Unsound);
    let why = journal.condition().why();
    assert!(why.contains("00000000000000000001.log") && why.contains(place), "{why}");
}
