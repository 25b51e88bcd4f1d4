//! A log whose beginning was removed, with its archive: a store that is lost, damaged or behind is built from both, and every
//! record is proven from the first one on.

use std::{fs, sync::Arc};

use ::archive::{Archive, RetryRule};
use engine::{Digest, Level};
use journal::{Cursor, Files, LogRecords, Lsn, Reader, SyncLog, memory::Memory, storage::Storage};
use tempfile::TempDir;

use super::{commit, deposit, open, store_of};
use crate::{
    archive::whole_of_files,
    recovery::{Error, Expectations, Findings, Head, full, kept, tail},
    telemetry::with_causes,
};

const RECORDS: u64 = 60;
/// The record that the store of the shortened log stands for.
const STORED: u64 = 50;

/// A log that begins behind record 30, its archive, and what it was as a whole.
struct Shortened {
    memory: Memory,
    whole: Memory,
    archive: TempDir,
    digest: Digest,
}

impl Shortened {
    fn new() -> Self {
        let memory = Memory::new(11);
        let (mut log, mut world): (SyncLog<Memory>, _) = open(&memory).expect("a new log");
        for number in 1..=RECORDS {
            deposit(&mut log, &mut world, number);
            if [10, STORED].contains(&number) {
                commit(&memory);
            }
        }
        log.close().expect("a disk");
        let whole = memory.copy();
        let archive = tempfile::tempdir().expect("a directory");
        let files = Files::over(memory.clone()).expect("a log");
        let to = Archive::open(place(&archive), RetryRule::default()).expect("an archive");
        for segment in files.sealed() {
            to.send(&files, &segment).expect("an archive");
        }
        let claim = journal::Claim::over(memory.clone()).expect("nobody writes it");
        let first = claim.truncate_before(Lsn(STORED), &[]).expect("a disk").first;
        assert!(first > Lsn(30), "{first:?}");
        Self { memory, whole, archive, digest: world.books.digest().total() }
    }

    fn files(&self) -> Files<Memory> {
        Files::over(self.memory.clone()).expect("a log")
    }

    fn records(&self) -> Option<Arc<dyn LogRecords>> {
        whole_of_files(place(&self.archive), &self.files()).expect("a log")
    }

    /// The state of a start, and where its store stands then.
    fn started(&self) -> Result<(u64, Digest, Lsn), Error> {
        let (records, expectations) = (self.records(), Expectations::default());
        let (keeper, proven) =
            kept(&self.files(), records.as_deref(), store_of(&self.memory), &expectations)?;
        let books = &proven.world.books;
        Ok((books.lsn(), books.digest().total(), keeper.cursor().lsn))
    }

    fn verified(&self, head: Option<Head>) -> Result<Findings, Error> {
        let (records, store) = (self.records(), store_of(&self.memory));
        let expectations = Expectations { head, ..Expectations::default() };
        full(&self.files(), records.as_deref(), Some(&store), Level::ReDecide, &expectations)
    }

    fn remove_store(&self) {
        let store = store_of(&self.memory);
        for name in store.list().expect("a disk") {
            store.remove(&name).expect("it is listed");
        }
    }

    /// The names of the objects, in the order of their records.
    fn names(&self) -> Vec<::archive::ObjectName> {
        let archive = Archive::open(place(&self.archive), RetryRule::default()).expect("an archive");
        let catalogue = archive.catalogue(&self.files()).expect("an archive");
        catalogue.objects.into_values().flatten().map(|archived| archived.name).collect()
    }

    fn objects(&self) -> Vec<std::path::PathBuf> {
        let mut found = vec![self.archive.path().to_owned()];
        while let Some(place) = found.iter().position(|path| path.is_dir()) {
            let directory = found.swap_remove(place);
            found.extend(fs::read_dir(directory).expect("a directory").flatten().map(|entry| entry.path()));
        }
        found.sort();
        found
    }
}

fn place(archive: &TempDir) -> &str {
    archive.path().to_str().expect("a plain path")
}

/// The end of the batch that ends with a record of a whole log.
fn head(memory: &Memory, lsn: u64) -> Head {
    let mut reader = Reader::over(memory.clone(), Lsn(0)).expect("a log");
    while reader.next(Lsn(lsn)).expect("it is sound").is_some() {}
    let Cursor { lsn, hash, .. } = reader.cursor();
    Head { lsn: lsn.0, hash }
}

#[test]
fn a_store_that_is_lost_damaged_or_before_the_log_is_built_from_the_archive_with_the_same_digest() {
    let log = Shortened::new();
    let begins = log.files().begins().lsn;
    let expected = |stands| (RECORDS, log.digest, stands);
    // Nothing is read in the archive while the store can be used.
    assert_eq!(log.started().expect("it starts"), expected(Lsn(STORED)));

    log.memory.flip("store-manifest", 20, 1);
    assert_eq!(log.started().expect("it is built again"), expected(begins));
    log.remove_store();
    assert_eq!(log.started().expect("it is built"), expected(begins));
    let findings = log.verified(None).expect("the new store has what the replay has");
    assert_eq!(findings.stored, Some(begins.0));

    // A store that stands before the beginning is gone on with, as long as it is of this log.
    log.remove_store();
    let early = Memory::new(11);
    let (mut part, mut world) = open(&early).expect("a new log");
    (1..=10).for_each(|number| deposit(&mut part, &mut world, number));
    commit(&early);
    for name in early.list().expect("a disk").into_iter().filter(|name| name.starts_with("store-")) {
        let bytes = early.bytes(&name).expect("it is listed");
        log.memory.create(&name).expect("a disk");
        log.memory.change(&name, |file| file.clone_from(&bytes));
    }
    for object in &log.objects()[..1] {
        fs::remove_file(object).expect("a disk");
    }
    assert_eq!(log.started().expect("what it has is not read again"), expected(begins));
}

#[test]
fn a_store_is_not_gone_on_with_by_records_that_do_not_follow_it() {
    let log = Shortened::new();
    let [first, others @ ..] = &log.names()[..] else { panic!("an object") };
    // The store stands at the end of the first object.
    log.remove_store();
    let early = Memory::new(11);
    let (mut part, mut world) = open(&early).expect("a new log");
    (1..=first.last.0).for_each(|number| deposit(&mut part, &mut world, number));
    commit(&early);
    for name in early.list().expect("a disk").into_iter().filter(|name| name.starts_with("store-")) {
        let bytes = early.bytes(&name).expect("it is listed");
        log.memory.create(&name).expect("a disk");
        log.memory.change(&name, |file| file.clone_from(&bytes));
    }
    // The next ones are whole, of this log by their names, and of another history: a copy of the data directory was served as well.
    let other = Memory::new(11);
    let (mut copy, mut world) = open(&other).expect("a new log");
    (1..=RECORDS).for_each(|number| deposit(&mut copy, &mut world, number + 1_000));
    copy.close().expect("a disk");
    let archive = tempfile::tempdir().expect("a directory");
    let to = Archive::open(place(&archive), RetryRule::default()).expect("an archive");
    let files = Files::over(other).expect("a log");
    for segment in files.sealed() {
        let sent = to.send(&files, &segment).expect("an archive").name;
        if let Some(name) = others.iter().find(|name| name.first == sent.first) {
            fs::remove_file(log.archive.path().join(name.path())).expect("a disk");
            fs::copy(archive.path().join(sent.path()), log.archive.path().join(sent.path())).expect("a disk");
        }
    }
    let said = with_causes(&log.started().map(drop).expect_err("they do not follow"));
    let expected = format!("record {} does not follow", first.last.0 + 1);
    assert!(said.contains(&expected), "{said}");
    let store = actors::stored::Stored::read(&store_of(&log.memory)).expect("it is sound");
    assert_eq!(store.0.cursor().lsn, first.last, "nothing of them is in the store");
}

#[test]
fn the_tail_is_proven_as_the_start_does_and_the_whole_log_from_its_first_record() {
    let log = Shortened::new();
    let begins = log.files().begins().lsn.0;
    let findings = log.verified(None).expect("it is sound");
    assert_eq!((findings.trusted, findings.fetched, findings.stored), (0, begins, Some(STORED)));
    assert_eq!(findings.verifier.tally().re_applied(), RECORDS);
    assert_eq!(findings.verifier.world().books.digest().total(), log.digest);

    log.remove_store();
    let records = log.records();
    let store = store_of(&log.memory);
    let proven = |records| tail(&log.files(), records, Some(&store), &Expectations::default());
    let found = proven(records.as_deref()).expect("it is built for the proof");
    assert_eq!(found.world.books.digest().total(), log.digest);
    assert!(store.list().expect("a disk").is_empty(), "the store is only read");
    let error = proven(None).map(drop).expect_err("nothing to begin with");
    assert!(with_causes(&error).contains("set archive.to"), "{}", with_causes(&error));
}

#[test]
fn a_head_of_a_removed_record_is_compared_in_the_archive() {
    let log = Shortened::new();
    for lsn in [1, 7, log.files().begins().lsn.0, STORED, RECORDS] {
        let expected = head(&log.whole, lsn);
        log.verified(Some(expected)).expect("the log has it");
        let other = Head { hash: [7; 32], ..expected };
        let error = log.verified(Some(other)).map(drop).expect_err("the log has another one");
        assert!(matches!(error, Error::OtherLog { expected, found } if expected == lsn && found.lsn == lsn));
    }
}

#[test]
fn an_object_that_is_missing_or_altered_is_refused_and_later_the_same_start_succeeds() {
    let log = Shortened::new();
    log.memory.flip("store-manifest", 20, 1);
    let refused = || with_causes(&log.started().map(drop).expect_err("it is refused"));
    let verify = || with_causes(&log.verified(None).map(drop).expect_err("it is refused"));
    let before = store_of(&log.memory).list().expect("a disk");
    let [first, third] = [0, 2].map(|place| log.objects().swap_remove(place));
    let whole = fs::read(&first).expect("an object");
    fs::remove_file(&first).expect("a disk");
    let said = refused();
    assert!(said.contains("record 1 is neither in the archive nor in the log"), "{said}");
    assert_eq!(store_of(&log.memory).list().expect("a disk"), before, "it is not removed for nothing");
    fs::write(&first, whole).expect("a disk");

    let whole = fs::read(&third).expect("an object");
    fs::remove_file(&third).expect("a disk");
    let said = refused();
    assert!(said.contains("neither in the archive nor in the log"), "{said}");
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 1;
    fs::write(&third, altered).expect("a disk");
    let name = third.file_name().expect("a name").to_string_lossy().into_owned();
    for said in [refused(), verify()] {
        assert!(said.contains(&name) && said.contains("cannot be read from the archive"), "{said}");
    }
    fs::write(&third, whole).expect("a disk");
    let (last, digest, _) = log.started().expect("it is built");
    assert_eq!((last, digest), (RECORDS, log.digest));
}
