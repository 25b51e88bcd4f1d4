//! Restored copies: the log that goes on from one begins a new lineage, and what was kept of the lost future is refused
//! by name.

use journal::memory::{Crash, Memory};
use journal::storage::Storage;
use journal::{Claim, Cursor, Error, Files, LineageId, Log, Lsn, Reader, SyncLog};

use crate::{SMALL, expected, filled, open, payload, read_all, replayed};

/// Begins a new lineage, as the operator does on a restored copy.
fn restored(memory: &Memory) -> Result<SyncLog<Memory>, Error> {
    let claim = Claim::over(memory.clone())?;
    let tail = claim.files().restored(claim.files().reader(Lsn(0))?)?;
    Ok(claim.restored(tail, SMALL)?.into_sync())
}

/// A copy of a log at record 8, and the log that went on to record 30.
fn copied() -> (Memory, Memory) {
    let memory = Memory::new(1);
    filled(&memory, 8).close().unwrap();
    let copy = memory.copy();
    let mut log = open(&memory);
    for n in 9..=30 {
        append(&mut log, n, b"of the lost future");
    }
    log.close().unwrap();
    (copy, memory)
}

fn append(log: &mut SyncLog<Memory>, n: u64, text: &[u8]) {
    assert_eq!(log.append(&[&payload(n), text].concat()), Lsn(n));
    log.sync().unwrap();
}

/// Puts a file of one storage into another.
fn put(name: &str, from: &Memory, to: &Memory) {
    let bytes = from.bytes(name).unwrap();
    if to.bytes(name).is_none() {
        to.create(name).unwrap();
    }
    to.change(name, |file| file.clone_from(&bytes));
}

fn end(memory: &Memory) -> Cursor {
    Log::open(memory.copy(), SMALL).unwrap().end()
}

#[test]
fn a_restored_copy_has_the_same_records_and_another_lineage() {
    let (copy, original) = copied();
    let first = end(&copy).lineage;
    let mut log = restored(&copy).unwrap();
    let second = log.log().lineage();
    assert_ne!(second, first);
    assert_eq!(log.log().id(), first.0, "it is the same log");
    for n in 9..=20 {
        append(&mut log, n, b"of another future");
    }
    let forked = Cursor { lineage: first, ..log.log().end() };
    log.close().unwrap();
    let files = Files::over(copy.clone()).unwrap();
    let [begun, fork] = files.lineages() else { panic!("{:?}", files.lineages()) };
    assert_eq!((begun.id, begun.forked, fork.id), (first, None, second));
    let at = fork.forked.unwrap();
    assert_eq!((at.lineage, at.lsn, Some(at.hash)), (first, Lsn(8), files.hash_at(Lsn(8)).unwrap()));
    assert_eq!(read_all(&copy).unwrap()[..8], expected(8));
    assert_eq!(end(&copy).lineage, second, "it stays");
    // What was kept before the fork is of this log, what was kept after it is not.
    files.admits(&at, "cursor").unwrap();
    files.admits(&end(&copy), "cursor").unwrap();
    for lost in [forked, end(&original), Cursor { lsn: Lsn(9), ..at }] {
        let refused = files.admits(&lost, "cursor").unwrap_err();
        assert!(matches!(refused, Error::Abandoned { forked: Some(Lsn(8)), .. }), "{refused}");
        let text = refused.to_string();
        assert!(text.contains(&first.to_string()) && text.contains("abandoned at record 8"), "{text}");
    }
    let stranger = Cursor { lineage: LineageId([7; 16]), ..at };
    assert!(matches!(files.admits(&stranger, "cursor"), Err(Error::Abandoned { forked: None, .. })));
}

#[test]
fn a_copy_beside_files_of_the_lost_future_is_refused_until_it_begins_a_new_lineage() {
    let (copy, original) = copied();
    put("head", &original, &copy);
    for refused in [Log::open(copy.copy(), SMALL).unwrap_err(), Log::open(copy.clone(), SMALL).unwrap_err()] {
        let Error::Ends { last: Lsn(8), file, .. } = &refused else { panic!("{refused}") };
        assert_eq!(*file, copy.path("head"));
        assert!(refused.to_string().contains("restored copy"), "{refused}");
    }
    let mut log = restored(&copy).unwrap();
    (9..=40).for_each(|n| append(&mut log, n, b"of another future"));
    log.close().unwrap();
    // Brought back, it is refused by name, although the log has records of these numbers by now.
    put("head", &original, &copy);
    let refused = Log::open(copy, SMALL).unwrap_err();
    assert!(matches!(refused, Error::Abandoned { lsn: Lsn(30), forked: Some(Lsn(8)), .. }), "{refused}");
}

#[test]
fn a_cursor_that_the_log_does_not_reach_is_refused_and_by_name_when_its_lineage_was_abandoned() {
    let (copy, original) = copied();
    let later = end(&original);
    let reaches = |memory: &Memory, at: &Cursor| {
        let files = Files::over(memory.clone()).unwrap();
        let tail = files.finish(files.reader(Lsn(0)).unwrap()).unwrap();
        files.reaches(&tail, at, "store")
    };
    reaches(&original, &later).unwrap();
    let refused = reaches(&copy, &later).unwrap_err();
    assert!(matches!(refused, Error::Ends { last: Lsn(8), lsn: Lsn(30), .. }), "{refused}");
    restored(&copy).unwrap().close().unwrap();
    let refused = reaches(&copy, &later).unwrap_err();
    assert!(matches!(refused, Error::Abandoned { lsn: Lsn(30), forked: Some(Lsn(8)), .. }), "{refused}");
}

#[test]
fn a_copy_restored_twice_has_the_lineages_that_have_records() {
    let (copy, _) = copied();
    let first = end(&copy).lineage;
    // Nothing is appended in the second one, so the third takes its place.
    let second = restored(&copy).unwrap().log().lineage();
    let mut log = restored(&copy).unwrap();
    let third = log.log().lineage();
    append(&mut log, 9, b"of another future");
    drop(log);
    let fourth = restored(&copy).unwrap().log().lineage();
    let files = Files::over(copy).unwrap();
    let found: Vec<_> =
        files.lineages().iter().map(|lineage| (lineage.id, lineage.forked.map(|at| at.lsn))).collect();
    assert_eq!(found, [(first, None), (third, Some(Lsn(8))), (fourth, Some(Lsn(9)))]);
    assert!([first, third, fourth].iter().all(|id| *id != second));
    let at = |lineage, lsn| Cursor { lineage, lsn: Lsn(lsn), hash: [0; 32] };
    for (lineage, last) in [(first, 8), (third, 9), (fourth, 99)] {
        files.admits(&at(lineage, last), "cursor").unwrap();
        assert_eq!(files.admits(&at(lineage, last + 1), "cursor").is_ok(), lineage == fourth);
    }
}

#[test]
fn a_crash_while_a_lineage_begins_is_noticed_by_the_next_start_or_has_changed_nothing() {
    for steps in 0.. {
        let mut complete = false;
        for crash in [Crash::Lose, Crash::Keep, Crash::Torn(40), Crash::Random(1), Crash::Random(2)] {
            let (copy, original) = copied();
            put("head", &original, &copy);
            let first = Files::over(copy.clone()).unwrap().lineages()[0].id;
            copy.power_off_after(steps);
            complete = restored(&copy).is_ok();
            copy.crash(crash);
            match Log::open(copy.clone(), SMALL) {
                // Only as a new lineage it goes on.
                Ok(log) => assert_ne!(log.lineage(), first, "{steps} steps, {crash:?}"),
                Err(error) => assert!(
                    !complete && matches!(error, Error::Ends { .. } | Error::Abandoned { .. }),
                    "{steps} steps, {crash:?}: {error}"
                ),
            }
            let log = restored(&copy).unwrap();
            assert_ne!(log.log().lineage(), first);
            assert_eq!(replayed(log.log()), expected(8));
        }
        if complete {
            break;
        }
    }
}

#[test]
fn a_torn_tail_is_cut_before_the_fork() {
    let (copy, _) = copied();
    let mut log = open(&copy);
    log.append(&payload(9));
    copy.power_off_after(1);
    assert!(log.sync().is_err());
    drop(log);
    copy.crash(Crash::Torn(80));
    let log = restored(&copy).unwrap();
    assert_eq!(replayed(log.log()), expected(8));
    drop(log);
    let mut reader = Reader::over(copy.clone(), Lsn(0)).unwrap();
    while reader.next(Lsn::MAX).unwrap().is_some() {}
    assert_eq!(reader.cursor(), end(&copy));
}
