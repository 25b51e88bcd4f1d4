//! The conformance suite: both storages must behave alike.

use journal::file::Directory;
use journal::memory::Memory;
use journal::storage::{File, Storage};
use journal::{Cursor, Error, Files, Log, Lsn, Reader, SyncLog};

use crate::{SMALL, expected, filled, payload, read_all, replayed, seen, segments};

macro_rules! conformance {
    ($($name:ident),* $(,)?) => {
        mod file {
            $(#[test]
            fn $name() {
                let dir = tempfile::tempdir().unwrap();
                super::$name(super::Directory::open(dir.path()).unwrap());
            })*
        }
        mod memory {
            $(#[test]
            fn $name() {
                super::$name(super::Memory::new(1));
            })*
        }
    };
}

conformance!(
    a_new_log_is_empty_and_has_epoch_one,
    what_was_synced_reads_back_after_reopening,
    each_opening_has_a_higher_epoch_and_the_same_id,
    records_span_segments_and_read_back,
    a_prepared_spare_becomes_the_next_segment,
    a_spare_that_is_removed_or_cut_by_hand_costs_nothing,
    a_record_longer_than_a_segment_is_kept,
    replay_begins_after_the_record_asked_for,
    replay_stops_at_the_first_error,
    the_hash_chain_can_be_recomputed_from_outside,
    the_hash_of_a_batch_can_be_asked_for_by_its_last_record,
    the_log_proves_each_of_its_records_and_no_other,
    a_second_writer_is_refused_until_the_first_ends,
    a_reader_follows_a_running_writer,
    a_reader_stops_at_the_end_of_the_batch_with_its_limit,
    a_log_without_any_one_of_its_segments_is_refused_and_the_file_is_named,
    of_segments_before_the_cursor_only_the_headers_are_read,
    a_segment_is_as_long_as_it_was_made_or_refused,
    files_read_write_and_rename,
);

fn a_new_log_is_empty_and_has_epoch_one(storage: impl Storage) {
    let log = Log::open(storage, SMALL).unwrap();
    assert_eq!(
        (log.last(), log.epoch(), log.end()),
        (Lsn(0), 1, Cursor { lineage: log.lineage(), ..Cursor::default() })
    );
    assert_eq!(replayed(&log), expected(0));
    assert!(log.cut().is_none());
}

fn what_was_synced_reads_back_after_reopening(storage: impl Storage) {
    let mut log = SyncLog::open(storage.clone(), SMALL).unwrap();
    log.append(&payload(1));
    log.append(b"");
    assert_eq!((log.durable(), log.appended()), (Lsn(0), Lsn(2)));
    assert_eq!(log.sync().unwrap(), Lsn(2));
    drop(log);
    let log = Log::open(storage, SMALL).unwrap();
    assert_eq!(replayed(&log), [payload(1), Vec::new()]);
    assert!(log.cut().is_none());
}

fn each_opening_has_a_higher_epoch_and_the_same_id(storage: impl Storage) {
    let id = Log::open(storage.clone(), SMALL).unwrap().id();
    for epoch in 2..20 {
        let mut log = SyncLog::open(storage.clone(), SMALL).unwrap();
        assert_eq!((log.log().epoch(), log.log().id()), (epoch, id));
        log.append(&payload(1));
        log.sync().unwrap();
    }
    let log = Log::open(storage, SMALL).unwrap();
    let epochs = seen(&log, Lsn(0), |entry| entry.epoch);
    assert_eq!(epochs, (2..20).collect::<Vec<_>>());
}

fn records_span_segments_and_read_back(storage: impl Storage) {
    filled(&storage, 40).close().unwrap();
    assert!(segments(&storage).len() > 3);
    assert_eq!(replayed(&Log::open(storage.clone(), SMALL).unwrap()), expected(40));
    assert_eq!(read_all(&storage).unwrap(), expected(40));
}

fn a_prepared_spare_becomes_the_next_segment(storage: impl Storage) {
    let mut log = filled(&storage, 1);
    log.prepare_spare().unwrap();
    for n in 2..=18 {
        log.append(&payload(n));
        log.sync().unwrap();
    }
    assert!(!storage.list().unwrap().contains(&"spare.ready".to_owned()));
    let second = &segments(&storage)[1];
    assert_eq!(storage.read(second).unwrap().len().unwrap(), SMALL.segment_bytes);
    drop(log);
    let mut log = SyncLog::open(storage.clone(), SMALL).unwrap();
    log.prepare_spare().unwrap();
    drop(log);
    // The spare of an earlier process is used.
    assert_eq!(replayed(&Log::open(storage.clone(), SMALL).unwrap()), expected(18));
    assert!(storage.list().unwrap().contains(&"spare.ready".to_owned()));
}

fn a_spare_that_is_removed_or_cut_by_hand_costs_nothing(storage: impl Storage) {
    let harms: [fn(&_); 2] = [
        |storage: &_| Storage::remove(storage, "spare.ready").unwrap(),
        |storage: &_| drop(Storage::create(storage, "spare.ready").unwrap()),
    ];
    let (mut log, mut last) = (filled(&storage, 1), 1);
    for harm in harms {
        log.prepare_spare().unwrap();
        harm(&storage);
        for _ in 0..9 {
            last += 1;
            log.append(&payload(last));
            assert_eq!(log.sync().unwrap(), Lsn(last));
        }
    }
    drop(log);
    assert_eq!(replayed(&Log::open(storage.clone(), SMALL).unwrap()), expected(last));
    assert!(segments(&storage).len() > 2, "each was to become a segment");
}

fn a_record_longer_than_a_segment_is_kept(storage: impl Storage) {
    let long = vec![7; 3 * SMALL.segment_bytes as usize];
    let mut log = filled(&storage, 2);
    for record in [&long, &payload(4), &long] {
        log.append(record);
        log.sync().unwrap();
    }
    drop(log);
    let records = replayed(&Log::open(storage, SMALL).unwrap());
    assert_eq!(records, [payload(1), payload(2), long.clone(), payload(4), long]);
}

fn replay_begins_after_the_record_asked_for(storage: impl Storage) {
    let log = filled(&storage, 30);
    for after in 0..=31 {
        let seen = seen(log.log(), Lsn(after), |entry| entry.lsn.0);
        assert_eq!(seen, (after + 1..=30).collect::<Vec<_>>());
    }
}

fn replay_stops_at_the_first_error(storage: impl Storage) {
    let log = filled(&storage, 5);
    let mut seen = 0;
    let result = log.log().replay(Lsn(0), |_| {
        seen += 1;
        if seen == 3 { Err(Error::Poisoned) } else { Ok(()) }
    });
    assert!(matches!(result, Err(Error::Poisoned)));
    assert_eq!(seen, 3);
}

/// A log of batches of 1, 2, 3, … records.
fn batches<S: Storage>(storage: &S, batches: u64) -> SyncLog<S> {
    let mut log = SyncLog::open(storage.clone(), SMALL).unwrap();
    for batch in 1..=batches {
        for _ in 0..batch {
            log.append(&payload(log.appended().0 + 1));
        }
        log.sync().unwrap();
    }
    log
}

fn the_hash_chain_can_be_recomputed_from_outside(storage: impl Storage) {
    use sha2::{Digest, Sha256};
    let log = batches(&storage, 6);
    let (mut hash, mut records) = ([0; 32], Vec::new());
    log.log()
        .replay(Lsn(0), |entry| {
            let lsn = entry.lsn.0.to_le_bytes();
            records.extend(Sha256::digest([b"hub\0rec\n", &lsn[..], entry.bytes].concat()));
            assert_eq!(entry.hash, records[records.len() - 32..]);
            let count = (records.len() / 32) as u32;
            if count == entry.batch.count {
                let (first, count) = (entry.batch.first.0.to_le_bytes(), count.to_le_bytes());
                hash = Sha256::digest([b"hub\0bat\n", &hash[..], &first, &records, &count].concat()).into();
                assert_eq!((entry.batch.hash, entry.batch.last()), (hash, entry.lsn));
                records.clear();
            }
            Ok::<(), Error>(())
        })
        .unwrap();
    assert_eq!(log.log().end(), Cursor { lineage: log.log().lineage(), lsn: Lsn(21), hash });
}

fn the_hash_of_a_batch_can_be_asked_for_by_its_last_record(storage: impl Storage) {
    let log = batches(&storage, 6);
    let files = Files::over(storage).unwrap();
    let mut entries = seen(log.log(), Lsn(0), |entry| (entry.lsn, entry.batch));
    entries.push((Lsn(22), entries[0].1));
    for (lsn, batch) in entries {
        let hash = (lsn == batch.last()).then_some(batch.hash);
        assert_eq!(log.log().hash_at(lsn).unwrap(), hash, "{lsn:?}");
        assert_eq!(files.hash_at(lsn).unwrap(), hash, "{lsn:?}");
    }
    assert_eq!(log.log().hash_at(Lsn(0)).unwrap(), Some([0; 32]));
}

fn the_log_proves_each_of_its_records_and_no_other(storage: impl Storage) {
    let log = batches(&storage, 6);
    let files = Files::over(storage).unwrap();
    for (lsn, hash, batch) in seen(log.log(), Lsn(0), |entry| (entry.lsn, entry.hash, entry.batch)) {
        let proof = files.proof(lsn).unwrap().unwrap();
        assert!(proof.proves(&payload(lsn.0)) && !proof.proves(&payload(lsn.0 + 1)));
        assert_eq!((proof.lsn, proof.hash(), proof.batch), (lsn, Some(&hash), batch.hash));
        assert_eq!((proof.first, proof.last()), (batch.first, batch.last()));
    }
    assert_eq!((files.proof(Lsn(0)).unwrap(), files.proof(Lsn(22)).unwrap()), (None, None));
}

fn a_reader_stops_at_the_end_of_the_batch_with_its_limit(storage: impl Storage) {
    let log = batches(&storage, 4);
    for limit in 0..=10 {
        let mut reader = Reader::over(storage.clone(), Lsn(0)).unwrap();
        let mut last = Lsn(0);
        while let Some(entry) = reader.next(Lsn(limit)).unwrap() {
            last = entry.lsn;
        }
        let end = [1, 3, 6, 10].into_iter().find(|end| *end >= limit).filter(|_| limit > 0).unwrap_or(0);
        assert_eq!(last, Lsn(end), "limit {limit}");
        assert_eq!(
            (reader.cursor().lsn, log.log().hash_at(last).unwrap()),
            (last, Some(reader.cursor().hash))
        );
    }
}

fn a_second_writer_is_refused_until_the_first_ends(storage: impl Storage) {
    let first = Log::open(storage.clone(), SMALL).unwrap();
    let refused = Log::open(storage.clone(), SMALL).unwrap_err();
    let Error::Locked { dir, .. } = &refused else { panic!("{refused}") };
    assert_eq!(*dir, storage.path(""));
    drop(first);
    assert_eq!(Log::open(storage, SMALL).unwrap().epoch(), 2);
}

fn a_reader_follows_a_running_writer(storage: impl Storage) {
    let mut log = filled(&storage, 0);
    let mut reader = Reader::over(storage, Lsn(0)).unwrap();
    for n in 1..=40 {
        assert_eq!(reader.next(log.durable()).unwrap(), None);
        assert_eq!(reader.next(Lsn::MAX).unwrap(), None);
        log.append(&payload(n));
        assert_eq!(reader.next(Lsn::MAX).unwrap(), None, "a batch not yet written was shown");
        log.sync().unwrap();
        if n % 3 == 0 {
            log.prepare_spare().unwrap();
        }
        let entry = reader.next(log.durable()).unwrap().unwrap();
        assert_eq!((entry.lsn, entry.bytes), (Lsn(n), &payload(n)[..]));
    }
}

fn a_log_without_any_one_of_its_segments_is_refused_and_the_file_is_named(storage: impl Storage) {
    filled(&storage, 40).close().unwrap();
    let names = segments(&storage);
    assert!(names.len() > 3);
    for name in &names[..names.len() - 1] {
        storage.rename(name, "away").unwrap();
        let refused = Log::open(storage.clone(), SMALL).unwrap_err();
        let Error::Missing { place, lsn, .. } = &refused else { panic!("{refused}") };
        assert_eq!((place, lsn.0), (&storage.path(name), name[..20].parse().unwrap()));
        storage.rename("away", name).unwrap();
    }
    assert_eq!(Log::open(storage, SMALL).unwrap().last(), Lsn(40));
}

fn of_segments_before_the_cursor_only_the_headers_are_read(storage: impl Storage) {
    filled(&storage, 40).close().unwrap();
    let names = segments(&storage);
    storage.open(&names[0]).unwrap().write_at(600, b"damage").unwrap();
    assert!(matches!(Log::open(storage.clone(), SMALL), Err(Error::Damaged { offset: 512, .. })));
    let second: u64 = names[1][..20].parse().unwrap();
    let read = |after| {
        let files = Files::over(storage.clone()).unwrap();
        files.finish(files.reader(Lsn(after)).unwrap()).map(|tail| tail.last())
    };
    assert!(matches!(read(second - 2), Err(Error::Damaged { offset: 512, .. })));
    assert_eq!(read(second - 1).unwrap(), Lsn(40));
}

fn a_segment_is_as_long_as_it_was_made_or_refused(storage: impl Storage) {
    let mut log = filled(&storage, 9);
    log.append(&vec![7; 3 * SMALL.segment_bytes as usize]);
    log.sync().unwrap();
    log.close().unwrap();
    let names = segments(&storage);
    for name in &names {
        let file = storage.open(name).unwrap();
        let len = file.len().unwrap();
        let mut bytes = vec![0; len as usize];
        file.read_at(0, &mut bytes).unwrap();
        storage.rename(name, "whole").unwrap();
        for (other, what) in [(len - 512, "shorter"), (len + 512, "longer")] {
            let changed = storage.create(name).unwrap();
            bytes.resize(other as usize, 0);
            changed.write_at(0, &bytes).unwrap();
            bytes.resize(len as usize, 0);
            // The last one too: what one start accepts, the next must not refuse.
            let refused = Files::over(storage.clone()).unwrap_err();
            let Error::Damaged { file, offset, what: said } = &refused else { panic!("{refused}") };
            assert_eq!((file, *offset), (&storage.path(name), other.min(len)));
            assert!(said.contains(what), "{refused}");
        }
        storage.rename("whole", name).unwrap();
    }
    Log::open(storage, SMALL).unwrap();
}

fn files_read_write_and_rename(storage: impl Storage) {
    let file = storage.create("a").unwrap();
    assert!(file.is_empty().unwrap());
    file.write_at(3, b"xyz").unwrap();
    file.sync().unwrap();
    let mut bytes = [9; 8];
    assert_eq!(file.read_at(0, &mut bytes).unwrap(), 6);
    assert_eq!(&bytes[..6], b"\0\0\0xyz");
    assert_eq!(file.read_at(9, &mut bytes).unwrap(), 0);
    storage.rename("a", "b").unwrap();
    storage.sync_names().unwrap();
    assert_eq!(storage.open("a").err().unwrap().kind(), std::io::ErrorKind::NotFound);
    assert_eq!(storage.read("b").unwrap().len().unwrap(), 6);
    storage.create("b").unwrap();
    assert!(storage.read("b").unwrap().is_empty().unwrap());
    storage.remove("b").unwrap();
    assert_eq!(storage.list().unwrap(), Vec::<String>::new());
}

#[test]
fn the_lock_names_the_process_that_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep").join("log");
    let _first = journal::open(&path, SMALL).unwrap();
    let refused = journal::open(&path, SMALL).unwrap_err();
    assert!(matches!(refused, Error::Locked { pid, .. } if pid == Some(std::process::id())), "{refused}");
    assert_eq!(
        refused.to_string(),
        format!("log in {} is locked by process {}", path.display(), std::process::id())
    );
}

#[test]
fn a_file_where_the_directory_should_be_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    std::fs::write(&path, b"").unwrap();
    let refused = journal::open(&path, SMALL).unwrap_err();
    assert!(matches!(&refused, Error::Io { file, .. } if *file == path), "{refused}");
}

#[test]
fn files_and_directory_are_their_owners_alone_and_looser_ones_are_tightened() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let all = || -> Vec<u32> {
        let names = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|name| name.is_file()).map(|name| mode(&name)).collect()
    };
    let storage = Directory::create(&path).unwrap();
    let mut log = filled(&storage, 20);
    log.prepare_spare().unwrap();
    drop(log);
    assert_eq!(mode(&path), 0o700);
    assert!(all().len() > 4 && all().iter().all(|mode| *mode == 0o600), "{:?}", all());
    for name in std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()) {
        std::fs::set_permissions(name, std::fs::Permissions::from_mode(0o664)).unwrap();
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    drop(journal::open(&path, SMALL).unwrap());
    assert_eq!(mode(&path), 0o700);
    assert!(all().iter().all(|mode| *mode == 0o600), "{:?}", all());
}

#[test]
fn removing_the_lock_by_hand_lets_no_second_writer_in() {
    let dir = tempfile::tempdir().unwrap();
    let storage = Directory::create(dir.path()).unwrap();
    let mut first = filled(&storage, 3);
    for n in 4..=20 {
        std::fs::remove_file(dir.path().join("lock")).unwrap();
        let refused = Log::open(storage.clone(), SMALL).unwrap_err();
        assert!(matches!(refused, Error::Locked { .. }), "{refused}");
        first.append(&payload(n));
        assert_eq!(first.sync().unwrap(), Lsn(n), "through changes of the segment");
    }
    drop(first);
    assert_eq!(replayed(&Log::open(storage, SMALL).unwrap()), expected(20));
    let memory = Memory::new(1);
    let _first = filled(&memory, 3);
    memory.forget_lock();
    assert!(matches!(Log::open(memory, SMALL), Err(Error::Locked { .. })));
}
