//! One test or more for each point at which a crash can happen. The numbers are those of docs/flows.md, "Life of a
//! crash".

use journal::memory::{Crash, Memory, Operation};
use journal::storage::Storage;
use journal::{Error, Log, Lsn, Reader, SyncLog};

use crate::{SMALL, expected, filled, open, payload, read_all, replayed, segments};

const CRASHES: [Crash; 7] = [
    Crash::Lose,
    Crash::Keep,
    Crash::Torn(1),
    Crash::Torn(700),
    Crash::Random(1),
    Crash::Random(2),
    Crash::Random(3),
];

#[test]
fn point_0_before_the_append_nothing_happened() {
    for crash in CRASHES {
        let memory = Memory::new(1);
        drop(filled(&memory, 3));
        memory.crash(crash);
        assert_eq!(replayed(open(&memory).log()), expected(3));
    }
}

#[test]
fn point_1_a_record_in_the_buffer_is_gone() {
    for crash in CRASHES {
        let memory = Memory::new(1);
        let mut log = filled(&memory, 3);
        log.append(&payload(4));
        memory.crash(crash);
        assert!(log.sync().is_err(), "a handle outlived the crash");
        assert_eq!(replayed(open(&memory).log()), expected(3));
    }
}

#[test]
fn point_2_a_torn_write_is_cut_at_every_byte() {
    let torn = |bytes| {
        let memory = Memory::new(1);
        let mut log = filled(&memory, 2);
        log.append(&payload(3));
        log.append(&[b'x'; 600]);
        memory.power_off_after(1);
        assert!(log.sync().is_err());
        let unsynced = memory.unsynced();
        memory.crash(Crash::Torn(bytes));
        (memory, unsynced)
    };
    let (_, unsynced) = torn(0);
    assert_eq!(unsynced, 1024);
    for bytes in 0..=unsynced {
        let (memory, _) = torn(bytes);
        let log = open(&memory);
        let records = replayed(log.log());
        // The end of the batch is padding: the records can be complete before the write is.
        let whole = records.len() == 4;
        assert!(whole || records == expected(2), "{bytes} bytes");
        assert!(whole || bytes < unsynced);
        assert_eq!(log.log().cut().is_some(), bytes > 0 && !whole, "{bytes} bytes");
        drop(log);
        assert!(open(&memory).log().cut().is_none(), "the cut was not made durable");
    }
}

#[test]
fn point_3_written_and_not_synced_is_kept_and_made_durable_by_the_next_open() {
    let memory = Memory::new(1);
    let mut log = filled(&memory, 2);
    log.append(&payload(3));
    memory.power_off_after(1);
    assert!(log.sync().is_err());
    memory.crash(Crash::Keep);
    assert_eq!(replayed(open(&memory).log()), expected(3));
    memory.crash(Crash::Lose);
    assert_eq!(replayed(open(&memory).log()), expected(3));
}

#[test]
fn point_3_a_power_failure_during_the_next_open_leaves_a_log_that_opens() {
    for steps in 0..8 {
        for seed in 0..100 {
            let memory = Memory::new(1);
            let mut log = filled(&memory, 2);
            log.append(&payload(3));
            memory.power_off_after(1);
            assert!(log.sync().is_err());
            memory.crash(Crash::Keep);
            memory.power_off_after(steps);
            let interrupted = SyncLog::open(memory.clone(), SMALL).is_err();
            memory.crash(Crash::Random(seed));
            // The mark of the open must not be on disk before the record that it proves to be synced.
            let records = replayed(open(&memory).log());
            let kept = records.len() as u64;
            assert!(kept == 3 || (kept == 2 && interrupted), "{steps} steps, seed {seed}");
            assert_eq!(records, expected(kept));
        }
    }
}

#[test]
fn point_4_synced_and_not_answered_is_there() {
    for crash in CRASHES {
        let memory = Memory::new(1);
        let log = filled(&memory, 30);
        memory.crash(crash);
        drop(log);
        let log = open(&memory);
        assert_eq!(replayed(log.log()), expected(30));
        assert!(log.log().cut().is_none());
    }
}

#[test]
fn point_5_a_follower_goes_on_from_its_cursor() {
    let memory = Memory::new(1);
    let log = filled(&memory, 10);
    let mut follower = Reader::over(memory.clone(), Lsn(0)).unwrap();
    while follower.next(Lsn(6)).unwrap().is_some() {}
    let cursor = follower.cursor();
    assert_eq!(cursor.lsn, Lsn(6));
    memory.crash(Crash::Lose);
    drop(log);
    let log = open(&memory);
    assert_eq!(log.log().hash_at(cursor.lsn).unwrap(), Some(cursor.hash));
    let mut follower = Reader::over(memory, cursor.lsn).unwrap();
    for n in 7..=10 {
        assert_eq!(follower.next(log.durable()).unwrap().unwrap().bytes, payload(n));
    }
    assert_eq!(follower.next(log.durable()).unwrap(), None);
}

// Point 6, during a commit of the state store, is a matter of that store.

#[test]
fn point_7_a_crash_at_any_step_of_a_segment_change_loses_nothing_synced() {
    let run = |memory: &Memory, spares: bool| {
        let mut synced = 0;
        let mut live = || -> Result<(), Error> {
            let mut log = SyncLog::open(memory.clone(), SMALL)?;
            for n in 1..=20 {
                log.append(&payload(n));
                synced = log.sync()?.0;
                if spares && n % 4 == 0 {
                    log.prepare_spare()?;
                }
            }
            Ok(())
        };
        let ended = live();
        (synced, ended.is_ok())
    };
    for spares in [false, true] {
        for steps in 0.. {
            let mut complete = false;
            for crash in CRASHES {
                let memory = Memory::new(1);
                memory.power_off_after(steps);
                let synced;
                (synced, complete) = run(&memory, spares);
                memory.crash(crash);
                let mut log = open(&memory);
                let records = replayed(log.log());
                assert!(records.len() as u64 >= synced, "{steps} steps, {crash:?}");
                assert_eq!(records, expected(records.len() as u64), "{steps} steps, {crash:?}");
                // What an open has returned is durable from then on, and so are new records.
                log.append(b"goes on");
                log.sync().unwrap();
                memory.crash(Crash::Lose);
                let after = replayed(open(&memory).log());
                assert_eq!(
                    after,
                    [&records[..], &[b"goes on".to_vec()]].concat(),
                    "{steps} steps, {crash:?}"
                );
            }
            if complete {
                break;
            }
        }
    }
}

#[test]
fn point_7_a_segment_that_was_zeroed_whole_is_refused() {
    for bytes in [0, 4096] {
        let memory = Memory::new(1);
        drop(filled(&memory, 10));
        let name = segments(&memory).pop().unwrap();
        memory.change(&name, |content| *content = vec![0; bytes]);
        let refused = Log::open(memory.clone(), SMALL).unwrap_err();
        assert!(
            matches!(&refused, Error::Damaged { file, offset: 0, .. } if *file == memory.path(&name)),
            "{refused}"
        );
    }
}

#[test]
fn point_7_a_header_that_does_not_link_is_refused() {
    let (memory, other) = (Memory::new(1), Memory::new(2));
    filled(&memory, 40).close().unwrap();
    filled(&other, 40).close().unwrap();
    let second = segments(&memory)[1].clone();
    let foreign = other.bytes(&second).unwrap();
    memory.change(&second, |bytes| *bytes = foreign.clone());
    let refused = Log::open(memory.clone(), SMALL).unwrap_err();
    assert!(matches!(&refused, Error::Foreign { file } if *file == memory.path(&second)), "{refused}");
}

#[test]
fn point_7_a_missing_segment_is_refused() {
    let memory = Memory::new(1);
    filled(&memory, 40).close().unwrap();
    let names = segments(&memory);
    let lost: u64 = names[1][..20].parse().unwrap();
    memory.remove(&names[1]).unwrap();
    assert!(matches!(read_all(&memory), Err(Error::Damaged { file, .. }) if file == memory.path(&names[0])));
    let refused = Log::open(memory, SMALL).unwrap_err();
    assert!(matches!(refused, Error::Missing { lsn, .. } if lsn == Lsn(lost)), "{refused}");
}

#[test]
fn point_8_after_a_failed_sync_the_next_open_writes_the_tail_again() {
    let memory = Memory::new(1);
    let mut log = filled(&memory, 2);
    log.append(&payload(3));
    memory.fail(Operation::Sync, 0, libc::EIO);
    assert!(matches!(log.sync(), Err(Error::Io { action: "sync", .. })));
    assert!(matches!(log.sync(), Err(Error::Poisoned)), "a failed sync was tried again");
    assert!(matches!(log.close(), Err(Error::Poisoned)));
    // The page cache shows the record as clean. Once it was returned, it must survive a power failure.
    assert_eq!(replayed(open(&memory).log()), expected(3));
    memory.crash(Crash::Lose);
    assert_eq!(replayed(open(&memory).log()), expected(3));
}

#[test]
fn point_8_a_full_disk_stops_the_log_and_loses_nothing_synced() {
    for crash in CRASHES {
        let memory = Memory::new(1);
        let mut log = filled(&memory, 2);
        log.append(&[5; 2000]);
        memory.fail(Operation::Write, 0, libc::ENOSPC);
        let error = log.sync().unwrap_err();
        let full = |source: &std::io::Error| source.raw_os_error() == Some(libc::ENOSPC);
        assert!(matches!(&error, Error::Io { action: "write", source, .. } if full(source)), "{error}");
        assert!(matches!(log.sync(), Err(Error::Poisoned)));
        drop(log);
        memory.crash(crash);
        assert_eq!(replayed(open(&memory).log()), expected(2));
    }
}

#[test]
fn point_8_a_failure_at_any_step_of_a_segment_change_stops_the_log() {
    for operation in
        [Operation::Create, Operation::Write, Operation::Sync, Operation::Rename, Operation::SyncNames]
    {
        let memory = Memory::new(1);
        let mut log = filled(&memory, 0);
        memory.fail(operation, 0, libc::EIO);
        let failed = (1..=20).find(|n| {
            log.append(&payload(*n));
            log.sync().is_err()
        });
        let synced = failed.expect("a segment change comes within twenty batches") - 1;
        assert!(matches!(log.sync(), Err(Error::Poisoned)), "{operation:?}");
        drop(log);
        memory.crash(Crash::Lose);
        assert_eq!(replayed(open(&memory).log()), expected(synced), "{operation:?}");
    }
}

#[test]
fn point_9_damage_before_a_valid_batch_is_refused_and_nothing_is_changed() {
    let memory = Memory::new(1);
    drop(filled(&memory, 3));
    let name = segments(&memory)[0].clone();
    // Batches lie at 512, 1024 and 1536.
    memory.flip(&name, 1024 + 80, 4);
    let before = memory.bytes(&name);
    let refused = Log::open(memory.clone(), SMALL).unwrap_err();
    let Error::Damaged { file, offset: 1024, .. } = &refused else { panic!("{refused}") };
    assert_eq!(*file, memory.path(&name));
    assert_eq!(memory.bytes(&name), before);
}

#[test]
fn point_9_a_batch_lost_whole_before_a_valid_one_is_refused() {
    let memory = Memory::new(1);
    drop(filled(&memory, 3));
    memory.change(&segments(&memory)[0], |bytes| bytes[1024..1536].fill(0));
    assert!(matches!(Log::open(memory, SMALL), Err(Error::Damaged { offset: 1024, .. })));
}

#[test]
fn point_9_damage_at_the_end_of_a_segment_is_refused_when_another_follows() {
    let memory = Memory::new(1);
    drop(filled(&memory, 9));
    let name = segments(&memory)[0].clone();
    assert_eq!(segments(&memory).len(), 2);
    memory.flip(&name, 4096 - 512 + 10, 1);
    let refused = Log::open(memory.clone(), SMALL).unwrap_err();
    assert!(
        matches!(&refused, Error::Damaged { file, offset: 3584, .. } if *file == memory.path(&name)),
        "{refused}"
    );
}

#[test]
fn point_9_a_segment_cut_short_is_refused_when_another_follows() {
    let memory = Memory::new(1);
    drop(filled(&memory, 9));
    memory.change(&segments(&memory)[0], |bytes| bytes.truncate(3584));
    let refused = Log::open(memory, SMALL).unwrap_err();
    assert!(matches!(refused, Error::Damaged { offset: 3584, .. }), "{refused}");
}

#[test]
fn point_9_damage_in_the_last_batch_is_refused_once_a_mark_follows() {
    let closed = Memory::new(1);
    filled(&closed, 3).close().unwrap();
    let reopened = Memory::new(1);
    drop(filled(&reopened, 3));
    drop(open(&reopened));
    for memory in [closed, reopened] {
        memory.flip(&segments(&memory)[0], 1536 + 80, 4);
        assert!(matches!(Log::open(memory, SMALL), Err(Error::Damaged { offset: 1536, .. })));
    }
}

#[test]
fn point_9_a_damaged_mark_is_refused_when_records_follow() {
    let memory = Memory::new(1);
    drop(filled(&memory, 3));
    let mut log = open(&memory);
    log.append(&payload(4));
    log.sync().unwrap();
    drop(log);
    memory.flip(&segments(&memory)[0], 2048 + 8, 1);
    let refused = Log::open(memory, SMALL).unwrap_err();
    assert!(matches!(refused, Error::Damaged { offset: 2048, .. }), "{refused}");
}

#[test]
fn point_9_a_segment_of_another_history_is_refused() {
    // The same seed gives both logs one identity: only the hash in the header tells them apart.
    let (memory, other) = (Memory::new(1), Memory::new(1));
    drop(filled(&memory, 9));
    let mut log = open(&other);
    for n in 1..=9 {
        log.append(if n == 1 { b"another beginning" } else { b"record" });
        log.sync().unwrap();
    }
    drop(log);
    let second = segments(&memory)[1].clone();
    let foreign = other.bytes(&second).unwrap();
    memory.change(&second, |bytes| *bytes = foreign.clone());
    assert!(matches!(read_all(&memory), Err(Error::Damaged { offset: 0, .. })));
    let refused = Log::open(memory.clone(), SMALL).unwrap_err();
    assert!(
        matches!(&refused, Error::Damaged { file, offset: 0, .. } if *file == memory.path(&second)),
        "{refused}"
    );
}

#[test]
fn point_9_a_reader_refuses_damage_up_to_what_is_durable_and_waits_beyond() {
    let memory = Memory::new(1);
    let log = filled(&memory, 3);
    memory.flip(&segments(&memory)[0], 1536 + 80, 1);
    let mut reader = Reader::over(memory.clone(), Lsn(2)).unwrap();
    assert_eq!(reader.next(Lsn::MAX).unwrap(), None);
    assert!(matches!(reader.next(log.durable()), Err(Error::Damaged { offset: 1536, .. })));
    memory.flip(&segments(&memory)[0], 1536 + 80, 1);
    assert_eq!(reader.next(log.durable()).unwrap().unwrap().bytes, payload(3));
}

#[test]
fn bytes_behind_the_tail_are_cut() {
    let memory = Memory::new(1);
    drop(filled(&memory, 3));
    memory.change(&segments(&memory)[0], |bytes| bytes[3000..3010].fill(9));
    let log = open(&memory);
    let cut = log.log().cut().unwrap();
    assert_eq!((cut.offset, cut.bytes), (2048, 3010 - 2048));
    assert_eq!(replayed(log.log()), expected(3));
}

#[test]
fn a_payload_that_looks_like_a_batch_does_not_turn_a_torn_tail_into_damage() {
    let (memory, bait) = (Memory::new(1), Memory::new(2));
    drop(filled(&bait, 3));
    let frames = bait.bytes(&segments(&bait)[0]).unwrap()[512..2048].to_vec();
    let mut log = filled(&memory, 1);
    // Header 32 and 40: the copied frames begin on a sector.
    let payload = [vec![0; 512 - 72], frames].concat();
    log.append(&payload);
    memory.power_off_after(1);
    assert!(log.sync().is_err());
    memory.crash(Crash::Keep);
    memory.flip(&segments(&memory)[0], 1024 + 80, 1);
    let log = open(&memory);
    assert_eq!(replayed(log.log()), expected(1));
    assert!(log.log().cut().is_some());
}

#[test]
fn point_11_a_second_process_is_refused_and_a_later_one_has_a_higher_epoch() {
    let memory = Memory::new(1);
    let first = open(&memory);
    assert!(matches!(Log::open(memory.clone(), SMALL), Err(Error::Locked { .. })));
    memory.crash(Crash::Keep);
    let second = open(&memory);
    assert!(second.log().epoch() > first.log().epoch());
    drop(first);
    assert!(
        matches!(Log::open(memory, SMALL), Err(Error::Locked { .. })),
        "a dead writer's lock freed a live one's"
    );
}
