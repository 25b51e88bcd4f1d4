//! Every byte of a small log flipped, one at a time: the damage is refused with file and offset, or is in a tail that
//! may be cut.

use journal::memory::Memory;
use journal::storage::Storage;
use journal::{Error, Files, Log};

use crate::{SMALL, expected, filled, read_all, replayed, segments};

/// Opens a damaged copy; panics unless it is refused with the file, or has the first records unaltered.
fn judge(damaged: &Memory, name: &str, at: u64, records: u64) -> u64 {
    // A reader must never return a wrong record either.
    match read_all(damaged) {
        Ok(shown) => assert_eq!(shown, expected(shown.len() as u64), "{name} byte {at}"),
        Err(error) => assert!(tells_where(&error, damaged, name), "{name} byte {at}: {error}"),
    }
    match Log::open(damaged.clone(), SMALL) {
        Ok(log) => {
            let kept = log.last().0;
            assert_eq!(replayed(&log), expected(kept), "{name} byte {at}");
            assert!(log.cut().is_some(), "{name} byte {at} went unseen");
            kept
        }
        Err(error) => {
            assert!(tells_where(&error, damaged, name), "{name} byte {at}: {error}");
            records
        }
    }
}

fn tells_where(error: &Error, memory: &Memory, name: &str) -> bool {
    matches!(error, Error::Damaged { file, .. } if *file == memory.path(name))
}

fn flip_every_byte(memory: &Memory, records: u64, least: impl Fn(&str, u64) -> u64) {
    for name in segments(memory) {
        for at in 0..memory.bytes(&name).unwrap().len() as u64 {
            let damaged = memory.copy();
            damaged.flip(&name, at, 1 << (at % 8));
            let kept = judge(&damaged, &name, at, records);
            assert!(kept >= least(&name, at), "{name} byte {at} cost records {kept}..{records}");
        }
    }
}

#[test]
fn a_flipped_byte_in_a_closed_log_never_costs_a_record() {
    let memory = Memory::new(1);
    filled(&memory, 9).close().unwrap();
    assert_eq!(segments(&memory).len(), 2);
    flip_every_byte(&memory, 9, |_, _| 9);
}

#[test]
fn a_flipped_byte_in_a_log_that_crashed_costs_at_most_the_last_batch() {
    let memory = Memory::new(1);
    drop(filled(&memory, 8));
    let last = segments(&memory)[1].clone();
    let end = memory.bytes(&last).unwrap().iter().rposition(|byte| *byte != 0).unwrap() as u64;
    let batch = end / 512 * 512;
    let in_last = |name: &str, at: u64| name == last && (batch..batch + 512).contains(&at);
    flip_every_byte(&memory, 8, |name, at| if in_last(name, at) { 7 } else { 8 });
}

#[test]
fn a_log_cut_at_any_length_is_refused() {
    let memory = Memory::new(1);
    drop(filled(&memory, 5));
    let name = segments(&memory)[0].clone();
    for len in 0..memory.bytes(&name).unwrap().len() {
        let damaged = memory.copy();
        damaged.change(&name, |bytes| bytes.truncate(len));
        let refused = Log::open(damaged.clone(), SMALL).unwrap_err();
        assert!(tells_where(&refused, &damaged, &name), "cut at {len}: {refused}");
        assert_eq!(damaged.bytes(&name).unwrap().len(), len, "refusing has changed nothing");
    }
}

#[test]
fn a_segment_that_has_grown_is_refused_whether_another_follows_or_not() {
    let memory = Memory::new(1);
    filled(&memory, 9).close().unwrap();
    for name in segments(&memory) {
        let len = memory.bytes(&name).unwrap().len() as u64;
        for more in [&[0; 512][..], &[0xa5; 1], &[0xa5; 5000]] {
            let damaged = memory.copy();
            damaged.change(&name, |bytes| bytes.extend_from_slice(more));
            let before = damaged.bytes(&name);
            for refused in
                [Files::over(damaged.clone()).unwrap_err(), Log::open(damaged.clone(), SMALL).unwrap_err()]
            {
                let Error::Damaged { file, offset, .. } = &refused else { panic!("{refused}") };
                assert_eq!((file, *offset), (&damaged.path(&name), len));
            }
            assert_eq!(damaged.bytes(&name), before, "refusing has changed nothing");
        }
    }
}

#[test]
fn a_spare_that_is_not_all_zeros_is_not_used() {
    // Three of them fill a segment but for one sector.
    let record = |n: u8| vec![n; 900];
    for at in [0, 700, 4095] {
        let memory = Memory::new(1);
        let mut log = crate::open(&memory);
        log.prepare_spare().unwrap();
        drop(log);
        memory.flip("spare.ready", at, 1);
        let mut log = crate::open(&memory);
        for n in 0..9 {
            log.append(&record(n));
            log.sync().unwrap();
        }
        log.close().unwrap();
        let expected: Vec<Vec<u8>> = (0..9).map(record).collect();
        assert_eq!(replayed(crate::open(&memory).log()), expected, "byte {at}");
    }
}

#[test]
fn a_record_altered_together_with_its_checksums_breaks_the_chain() {
    // A log with the same identity and other records: its batches are valid, but do not follow.
    let (memory, other) = (Memory::new(1), Memory::new(1));
    drop(filled(&memory, 3));
    let mut log = crate::open(&other);
    for bytes in [&b"record 1 changed"[..], &crate::payload(2), &crate::payload(3)] {
        log.append(bytes);
        log.sync().unwrap();
    }
    drop(log);
    let name = segments(&memory)[0].clone();
    let forged = other.bytes(&name).unwrap()[512..1024].to_vec();
    memory.change(&name, |bytes| bytes[512..1024].copy_from_slice(&forged));
    let refused = Log::open(memory.clone(), SMALL).unwrap_err();
    let Error::Chain { file, offset: 1024, lsn: journal::Lsn(2) } = &refused else { panic!("{refused}") };
    assert_eq!(*file, memory.path(&name));
}

#[test]
fn a_flipped_byte_in_the_unused_end_of_a_full_segment_is_refused_by_every_reader() {
    let memory = Memory::new(1);
    let mut log = crate::open(&memory);
    for n in 0..6 {
        // Three of them fill a segment except for one sector.
        log.append(&[n; 900]);
        log.sync().unwrap();
    }
    drop(log);
    let name = segments(&memory)[0].clone();
    let bytes = memory.bytes(&name).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 / 512 * 512 + 512;
    assert!(used < bytes.len() as u64 && segments(&memory).len() > 1);
    for at in used..bytes.len() as u64 {
        let damaged = memory.copy();
        damaged.flip(&name, at, 1 << (at % 8));
        for refused in [read_all(&damaged).unwrap_err(), Log::open(damaged.clone(), SMALL).unwrap_err()] {
            let Error::Damaged { file, offset, .. } = &refused else { panic!("{refused}") };
            assert_eq!((file, *offset), (&damaged.path(&name), used), "byte {at}");
        }
    }
}
