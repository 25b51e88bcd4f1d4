//! The archiver's passes, one by one, over a log and an archive in directories.

use std::fs;
use std::path::Path;

use journal::{Error, Gate, Options, storage::Storage};

use super::*;

/// Releases what is durable.
struct FreeGate;

impl Gate<Output> for FreeGate {
    fn open(&mut self, _: Lsn, done: &mut Vec<Output>) {
        done.clear();
    }

    fn failed(&mut self, error: &Error) {
        panic!("{error}");
    }
}

/// A state behind every record.
struct StateAt(Lsn);

impl VerifiedState for StateAt {
    fn verified<S: Storage>(&self, _: &Files<S>) -> Result<Option<Lsn>, Error> {
        Ok(Some(self.0))
    }
}

/// An archiver over a log of 60 records in more than ten segments, which nothing needs.
fn work(at: &Path, remove: bool) -> Work<StateAt> {
    let directory = at.join("data");
    let options = || Options { segment_bytes: 4 << 10, nice: 0 };
    let mut log = journal::open(&directory, options()).expect("a log").into_sync();
    for record in 0..60 {
        log.append(format!("record {record} ").repeat(50).as_bytes());
        log.sync().expect("a disk");
    }
    log.close().expect("a disk");
    let journal = journal::open(&directory, options()).expect("a log").start(FreeGate);
    let to = at.join("archive").to_str().expect("a plain path").to_owned();
    Work {
        archive: None,
        options: Archiving { to, remove, keep_bytes: 0 },
        directory,
        journal,
        state: StateAt(Lsn(60)),
        cursors: Vec::new(),
        figures: Figures::default(),
        stop: Arc::default(),
        sent: None,
        no_state: None,
        told: ToldFailure::default(),
    }
}

/// The objects of an archive, the oldest first.
fn objects(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        if entry.path().is_dir() {
            found.extend(objects(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

fn first_kept(work: &Work<StateAt>) -> Lsn {
    Files::open(&work.directory).expect("a log").begins().lsn.next()
}

#[test]
fn a_copy_that_was_altered_after_it_was_sent_keeps_its_segment_in_the_log() {
    let at = tempfile::tempdir().expect("a directory");
    let mut work = work(at.path(), false);
    assert_eq!(work.turn(), LOOK_EVERY);
    let object = objects(&at.path().join("archive"))[1].clone();
    let whole = fs::read(&object).expect("an object");
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 1;
    fs::write(&object, altered).expect("a disk");
    work.options.remove = true;
    let failed = |work: &mut Work<StateAt>| (work.turn() == RETRY_AFTER).then(|| first_kept(work));
    assert_eq!(failed(&mut work), Some(Lsn(1)), "nothing is removed");
    assert!(matches!(work.told, ToldFailure::Damage(_)), "{:?}", work.told);

    fs::write(&object, whole).expect("a disk");
    assert_eq!(work.turn(), LOOK_EVERY);
    assert!(first_kept(&work) > Lsn(20));
    assert_eq!(work.told, ToldFailure::Nothing);
}

#[test]
fn a_copy_that_the_archive_has_lost_is_sent_again_before_its_segment_is_removed() {
    let at = tempfile::tempdir().expect("a directory");
    let mut work = work(at.path(), false);
    assert_eq!(work.turn(), LOOK_EVERY);
    let sent = objects(&at.path().join("archive"));
    fs::remove_file(&sent[1]).expect("a file of ours");
    work.options.remove = true;
    assert_eq!((work.turn(), first_kept(&work)), (RETRY_AFTER, Lsn(1)));
    assert_eq!(work.turn(), LOOK_EVERY, "it is listed, sent and read again");
    assert!(first_kept(&work) > Lsn(20));
    assert_eq!(objects(&at.path().join("archive")), sent);
}

#[test]
fn damage_is_told_also_when_a_passing_failure_was_told_before_it() {
    let altered =
        |object: &str| ::archive::Error::Altered { object: object.into(), what: "it is short".into() };
    let passing = || ::archive::Error::Lost { object: "a".into() };
    let mut told = ToldFailure::default();
    let news: Vec<bool> =
        [passing(), passing(), altered("a"), altered("a"), passing(), altered("a"), altered("b")]
            .iter()
            .map(|error| told.is_news(error))
            .collect();
    assert_eq!(news, [true, false, true, false, false, false, true]);
}
