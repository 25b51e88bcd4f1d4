//! Positions that were kept outside of the log: what is not of this log is refused, and the message says why.

use engine::{Level, World, checkpoint};
use journal::{Files, Lsn, SyncLog, memory::Memory, storage::Storage};

use super::{deposit, deposit_record, fork, open, verify_full};
use crate::{
    recovery::{Error, Expectations, Head, full, tail},
    telemetry::with_causes,
};

/// A log of deposits, each a batch of its own.
fn played(to: u64) -> (Memory, SyncLog<Memory>, World) {
    let memory = Memory::new(3);
    let (mut log, mut world) = open(&memory).expect("a new log");
    for number in 1..=to {
        deposit(&mut log, &mut world, number);
    }
    (memory, log, world)
}

fn refused(memory: &Memory, head: Head) -> Option<Error> {
    let expectations = Expectations { head: Some(head), ..Expectations::default() };
    tail(&Files::over(memory.clone()).expect("a log"), &expectations).err()
}

#[test]
fn a_checkpoint_of_an_abandoned_lineage_is_passed_over_by_the_start_and_refused_by_verify() {
    let (memory, log, mut world) = played(8);
    log.close().expect("a disk");
    let (copy, mut other) = (memory.copy(), world.clone());
    let (mut log, _) = open(&memory).expect("a log");
    for number in 9..=20 {
        deposit(&mut log, &mut world, number);
    }
    checkpoint_at_the_end(&memory, &log, &world);
    let name = "00000000000000000020.checkpoint";
    let lost = memory.bytes(name).expect("the checkpoint");

    let mut log = fork(&copy);
    for number in 109..=130 {
        deposit(&mut log, &mut other, number);
    }
    log.close().expect("a disk");
    copy.create(name).expect("a disk");
    copy.change(name, |bytes| bytes.clone_from(&lost));
    let proven =
        tail(&Files::over(copy.clone()).expect("a log"), &Expectations::default()).expect("it starts");
    assert_eq!((proven.world.books.lsn(), proven.cursor), (30, 0));
    let [(20, why)] = &proven.passed_over[..] else { panic!("{:?}", proven.passed_over) };
    assert!(why.contains("which this log abandoned at record 8"), "{why}");
    let wrong = verify_full(&copy).expect_err("it is not of this log");
    assert!(wrong.contains("checkpoint 20") && wrong.contains("abandoned at record 8"), "{wrong}");
}

#[test]
fn a_log_whose_beginning_was_removed_starts_from_a_checkpoint_behind_it_and_from_nothing_else() {
    let (memory, mut log, mut world) = played(20);
    checkpoint_at_the_end(&memory, &log, &world);
    for number in 21..=40 {
        deposit(&mut log, &mut world, number);
    }
    let first = log.log().truncate_before(Lsn(21), &[]).expect("a disk").first;
    assert!((Lsn(2)..=Lsn(21)).contains(&first), "{first:?}");
    log.close().expect("a disk");
    let files = Files::over(memory.clone()).expect("a log");
    let proven = tail(&files, &Expectations::default()).expect("it starts");
    assert_eq!((proven.world.books.lsn(), proven.cursor), (40, 20));
    let findings = full(&files, Level::ReDecide, &Expectations::default()).expect("it is sound");
    assert_eq!((findings.trusted, findings.verifier.tally().re_applied()), (20, 20));
    assert_eq!(findings.verifier.world().books.digest(), world.books.digest());

    // A record that was removed is expected in vain, and the message says why.
    let error = refused(&memory, Head { lsn: 1, hash: [1; 32] }).expect("it is gone");
    assert!(with_causes(&error).contains("record 2 was removed"), "{}", with_causes(&error));

    // A checkpoint of a record that was removed is no beginning.
    let older = memory.copy();
    let (_, log, before) = played(1);
    journal::checkpoint::write_in(&older, log.log().end(), &checkpoint::encode(&before)).expect("a disk");
    older.remove("00000000000000000020.checkpoint").expect("it is there");
    let Err(error) = tail(&Files::over(older).expect("a log"), &Expectations::default()) else {
        panic!("it starts")
    };
    let text = with_causes(&error);
    assert!(
        text.contains(&format!("begins at record {}", first.0)) && text.contains("00001.checkpoint: "),
        "{text}"
    );
    memory.flip("00000000000000000020.checkpoint", 200, 1);
    let wrong = verify_full(&memory).expect_err("nothing to begin with");
    assert!(wrong.contains("no checkpoint can be used") && wrong.contains("00020.checkpoint"), "{wrong}");
}

fn checkpoint_at_the_end(memory: &Memory, log: &SyncLog<Memory>, world: &World) {
    journal::checkpoint::write_in(memory, log.log().end(), &checkpoint::encode(world)).expect("a disk");
}

#[test]
fn a_head_within_a_batch_is_of_another_log_and_the_end_of_the_batch_is_named() {
    let memory = Memory::new(3);
    let (mut log, mut world) = open(&memory).expect("a new log");
    for number in 1..=3 {
        log.append(&deposit_record(&mut world, number));
    }
    log.sync().expect("a disk");
    let hash = log.log().end().hash;
    drop(log);
    assert!(refused(&memory, Head { lsn: 3, hash }).is_none());
    for (lsn, hash) in [(2, hash), (3, [7; 32])] {
        let error = refused(&memory, Head { lsn, hash }).expect("it is not the end");
        let end = matches!(error, Error::OtherLog { expected, found } if expected == lsn && found.lsn == 3);
        assert!(end, "{error}");
    }
    assert!(matches!(refused(&memory, Head { lsn: 4, hash }), Some(Error::Short { last: 3, expected: 4 })));
}
