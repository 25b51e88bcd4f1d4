//! Removal of the oldest segments: a log that begins later, each crash on the way, and what is refused.

use std::sync::mpsc;
use std::time::Duration;

use journal::memory::{Crash, Memory, Operation};
use journal::storage::Storage;
use journal::{Claim, Cursor, Error, Files, LineageId, Log, Lsn, Options, Reader, State, SyncLog, Truncated};

use crate::condition::Send;
use crate::{SMALL, expected, filled, open, payload, segments};

/// The segments of a log, by their first record.
fn firsts<S: Storage>(storage: &S) -> Vec<u64> {
    segments(storage).iter().map(|name| name[..20].parse().unwrap()).collect()
}

/// The records after one, as a reader finds them.
fn read_after<S: Storage>(storage: &S, after: u64) -> Result<Vec<Vec<u8>>, Error> {
    let mut reader = Reader::over(storage.clone(), Lsn(after))?;
    let mut records = Vec::new();
    while let Some(entry) = reader.next(Lsn::MAX)? {
        assert_eq!(entry.lsn, Lsn(after + records.len() as u64 + 1));
        records.push(entry.bytes.to_vec());
    }
    Ok(records)
}

/// Checks that the log is whole from its beginning on: read by a follower, and opened by a start.
fn whole_from_its_beginning(memory: &Memory, records: u64) -> u64 {
    let files = Files::over(memory.clone()).unwrap();
    let begins = files.begins();
    let begun = files.reader(begins.lsn).unwrap();
    assert_eq!(files.finish(begun).unwrap().last(), Lsn(records));
    assert_eq!(files.hash_at(begins.lsn).unwrap(), Some(begins.hash));
    let kept = &expected(records)[begins.lsn.0 as usize..];
    assert_eq!(read_after(memory, begins.lsn.0).unwrap(), kept);
    let claim = Claim::over(memory.clone()).unwrap();
    let tail = claim.files().finish(claim.files().reader(begins.lsn).unwrap()).unwrap();
    let log = claim.open(tail, SMALL).unwrap();
    assert_eq!(log.last(), Lsn(records));
    drop(log);
    assert_eq!(
        firsts(memory).first(),
        Some(&begins.lsn.next().0),
        "what was left over is removed by an open"
    );
    begins.lsn.0
}

#[test]
fn whole_segments_before_a_record_are_removed_and_the_log_begins_later() {
    let memory = Memory::new(1);
    let log = filled(&memory, 40);
    let before = firsts(&memory);
    assert!(before.len() > 5, "{before:?}");
    // In the middle of the fourth segment: three go.
    let done = log.log().truncate_before(Lsn(before[3] + 1), &[]).unwrap();
    assert_eq!(done, Truncated { first: Lsn(before[3]), parts: 3, bytes: 3 * (4 << 10) });
    assert_eq!(firsts(&memory), before[3..]);
    // Again, and for an earlier record: there is nothing to do.
    for lsn in [before[3] + 1, 1] {
        let done = log.log().truncate_before(Lsn(lsn), &[]).unwrap();
        assert_eq!(done, Truncated { first: Lsn(before[3]), parts: 0, bytes: 0 });
    }
    // At the first record of a segment, that segment stays.
    assert_eq!(log.log().truncate_before(Lsn(before[4]), &[]).unwrap().first, Lsn(before[4]));
    log.close().unwrap();
    assert_eq!(whole_from_its_beginning(&memory, 40), before[4] - 1);
}

#[test]
fn the_last_segment_is_never_removed_and_writing_goes_on_in_it() {
    let memory = Memory::new(1);
    let mut log = filled(&memory, 40);
    let last = *firsts(&memory).last().unwrap();
    assert_eq!(log.log().truncate_before(Lsn::MAX, &[]).unwrap().first, Lsn(last));
    assert_eq!(firsts(&memory), [last]);
    for n in 41..=60 {
        log.append(&payload(n));
        log.sync().unwrap();
    }
    log.close().unwrap();
    assert_eq!(whole_from_its_beginning(&memory, 60), last - 1);
}

#[test]
fn what_a_cursor_still_needs_is_kept() {
    for needed in 0..40 {
        let memory = Memory::new(1);
        let log = filled(&memory, 40);
        let before = firsts(&memory);
        let first = log.log().truncate_before(Lsn::MAX, &[Lsn(39), Lsn(needed), Lsn(40)]).unwrap().first;
        let expected = before.iter().rev().find(|first| **first <= needed + 1).copied();
        assert_eq!(Some(first.0), expected, "a cursor at {needed}");
        log.close().unwrap();
        assert_eq!(read_after(&memory, needed).unwrap().len(), 40 - needed as usize);
        whole_from_its_beginning(&memory, 40);
    }
}

#[test]
fn a_crash_at_each_step_of_a_removal_leaves_a_log_that_opens_and_loses_nothing_else() {
    let crashes = [Crash::Lose, Crash::Keep, Crash::Torn(1), Crash::Torn(100), Crash::Torn(400)];
    let random = (0..20).map(Crash::Random);
    let (mut tried, mut begun_later, mut lost) = (0, 0, 0);
    for crash in crashes.into_iter().chain(random) {
        for steps in 0.. {
            let memory = Memory::new(1);
            let log = filled(&memory, 40);
            let before = firsts(&memory);
            log.log().truncate_before(Lsn(before[1]), &[]).unwrap();
            memory.power_off_after(steps);
            let complete = log.log().truncate_before(Lsn(before[4]), &[]).is_ok();
            drop(log);
            memory.crash(crash);
            // The next open may be interrupted too.
            memory.power_off_after(steps % 7);
            drop(SyncLog::<Memory>::open(memory.clone(), SMALL));
            memory.crash(crash);
            tried += 1;
            let begins = whole_from_its_beginning(&memory, 40);
            assert!([before[1] - 1, before[4] - 1].contains(&begins), "{steps} steps, {crash:?}: {begins}");
            lost += u32::from(complete && begins != before[4] - 1);
            begun_later += u32::from(begins == before[4] - 1);
            if complete {
                break;
            }
        }
    }
    println!("removal: {tried} crashes tried, {begun_later} with the later beginning, lost {lost}");
    assert!(tried > 200 && begun_later > 0 && lost == 0);
}

#[test]
fn an_error_in_the_middle_is_made_good_by_the_next_removal_or_open_whatever_is_lost_meanwhile() {
    let mut tried = 0;
    // The syncs: of the new beginning, before the segments are removed, and after that.
    for skip in 0..3 {
        for opens in [false, true] {
            for crash in [Crash::Lose, Crash::Keep].into_iter().chain((0..20).map(Crash::Random)) {
                for steps in 0.. {
                    let memory = Memory::new(1);
                    let log = filled(&memory, 40);
                    let before = firsts(&memory);
                    memory.fail(Operation::SyncNames, skip, libc::EIO);
                    assert!(log.log().truncate_before(Lsn(before[3]), &[]).is_err());
                    memory.power_off_after(steps);
                    let complete = if opens {
                        drop(log);
                        SyncLog::<Memory>::open(memory.clone(), SMALL).is_ok()
                    } else {
                        let done = log.log().truncate_before(Lsn(before[3]), &[]);
                        let nothing_left = Truncated { first: Lsn(before[3]), parts: 0, bytes: 0 };
                        assert!(done.as_ref().is_ok_and(|done| *done == nothing_left) || done.is_err());
                        drop(log);
                        done.is_ok()
                    };
                    memory.crash(crash);
                    tried += 1;
                    let begins = whole_from_its_beginning(&memory, 40);
                    assert!(
                        [0, before[3] - 1].contains(&begins),
                        "{skip}, {opens}, {crash:?}, {steps} steps"
                    );
                    assert!(!complete || begins > 0, "{skip}, {opens}, {crash:?}: complete, and undone");
                    if complete {
                        break;
                    }
                }
            }
        }
    }
    println!("removal after an error: {tried} crashes tried");
    assert!(tried > 500);
}

#[test]
fn records_that_were_removed_are_refused_by_that_name() {
    let memory = Memory::new(1);
    let log = filled(&memory, 40);
    let before = firsts(&memory);
    let mut follower = Reader::over(memory.clone(), Lsn(0)).unwrap();
    follower.next(Lsn::MAX).unwrap().unwrap();
    log.log().truncate_before(Lsn(before[4]), &[]).unwrap();
    let removed = |result: Result<(), Error>, lsn| match result {
        Err(error @ Error::Removed { .. }) => {
            assert!(!error.tells_of_damage());
            let text = format!(
                "record {lsn} was removed from memory/ after it was archived: the log begins at record {}",
                before[4]
            );
            assert!(error.to_string().starts_with(&text), "{error}");
        }
        other => panic!("{other:?}"),
    };
    removed(Reader::over(memory.clone(), Lsn(0)).map(drop), 1);
    removed(Reader::over(memory.clone(), Lsn(before[4] - 2)).map(drop), before[4] - 1);
    Reader::over(memory.clone(), Lsn(before[4] - 1)).unwrap();
    let files = Files::over(memory.clone()).unwrap();
    removed(files.reader(Lsn(0)).map(drop), 1);
    removed(files.hash_at(Lsn(3)).map(drop), 4);
    removed(files.proof(Lsn(3)).map(drop), 3);
    assert!(files.proof(Lsn(before[4])).unwrap().is_some());
    assert_eq!(log.log().hash_at(Lsn(3)).unwrap(), None);
    // One that was reading reads its open file to the end, and is then told.
    let told = loop {
        match follower.next(Lsn::MAX) {
            Ok(found) => assert!(found.is_some(), "it must not wait for ever"),
            Err(error) => break error,
        }
    };
    removed(Err(told), before[1]);
}

#[test]
fn without_the_file_and_with_another_one_the_log_is_refused() {
    let memory = Memory::new(1);
    let log = filled(&memory, 40);
    let before = firsts(&memory);
    log.log().truncate_before(Lsn(before[2]), &[]).unwrap();
    let earlier = memory.bytes("first_kept").unwrap();
    log.log().truncate_before(Lsn(before[4]), &[]).unwrap();
    log.close().unwrap();
    let refused = |change: &dyn Fn(&Memory)| {
        let copy = memory.copy();
        change(&copy);
        let error = Files::over(copy.clone()).unwrap_err();
        assert!(Claim::over(copy).is_err());
        error
    };
    let gone = refused(&|copy| copy.remove("first_kept").unwrap());
    assert!(matches!(gone, Error::Missing { lsn: Lsn(1), .. }), "{gone}");
    let older = refused(&|copy| copy.change("first_kept", |file| file.clone_from(&earlier)));
    assert!(matches!(older, Error::Missing { lsn, .. } if lsn.0 == before[2]), "{older}");
    let first = segments(&memory)[0].clone();
    let cut = refused(&|copy| copy.remove(&first).unwrap());
    assert!(matches!(cut, Error::Missing { lsn, .. } if lsn.0 == before[4]), "{cut}");
    let bare = refused(&|copy| segments(copy).iter().for_each(|name| copy.remove(name).unwrap()));
    assert!(matches!(bare, Error::Missing { lsn, .. } if lsn.0 == before[4]), "{bare}");
    for byte in 0..memory.bytes("first_kept").unwrap().len() as u64 {
        let damaged = refused(&|copy| copy.flip("first_kept", byte, 4));
        assert!(matches!(damaged, Error::Damaged { .. }), "byte {byte}: {damaged}");
    }
    // That of another log.
    let other = Memory::new(2);
    let log = filled(&other, 40);
    log.log().truncate_before(Lsn(before[4]), &[]).unwrap();
    drop(log);
    let theirs = other.bytes("first_kept").unwrap();
    let foreign = refused(&|copy| copy.change("first_kept", |file| file.clone_from(&theirs)));
    assert!(matches!(foreign, Error::Foreign { .. }), "{foreign}");
}

#[test]
fn a_beginning_with_another_hash_than_the_log_is_refused() {
    // Two logs of one id that part after their first record.
    let memory = Memory::new(1);
    drop(filled(&memory, 1));
    let other = memory.copy();
    let (mut log, mut parted) = (open(&memory), open(&other));
    for n in 2..=40 {
        log.append(&payload(n));
        parted.append(&payload(n).to_ascii_uppercase());
        log.sync().unwrap();
        parted.sync().unwrap();
    }
    let first = Lsn(firsts(&memory)[3]);
    assert_eq!(log.log().truncate_before(first, &[]).unwrap().first, first);
    assert_eq!(parted.log().truncate_before(first, &[]).unwrap().first, first);
    drop((log, parted));
    let theirs = other.bytes("first_kept").unwrap();
    memory.change("first_kept", |file| file.clone_from(&theirs));
    let error = Files::over(memory).unwrap_err();
    assert!(matches!(error, Error::Damaged { offset: 32, .. }), "{error}");
}

#[test]
fn a_cursor_of_a_lost_future_is_refused_by_name_although_its_segments_were_removed() {
    let memory = Memory::new(1);
    filled(&memory, 8).close().unwrap();
    let claim = Claim::over(memory.clone()).unwrap();
    let tail = claim.files().restored(claim.files().reader(Lsn(0)).unwrap()).unwrap();
    let mut log = claim.restored(tail, SMALL).unwrap().into_sync();
    for n in 9..=40 {
        log.append(&payload(n));
        log.sync().unwrap();
    }
    let before = Files::over(memory.clone()).unwrap().lineages().to_vec();
    assert_eq!(before.len(), 2);
    log.log().truncate_before(Lsn(30), &[]).unwrap();
    log.close().unwrap();
    let files = Files::over(memory).unwrap();
    assert_eq!(files.lineages(), before);
    let lost = Cursor { lineage: before[0].id, lsn: Lsn(9), hash: [1; 32] };
    assert!(matches!(files.admits(&lost, "cursor"), Err(Error::Abandoned { forked: Some(Lsn(8)), .. })));
    let unknown = Cursor { lineage: LineageId([3; 16]), ..lost };
    assert!(matches!(files.admits(&unknown, "cursor"), Err(Error::Abandoned { forked: None, .. })));
}

#[test]
fn a_running_log_takes_records_while_its_oldest_segments_go_and_stays_sound() {
    let memory = Memory::new(1);
    drop(filled(&memory, 40));
    let log = Log::open(memory.clone(), Options { segment_bytes: 4 << 10, nice: 0 }).unwrap();
    let (sender, released) = mpsc::channel();
    let journal = log.start(Send(sender));
    let (mut first, mut removed) = (Lsn(1), 0);
    for n in 41..=400 {
        let lsn = journal.append(payload(n), n);
        let released = released.recv_timeout(Duration::from_secs(20));
        assert_eq!(released, Ok(n), "{}", journal.condition().why());
        if n % 10 == 0 {
            let done = journal.truncate_before(lsn, &[Lsn(lsn.0 - 5)]).unwrap();
            assert!(done.first >= first);
            (first, removed) = (done.first, removed + done.parts);
            assert_ne!(journal.condition().state(), State::Unsound, "{}", journal.condition().why());
        }
    }
    journal.stop();
    assert!(removed > 10, "{removed} segments were removed");
    assert_ne!(journal.condition().state(), State::Unsound, "{}", journal.condition().why());
    whole_from_its_beginning(&memory, 400);
}
