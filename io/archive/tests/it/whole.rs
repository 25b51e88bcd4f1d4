//! Reading through archive and log is reading the whole log: every record, batch, epoch, cursor and limit.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path as Directory;
use std::sync::Arc;
use std::time::Duration;

use archive::{Archive, Error, WholeLog};
use journal::memory::Memory;
use journal::{Batch, Claim, Cursor, Log, LogRecords, LogWriter, Lsn, Reader, RecordReader, SyncLog};
use object_store::memory::InMemory;
use tempfile::TempDir;

use crate::{SMALL, files, fill, filled, over, payload, send_all, truncate};

/// Records and archive of a log, and the directory of fetched segments.
pub struct Whole {
    pub log: WholeLog<Memory>,
    pub scratch: TempDir,
}

pub fn whole(memory: &Memory, store: &Arc<InMemory>) -> Whole {
    let store = store.clone();
    whole_with(memory, Arc::new(files(memory)), move || Ok(over(&store)))
}

pub fn whole_with(
    memory: &Memory,
    log: Arc<dyn LogRecords>,
    open: impl Fn() -> Result<Archive, Error> + Send + Sync + 'static,
) -> Whole {
    let scratch = tempfile::tempdir().unwrap();
    Whole { log: WholeLog::new(log, memory.clone(), open, scratch.path().to_owned()), scratch }
}

fn entries(directory: &Directory) -> usize {
    fs::read_dir(directory).unwrap().count()
}

/// Appends batches of these numbers of records.
fn batches(log: &mut SyncLog<Memory>, counts: &[u64]) {
    for count in counts {
        for _ in 0..*count {
            log.append(&payload(log.durable().0 * 31 + count));
        }
        log.sync().unwrap();
    }
}

/// A log with batches of one to thirty records, of four epochs and two lineages.
fn varied() -> Memory {
    let memory = Memory::new(3);
    for opening in 0..4_u64 {
        let mut log = if opening == 2 {
            let claim = Claim::over(memory.clone()).unwrap();
            let tail = claim.files().restored(claim.files().reader(Lsn(0)).unwrap()).unwrap();
            claim.restored(tail, SMALL).unwrap().into_sync()
        } else {
            SyncLog::open(memory.clone(), SMALL).unwrap()
        };
        batches(&mut log, &[1, 2, 4, 1, 6 + opening, 1, 3, 1, 2]);
        log.close().unwrap();
    }
    memory
}

/// A record as it was read, and the cursor then.
type Read = (Lsn, u32, [u8; 32], Batch, String, Vec<u8>, Cursor);

/// All that a reader returns when its limit rises in steps, and its cursor whenever it has reached one.
fn read(reader: &mut dyn RecordReader, step: u64, last: u64) -> (Vec<Read>, Vec<(u64, Cursor)>) {
    let (mut found, mut reached) = (Vec::new(), vec![(0, reader.cursor())]);
    let mut limit = 0;
    while limit < last {
        // A limit is a record that the log has, or none.
        limit = if step == u64::MAX { step } else { (limit + step).min(last) };
        while let Some(entry) = reader.next(Lsn(limit)).unwrap() {
            let bytes = entry.bytes.to_vec();
            let (lsn, epoch, hash, batch) = (entry.lsn, entry.epoch, entry.hash, entry.batch);
            let location = entry.location.to_string();
            found.push((lsn, epoch, hash, batch, location, bytes, reader.cursor()));
        }
        reached.push((limit.min(last), reader.cursor()));
    }
    (found, reached)
}

#[test]
fn from_every_record_and_wherever_the_log_begins_it_reads_what_the_whole_log_has() {
    let memory = varied();
    let store = Arc::new(InMemory::new());
    let sent = send_all(&over(&store), &memory);
    let last = {
        let mut reader = Reader::over(memory.clone(), Lsn(0)).unwrap();
        while reader.next(Lsn::MAX).unwrap().is_some() {}
        reader.cursor().lsn.0
    };
    assert!(sent.len() >= 5 && last > 80, "{} segments, {last} records", sent.len());
    let expected =
        |after: u64, step| read(&mut Reader::over(memory.clone(), Lsn(after)).unwrap(), step, last);
    let afters: Vec<u64> = (0..=last).collect();
    let mut wholes = BTreeMap::new();
    for after in &afters {
        wholes.insert(*after, expected(*after, u64::MAX));
    }
    for bound in [Lsn(1)].into_iter().chain(sent.iter().map(|sent| sent.name.last.next())) {
        let shorter = memory.copy();
        truncate(&shorter, bound);
        assert_eq!(files(&shorter).begins().lsn.next(), bound);
        let whole = whole(&shorter, &store);
        assert_eq!(whole.log.begins_after().unwrap(), Lsn(0));
        for after in &afters {
            let mut reader = whole.log.read(Lsn(*after)).unwrap();
            let same = read(&mut *reader, u64::MAX, last) == wholes[after];
            assert!(same, "after {after}, from {bound:?}");
        }
        for step in [1, 3, 17] {
            for after in [0, 5, bound.0 - 1, bound.0, last / 2] {
                let mut reader = whole.log.read(Lsn(after)).unwrap();
                let same = read(&mut *reader, step, last) == expected(after, step);
                assert!(same, "after {after}, from {bound:?}, in steps of {step}");
            }
        }
        assert_eq!(entries(whole.scratch.path()), 0, "nothing is left of what was fetched");
    }
}

#[test]
fn one_segment_is_on_the_disk_at_a_time() {
    let (memory, store) = (filled(60), Arc::new(InMemory::new()));
    let sent = send_all(&over(&store), &memory);
    truncate(&memory, Lsn(50));
    let whole = whole(&memory, &store);
    let mut reader = whole.log.read(Lsn(0)).unwrap();
    let mut most = 0;
    while reader.next(Lsn::MAX).unwrap().is_some() {
        most = most.max(entries(whole.scratch.path()));
    }
    assert!(sent.len() > 3 && most == 1, "{most}");
}

#[test]
fn a_reader_goes_on_when_more_is_appended_and_when_records_are_removed_under_it() {
    let (memory, store) = (Memory::new(1), Arc::new(InMemory::new()));
    let log = Log::open(memory.clone(), SMALL).unwrap();
    let records = LogWriter::records(&log);
    let mut log = log.into_sync();
    fill(&mut log, 30);
    let source = store.clone();
    let whole = whole_with(&memory, records, move || Ok(over(&source)));
    let mut reader = whole.log.read(Lsn(0)).unwrap();
    let mut next = 1;
    let mut removed = 0;
    // Slower than the log grows and is removed.
    for end in (40..=200).step_by(10) {
        fill(&mut log, end);
        send_all(&over(&store), &memory);
        removed += whole.log.truncate_before(Lsn(end - 5), &[]).unwrap().parts;
        for _ in 0..4 {
            let entry = reader.next(log.durable()).unwrap().unwrap();
            assert_eq!((entry.lsn, entry.bytes), (Lsn(next), &payload(next)[..]));
            next += 1;
        }
    }
    assert!(removed > 10, "{removed} segments");
    while let Some(entry) = reader.next(log.durable()).unwrap() {
        assert_eq!((entry.lsn, entry.bytes), (Lsn(next), &payload(next)[..]));
        next += 1;
    }
    assert_eq!((next, reader.cursor()), (201, log.log().end()));
    fill(&mut log, 203);
    assert_eq!(reader.next(Lsn::MAX).unwrap().unwrap().lsn, Lsn(201));
    // One that begins behind the end has nothing until the log reaches it.
    let mut early = whole.log.read(Lsn(204)).unwrap();
    assert!(early.next(Lsn::MAX).unwrap().is_none());
    fill(&mut log, 206);
    assert_eq!(early.next(Lsn::MAX).unwrap().unwrap().lsn, Lsn(205));
}

/// A gate behind which nobody waits.
struct Open;

impl journal::Gate<()> for Open {
    fn open(&mut self, _: Lsn, done: &mut Vec<()>) {
        done.clear();
    }

    fn failed(&mut self, error: &journal::Error) {
        panic!("{error}");
    }
}

#[test]
fn a_follower_of_a_journal_that_is_far_behind_loses_nothing_while_segments_are_removed_under_it() {
    const LAST: u64 = 400;
    let (memory, store) = (Memory::new(1), Arc::new(InMemory::new()));
    let log = Log::open(memory.clone(), SMALL).unwrap();
    let (records, source) = (LogWriter::records(&log), store.clone());
    let journal = log.start(Open);
    let whole = whole_with(&memory, records, move || Ok(over(&source)));
    journal.read_removed_in(Arc::new(whole.log.clone()));
    let (turn, turns) = std::sync::mpsc::channel();
    let (tell, told) = std::sync::mpsc::channel();
    let follower = std::thread::spawn({
        let journal = journal.clone();
        move || {
            let (mut cursor, mut again) = (Lsn(0), 0);
            // It reads a few records in each turn, and in the end all; the first turn is told of.
            let mut more: u64 = 0;
            'opened: while cursor < Lsn(LAST) {
                let mut reader = journal.read(cursor).unwrap();
                loop {
                    while more == 0 {
                        more = turns.recv().unwrap();
                    }
                    match reader.next(journal.durable()) {
                        Ok(Some(entry)) => {
                            assert_eq!((entry.lsn, entry.bytes), (cursor.next(), &payload(entry.lsn.0)[..]));
                            (cursor, more) = (entry.lsn, more - 1);
                            if cursor == Lsn(1) {
                                tell.send(()).unwrap();
                            }
                        }
                        Ok(None) if cursor >= Lsn(LAST) => break 'opened,
                        Ok(None) => more = 0,
                        Err(journal::Error::Removed { .. }) => {
                            again += 1;
                            continue 'opened;
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            again
        }
    });
    let mut removed = 0;
    for n in 1..=LAST {
        journal.append(payload(n), ());
        while journal.durable() < Lsn(n) {
            std::thread::yield_now();
        }
        if n == 20 {
            // The first record comes from the log itself, before anything is removed.
            turn.send(1).unwrap();
            told.recv_timeout(Duration::from_secs(50)).expect("it reads a record");
        }
        if n % 20 == 0 {
            send_all(&over(&store), &memory);
            removed += journal.truncate_before(Lsn(n), &[]).unwrap().parts;
            turn.send(10).unwrap();
        }
    }
    turn.send(u64::MAX).unwrap();
    let again = follower.join().unwrap();
    assert!(removed > 20, "{removed} segments");
    assert!(again > 0, "what was removed under its reader was read again, from the archive");
    journal.stop();
}
