//! Checkpoints, and crashes while one is written (crash point 6).

use journal::checkpoint::{self, Checkpoint};
use journal::file::Directory;
use journal::memory::{Crash, Memory};
use journal::storage::Storage;
use journal::{Cursor, Error, LineageId, Log, Lsn};

use crate::{SMALL, expected, filled, open, replayed};

/// The end of a batch, as a checkpoint states it. Its hash is one byte repeated.
fn at(lsn: u64) -> Cursor {
    Cursor { lineage: LineageId([9; 16]), lsn: Lsn(lsn), hash: [lsn as u8; 32] }
}

fn stored(storage: &impl Storage) -> usize {
    storage.list().unwrap().iter().filter(|name| name.ends_with(".checkpoint")).count()
}

#[test]
fn the_newest_is_read_back_and_two_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(checkpoint::latest(dir.path()).unwrap(), None);
    for lsn in 1..=5 {
        checkpoint::write(dir.path(), at(lsn), &vec![7; lsn as usize * 1000]).unwrap();
    }
    let newest = Checkpoint { at: at(5), bytes: vec![7; 5000] };
    assert_eq!(checkpoint::latest(dir.path()).unwrap(), Some(newest));
    assert_eq!(stored(&Directory::open(dir.path()).unwrap()), 2);
}

#[test]
fn a_damaged_newest_falls_back_to_the_older_at_every_byte() {
    let memory = Memory::new(1);
    checkpoint::write_in(&memory, at(1), b"older").unwrap();
    checkpoint::write_in(&memory, at(2), b"newer").unwrap();
    let name = "00000000000000000002.checkpoint";
    for at in 0..memory.bytes(name).unwrap().len() as u64 {
        let damaged = memory.copy();
        damaged.flip(name, at, 1 << (at % 8));
        assert_eq!(checkpoint::latest_in(&damaged).unwrap().unwrap().bytes, b"older", "byte {at}");
        damaged.change(name, |bytes| bytes.truncate(at as usize));
        assert_eq!(checkpoint::latest_in(&damaged).unwrap().unwrap().bytes, b"older", "cut at {at}");
    }
}

#[test]
fn point_6_a_crash_at_any_step_leaves_the_older_or_the_newer_whole() {
    for steps in 0.. {
        let mut complete = false;
        for crash in
            [Crash::Lose, Crash::Keep, Crash::Torn(40), Crash::Torn(99), Crash::Random(1), Crash::Random(2)]
        {
            let memory = Memory::new(1);
            drop(filled(&memory, 4));
            checkpoint::write_in(&memory, at(1), b"one").unwrap();
            checkpoint::write_in(&memory, at(2), b"two").unwrap();
            memory.power_off_after(steps);
            complete = checkpoint::write_in(&memory, at(3), b"three").is_ok();
            memory.crash(crash);
            let found = checkpoint::latest_in(&memory).unwrap().unwrap().bytes;
            assert!(found == b"three" || (found == b"two" && !complete), "{steps} steps, {crash:?}");
            assert_eq!(replayed(open(&memory).log()), expected(4));
            assert!(memory.list().unwrap().iter().all(|name| !name.ends_with(".partial")));
        }
        if complete {
            break;
        }
    }
}

#[test]
fn a_checkpoint_that_finds_no_room_leaves_none_taken() {
    let memory = Memory::new(1);
    drop(filled(&memory, 4));
    let used = memory.used();
    memory.limit_space(used + 1000);
    assert!(checkpoint::write_in(&memory, at(1), &[7; 2000]).is_err());
    assert_eq!(memory.used(), used);
}

#[test]
fn a_log_that_ends_before_its_checkpoint_is_refused() {
    let memory = Memory::new(1);
    filled(&memory, 4).close().unwrap();
    checkpoint::write_in(&memory, at(5), b"of records that are gone").unwrap();
    let refused = Log::open(memory, SMALL).unwrap_err();
    assert!(matches!(refused, Error::Ends { last: Lsn(4), lsn: Lsn(5), .. }), "{refused}");
}

#[test]
fn a_directory_with_a_checkpoint_and_no_log_is_refused() {
    let memory = Memory::new(1);
    checkpoint::write_in(&memory, at(5), b"of a log that is gone").unwrap();
    assert!(matches!(Log::open(memory, SMALL), Err(Error::Ends { last: Lsn(0), lsn: Lsn(5), .. })));
}
