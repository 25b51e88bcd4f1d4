//! Positions that were kept outside of the log: what is not of this log is refused, and the message says why.

use engine::{Level, World};
use journal::{Files, Lsn, SyncLog, memory::Memory, storage::Storage};

use super::{commit, deposit, deposit_record, fork, open, store_of, verify_full};
use crate::{
    recovery::{Error, Expectations, Head, Proven, full, kept, tail},
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
    tail(&Files::over(memory.clone()).expect("a log"), None, Some(&store_of(memory)), &expectations).err()
}

fn tail_of(memory: &Memory) -> Result<Proven, Error> {
    let files = Files::over(memory.clone()).expect("a log");
    tail(&files, None, Some(&store_of(memory)), &Expectations::default())
}

/// The state with which a start begins, and where its store then stands.
fn started(memory: &Memory) -> Result<(Proven, Lsn), Error> {
    let files = Files::over(memory.clone()).expect("a log");
    let (keeper, proven) = kept(&files, None, store_of(memory), &Expectations::default())?;
    Ok((proven, keeper.cursor().lsn))
}

/// Puts the state store of one disk onto another.
fn put_store(from: &Memory, to: &Memory) {
    for name in store_of(to).list().expect("a disk") {
        store_of(to).remove(&name).expect("it is listed");
    }
    for name in from.list().expect("a disk").into_iter().filter(|name| name.starts_with("store-")) {
        let bytes = from.bytes(&name).expect("it is listed");
        to.create(&name).expect("a disk");
        to.change(&name, |file| file.clone_from(&bytes));
    }
}

#[test]
fn a_store_of_an_abandoned_lineage_is_built_again_by_the_start_and_refused_by_verify() {
    let (memory, log, world) = played(8);
    log.close().expect("a disk");
    let (copy, mut other) = (memory.copy(), world);
    let (mut log, mut world) = open(&memory).expect("a log");
    for number in 9..=20 {
        deposit(&mut log, &mut world, number);
    }
    commit(&memory);

    let mut log = fork(&copy);
    for number in 109..=130 {
        deposit(&mut log, &mut other, number);
    }
    log.close().expect("a disk");
    put_store(&memory, &copy);
    let proven = tail_of(&copy).expect("it starts");
    assert_eq!((proven.world.books.lsn(), proven.cursor), (30, 0));
    let why = proven.passed_over.expect("it is passed over");
    assert!(why.contains("which this log abandoned at record 8"), "{why}");
    let wrong = verify_full(&copy).expect_err("it is not of this log");
    assert!(wrong.contains("at record 20") && wrong.contains("abandoned at record 8"), "{wrong}");
    let (proven, stored) = started(&copy).expect("it starts");
    assert_eq!((proven.world.books.lsn(), stored), (30, Lsn(0)), "its follower builds it again");
}

#[test]
fn a_store_of_later_records_than_the_log_tells_that_records_are_missing_and_is_left_as_it_is() {
    let (memory, log, _) = played(8);
    log.close().expect("a disk");
    let copy = memory.copy();
    let (mut log, mut world) = open(&memory).expect("a log");
    for number in 9..=20 {
        deposit(&mut log, &mut world, number);
    }
    commit(&memory);
    put_store(&memory, &copy);
    let stored = |memory: &Memory| store_of(memory).list().expect("a disk");
    let before = stored(&copy);
    for refused in [tail_of(&copy).err(), started(&copy).err()] {
        let error = refused.expect("records are missing");
        assert!(matches!(error, Error::LooksRestored(_)), "{error}");
        assert!(with_causes(&error).contains("store"), "{}", with_causes(&error));
    }
    assert_eq!(stored(&copy), before);
}

#[test]
fn a_log_whose_beginning_was_removed_starts_from_its_store_and_from_nothing_else() {
    let (memory, mut log, mut world) = played(20);
    commit(&memory);
    for number in 21..=40 {
        deposit(&mut log, &mut world, number);
    }
    let first = log.log().truncate_before(Lsn(21), &[]).expect("a disk").first;
    assert!((Lsn(2)..=Lsn(21)).contains(&first), "{first:?}");
    log.close().expect("a disk");
    let files = Files::over(memory.clone()).expect("a log");
    let proven = tail_of(&memory).expect("it starts");
    assert_eq!((proven.world.books.lsn(), proven.cursor), (40, 20));
    let store = store_of(&memory);
    let findings =
        full(&files, None, Some(&store), Level::ReDecide, &Expectations::default()).expect("it is sound");
    assert_eq!((findings.trusted, findings.verifier.tally().re_applied()), (20, 20));
    assert_eq!(findings.verifier.world().books.digest(), world.books.digest());

    // A record that was removed is expected in vain, and the message says why.
    let error = refused(&memory, Head { lsn: 1, hash: [1; 32] }).expect("it is gone");
    assert!(with_causes(&error).contains("record 2 was removed"), "{}", with_causes(&error));

    // A store that stands before the first record that is kept is no beginning, nor is a damaged one. Neither is removed.
    let (older, damaged) = (memory.copy(), memory.copy());
    let (early, _, _) = played(1);
    commit(&early);
    put_store(&early, &older);
    damaged.flip("store-manifest", 20, 1);
    for bad in [older, damaged] {
        let before = store_of(&bad).list().expect("a disk");
        let expected = format!("begins at record {}", first.0);
        for error in [started(&bad).err(), tail_of(&bad).err()] {
            let said = with_causes(&error.expect("nothing to begin with"));
            assert!(said.contains(&expected), "{said}");
        }
        verify_full(&bad).expect_err("nothing to begin with");
        assert_eq!(store_of(&bad).list().expect("a disk"), before);
    }
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
