//! The suite that every log behind the record seam passes: segments in a directory, segments in memory, and a log in
//! memory that has no files.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use journal::memory::{Memory, Operation};
use journal::storage::Storage;
use journal::{
    Appended, Cursor, Error, Journal, Log, LogRecords, LogWriter, Lsn, MemoryLog, MemoryWriter, RecordReader,
    Truncated, file::Directory, read_kept, record_hash,
};
use tempfile::TempDir;

use crate::condition::Send;
use crate::{SMALL, payload};

/// Longest wait for what another thread does at once.
const PATIENCE: Duration = Duration::from_secs(50);

/// A place for a log, which can be opened again.
trait Place: Default {
    type Writer: LogWriter;

    /// Opens the log. `None` when the writer before still has it, and can't be deposed.
    fn open(&self) -> Option<Self::Writer>;

    /// Drops the writer as a kill does, and opens the log again.
    fn reopened(&self, writer: Self::Writer) -> Self::Writer {
        drop(writer);
        self.open().expect("nobody has it")
    }
}

/// Segments in a directory.
struct InDirectory(TempDir);

impl Default for InDirectory {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

fn opened<S: Storage>(log: Result<Log<S>, Error>) -> Option<Log<S>> {
    match log {
        Err(Error::Locked { .. }) => None,
        log => Some(log.unwrap()),
    }
}

impl Place for InDirectory {
    type Writer = Log<Directory>;

    fn open(&self) -> Option<Self::Writer> {
        opened(journal::open(self.0.path(), SMALL))
    }
}

/// Segments in memory.
struct OnMemoryDisk(Memory);

impl Default for OnMemoryDisk {
    fn default() -> Self {
        Self(Memory::new(1))
    }
}

impl Place for OnMemoryDisk {
    type Writer = Log<Memory>;

    fn open(&self) -> Option<Self::Writer> {
        opened(Log::open(self.0.clone(), SMALL))
    }
}

impl Place for MemoryLog {
    type Writer = MemoryWriter;

    fn open(&self) -> Option<Self::Writer> {
        Some(MemoryLog::open(self))
    }
}

/// Runs one test of the suite in every place.
macro_rules! everywhere {
    ($($test:ident),* $(,)?) => {$(
        mod $test {
            #[test]
            fn of_segments_in_a_directory() {
                super::cases::$test::<super::InDirectory>();
            }

            #[test]
            fn of_segments_in_memory() {
                super::cases::$test::<super::OnMemoryDisk>();
            }

            #[test]
            fn of_a_log_in_memory() {
                super::cases::$test::<journal::MemoryLog>();
            }
        }
    )*};
}

everywhere!(
    what_is_appended_is_read_back_by_batches,
    a_reader_goes_on_when_more_is_appended_and_stops_at_its_limit,
    an_append_of_another_epoch_or_place_is_fenced_and_changes_nothing,
    each_opening_has_a_higher_epoch_and_the_same_records,
    there_is_one_writer_at_a_time,
    what_is_removed_is_refused_by_name_and_the_rest_is_whole,
    what_somebody_needs_is_not_removed,
    the_writers_thread_releases_what_is_durable_and_wakes_who_waits,
);

/// Batches of so many records each, of different lengths.
const BATCHES: [u64; 12] = [1, 2, 1, 5, 30, 1, 3, 1, 1, 12, 2, 4];

fn batch(first: u64, count: u64) -> Vec<Vec<u8>> {
    (first..first + count).map(payload).collect()
}

/// Appends the batches; returns the end after each.
fn fill(log: &mut impl LogWriter) -> Vec<Cursor> {
    let mut ends = Vec::new();
    for count in BATCHES {
        let first = log.end().lsn.next();
        let appended = log.append(log.epoch(), first, &batch(first.0, count)).unwrap();
        assert!(matches!(appended, Appended::Durable { bytes, .. } if bytes > 0), "{appended:?}");
        ends.push(log.end());
    }
    ends
}

/// Everything that a reader has up to its limit.
fn rest(reader: &mut dyn RecordReader, limit: Lsn) -> Vec<(Lsn, Vec<u8>)> {
    let mut records = Vec::new();
    while let Some(entry) = reader.next(limit).unwrap() {
        assert_eq!(entry.hash, record_hash(entry.lsn, entry.bytes));
        records.push((entry.lsn, entry.bytes.to_vec()));
    }
    records
}

/// The records of a range, as a reader returns them.
fn expected(lsns: impl Iterator<Item = u64>) -> Vec<(Lsn, Vec<u8>)> {
    lsns.map(|lsn| (Lsn(lsn), payload(lsn))).collect()
}

fn all(records: &dyn LogRecords) -> Vec<(Lsn, Vec<u8>)> {
    rest(&mut *read_kept(records).unwrap(), Lsn::MAX)
}

mod cases {
    use super::*;

    pub fn what_is_appended_is_read_back_by_batches<P: Place>() {
        let place = P::default();
        let mut log = place.open().unwrap();
        assert_eq!((log.end().lsn, all(&*log.records())), (Lsn(0), Vec::new()));
        let ends = fill(&mut log);
        let last = log.end();
        // The chain is a matter of the records alone, wherever they are.
        let mut other = MemoryLog::default().open();
        let hashes = |ends: &[Cursor]| ends.iter().map(|end| (end.lsn, end.hash)).collect::<Vec<_>>();
        assert_eq!(hashes(&ends), hashes(&fill(&mut other)));
        for after in 0..=last.lsn.0 {
            let mut reader = log.records().read(Lsn(after)).unwrap();
            assert_eq!(rest(&mut *reader, Lsn::MAX), expected(after + 1..last.lsn.0 + 1), "after {after}");
            assert_eq!(reader.cursor(), last);
        }
        let mut reader = log.records().read(Lsn(0)).unwrap();
        while let Some(entry) = reader.next(Lsn::MAX).unwrap() {
            let place = ends.partition_point(|end| end.lsn < entry.lsn);
            assert_eq!((entry.epoch, entry.batch.hash), (log.epoch(), ends[place].hash));
            assert_eq!((entry.batch.last(), u64::from(entry.batch.count)), (ends[place].lsn, BATCHES[place]));
        }
    }

    pub fn a_reader_goes_on_when_more_is_appended_and_stops_at_its_limit<P: Place>() {
        let place = P::default();
        let mut log = place.open().unwrap();
        let mut reader = log.records().read(Lsn(0)).unwrap();
        assert_eq!(rest(&mut *reader, Lsn::MAX), Vec::new());
        let ends = fill(&mut log);
        // A batch is read to its end, wherever in it the limit is.
        let (fourth, fifth) = (ends[3].lsn.0, ends[4].lsn.0);
        assert_eq!(rest(&mut *reader, Lsn(fourth)), expected(1..fourth + 1));
        assert_eq!(reader.cursor(), ends[3]);
        assert_eq!(rest(&mut *reader, Lsn(fourth + 1)), expected(fourth + 1..fifth + 1));
        let before = rest(&mut *reader, Lsn::MAX).len();
        assert_eq!(before as u64, log.end().lsn.0 - fifth);
        fill(&mut log);
        assert_eq!(rest(&mut *reader, Lsn::MAX).len() as u64, BATCHES.iter().sum());
        assert_eq!(reader.cursor(), log.end());
        // One that begins behind the end has nothing until the log reaches it.
        let end = log.end().lsn.0;
        let mut early = log.records().read(Lsn(end + 2)).unwrap();
        assert_eq!(rest(&mut *early, Lsn::MAX), Vec::new());
        log.append(log.epoch(), Lsn(end + 1), &batch(end + 1, 3)).unwrap();
        assert_eq!(rest(&mut *early, Lsn::MAX), expected(end + 3..end + 4));
    }

    pub fn an_append_of_another_epoch_or_place_is_fenced_and_changes_nothing<P: Place>() {
        let place = P::default();
        let mut log = place.open().unwrap();
        fill(&mut log);
        let (epoch, end) = (log.epoch(), log.end());
        let next = end.lsn.next();
        let others =
            [(epoch + 1, next), (epoch - 1, next), (epoch, end.lsn), (epoch, next.next()), (epoch, Lsn(1))];
        for (epoch, first) in others {
            let appended = log.append(epoch, first, &batch(first.0, 2)).unwrap();
            assert!(matches!(appended, Appended::Fenced), "{epoch}, {first:?}: {appended:?}");
            assert_eq!(log.end(), end);
        }
        assert!(matches!(log.append(epoch, next, &batch(next.0, 1)), Ok(Appended::Durable { .. })));
        assert_eq!(all(&*log.records()), expected(1..next.0 + 1));
    }

    pub fn each_opening_has_a_higher_epoch_and_the_same_records<P: Place>() {
        let place = P::default();
        let (mut before, mut end) = (0, Cursor::default());
        for opening in 0..4 {
            let mut log = place.open().unwrap();
            assert!(log.epoch() > before);
            assert_eq!(log.end(), if opening == 0 { log.end() } else { end });
            before = log.epoch();
            fill(&mut log);
            end = log.end();
            assert_eq!(all(&*log.records()), expected(1..end.lsn.0 + 1));
            // Closed, or left as by a kill.
            if opening % 2 == 0 {
                log.close().unwrap();
            }
        }
        assert_eq!(end.lsn.0, 4 * BATCHES.iter().sum::<u64>());
    }

    pub fn there_is_one_writer_at_a_time<P: Place>() {
        let place = P::default();
        let mut first = place.open().unwrap();
        fill(&mut first);
        let end = first.end();
        let next = end.lsn.next();
        let Some(mut second) = place.open() else {
            // The first one can go on.
            let appended = first.append(first.epoch(), next, &batch(next.0, 1)).unwrap();
            assert!(matches!(appended, Appended::Durable { .. }), "{appended:?}");
            return;
        };
        let appended = first.append(first.epoch(), next, &batch(next.0, 1)).unwrap();
        assert!(matches!(appended, Appended::Fenced), "{appended:?}");
        // Nor with the epoch of the second one, which is not its own.
        let appended = first.append(second.epoch(), next, &batch(next.0, 1)).unwrap();
        assert!(matches!(appended, Appended::Fenced), "{appended:?}");
        assert_eq!(second.end(), end);
        let appended = second.append(second.epoch(), next, &batch(next.0, 2)).unwrap();
        assert!(matches!(appended, Appended::Durable { .. }), "{appended:?}");
        assert_eq!(all(&*first.records()), expected(1..next.0 + 2));
    }

    pub fn what_is_removed_is_refused_by_name_and_the_rest_is_whole<P: Place>() {
        let place = P::default();
        let mut log = place.open().unwrap();
        for _ in 0..6 {
            fill(&mut log);
        }
        let (records, end) = (log.records(), log.end().lsn.0);
        let mut passed = records.read(Lsn(0)).unwrap();
        let mut removed = 0;
        for bound in [1, end / 3, end / 2, end / 2, end, end + 100] {
            let done = records.truncate_before(Lsn(bound), &[]).unwrap();
            let begins = records.begins_after().unwrap();
            assert_eq!(done.first, begins.next());
            assert!(done.first.0 <= bound.max(1), "record {bound} stays: {done:?}");
            removed += done.parts;
            assert_eq!(all(&*records), expected(begins.0 + 1..end + 1));
            for after in 0..begins.0 {
                let refused = records.read(Lsn(after)).err();
                assert!(matches!(refused, Some(Error::Removed { first, .. }) if first == done.first));
            }
            let again = records.truncate_before(Lsn(bound), &[]).unwrap();
            assert_eq!(again, Truncated { first: done.first, parts: 0, bytes: 0 });
        }
        assert!(removed > 3, "{removed} parts");
        let gone = loop {
            match passed.next(Lsn::MAX) {
                Ok(Some(_)) => {}
                Ok(None) => panic!("records were removed before the reader came to them"),
                Err(error) => break error,
            }
        };
        assert!(matches!(gone, Error::Removed { .. }), "{gone}");
        // The newest records stay, and the log goes on.
        assert!(!all(&*records).is_empty());
        fill(&mut log);
        let (end, begins) = (log.end(), records.begins_after().unwrap());
        let log = place.reopened(log);
        assert_eq!((log.end(), log.records().begins_after().unwrap()), (end, begins));
        assert_eq!(all(&*log.records()), expected(begins.0 + 1..end.lsn.0 + 1));
    }

    pub fn what_somebody_needs_is_not_removed<P: Place>() {
        let place = P::default();
        let mut log = place.open().unwrap();
        for _ in 0..3 {
            fill(&mut log);
        }
        let (records, end) = (log.records(), log.end().lsn.0);
        for needed in 0..=end {
            let cursors = [Lsn(end), Lsn(needed), Lsn(end + 7)];
            let first = records.truncate_before(Lsn::MAX, &cursors).unwrap().first;
            assert!(first.0 <= needed + 1, "a cursor at {needed} needs what comes after it");
            let mut reader = records.read(Lsn(needed)).unwrap();
            assert_eq!(rest(&mut *reader, Lsn::MAX), expected(needed + 1..end + 1));
        }
    }

    pub fn the_writers_thread_releases_what_is_durable_and_wakes_who_waits<P: Place>() {
        let place = P::default();
        let (sender, released) = mpsc::channel();
        let (follows, followed) = mpsc::channel();
        let journal = Journal::start(place.open().unwrap(), 0, Send(sender));
        let follower = std::thread::spawn({
            let journal = journal.clone();
            move || {
                let (mut reader, mut records) = (journal.read_kept().unwrap(), Vec::new());
                while records.len() < 200 {
                    journal.wait_for_more(Lsn(records.len() as u64), 10 * PATIENCE);
                    records.extend(rest(&mut *reader, journal.durable()));
                    follows.send(records.len() as u64).unwrap();
                }
                records
            }
        });
        for n in 1..=200 {
            journal.append(payload(n), n);
            assert_eq!(released.recv_timeout(PATIENCE), Ok(n));
            assert_eq!(journal.durable(), Lsn(n));
            // Nothing more comes before it was woken for this one, and by itself it waits longer than this. It may also return
            // early, with nothing new.
            while followed.recv_timeout(PATIENCE).expect("it was woken") < n {}
        }
        assert_eq!(follower.join().unwrap(), expected(1..201));
        journal.stop();
        assert_eq!(journal.stats().records, 200);
    }
}

/// What a later opening finds of a batch whose append had no outcome: all or nothing, and the writer takes no more.
fn without_an_outcome<P: Place>(place: &P, breaks: impl FnOnce()) -> u64 {
    let mut log = place.open().unwrap();
    fill(&mut log);
    let (epoch, end) = (log.epoch(), log.end());
    let next = end.lsn.next();
    breaks();
    for _ in 0..2 {
        let appended = log.append(epoch, next, &batch(next.0, 3)).unwrap();
        assert!(matches!(appended, Appended::Unknown(_)), "{appended:?}");
        assert_eq!(log.end(), end, "it is not known to be durable");
    }
    let log = place.reopened(log);
    let found = log.end().lsn.0 - end.lsn.0;
    assert_eq!(all(&*log.records()), expected(1..end.lsn.0 + found + 1));
    found
}

#[test]
fn an_append_without_an_outcome_is_found_whole_or_not_at_all_by_the_next_opening() {
    for written in [false, true] {
        let place = MemoryLog::default();
        let found = without_an_outcome(&place, || place.lose_answer(written));
        assert_eq!(found, if written { 3 } else { 0 });
    }
    for operation in [Operation::Write, Operation::Sync] {
        let place = OnMemoryDisk::default();
        let found = without_an_outcome(&place, || place.0.fail(operation, 0, libc::EIO));
        assert!([0, 3].contains(&found), "{operation:?}: {found}");
    }
}

#[test]
fn an_append_for_which_there_is_no_room_changes_nothing_and_succeeds_later() {
    let place = OnMemoryDisk::default();
    let mut log = place.open().unwrap();
    fill(&mut log);
    place.0.limit_space(place.0.used());
    let mut ends = Vec::new();
    let error = loop {
        let first = log.end().lsn.next();
        match log.append(log.epoch(), first, &batch(first.0, 2)) {
            Ok(Appended::Durable { .. }) => ends.push(log.end()),
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::NoRoom { .. }), "{error}");
    let first = log.end().lsn.next();
    assert_eq!(all(&*log.records()), expected(1..first.0));
    place.0.limit_space(u64::MAX);
    // Another batch than the refused one: nothing is left of that.
    assert!(matches!(log.append(log.epoch(), first, &batch(first.0, 1)), Ok(Appended::Durable { .. })));
    assert_eq!(all(&*log.records()), expected(1..first.0 + 1));
    let _: Arc<dyn LogRecords> = log.records();
}
