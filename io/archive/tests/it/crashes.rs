//! A crash at each step of sending and removing, on a disk in memory: every record is in the log or in the archive, and
//! nothing is sent twice that is not compared.

use std::sync::Arc;

use archive::{Archive, Error, Retention};
use journal::memory::{Crash, Memory};
use journal::{Claim, Lsn};
use object_store::memory::InMemory;

use crate::{SMALL, expected, files, filled, over, records};

/// One run of the operator's command: sends what is sealed, then removes what may go.
fn run(archive: &Archive, memory: &Memory) -> Result<(usize, usize), Error> {
    let files = journal::Files::over(memory.clone())?;
    let (mut sent, mut compared, mut archived_before) = (0, 0, files.begins().lsn.next());
    for segment in files.sealed().collect::<Vec<_>>() {
        let done = archive.send(&files, &segment)?;
        (sent, compared) = (sent + usize::from(!done.was_there), compared + usize::from(done.was_there));
        archived_before = segment.end.lsn.next();
    }
    let retention = Retention { archived_before, state: Some(Lsn(55)), cursors: &[], keep_bytes: 8 << 10 };
    let (bound, _) = retention.bound(&files);
    Claim::over(memory.clone())?.truncate_before(bound, &[])?;
    Ok((sent, compared))
}

#[test]
fn a_crash_at_each_step_of_an_archive_run_loses_nothing_and_the_next_run_goes_on() {
    let crashes =
        [Crash::Lose, Crash::Keep, Crash::Torn(100), Crash::Random(1), Crash::Random(2), Crash::Random(3)];
    let (mut tried, mut lost, mut doubled) = (0, 0, 0);
    for crash in crashes {
        for steps in 0.. {
            let (memory, store) = (filled(60), Arc::new(InMemory::new()));
            let segments = files(&memory).sealed().count();
            memory.power_off_after(steps);
            let complete = run(&over(&store), &memory).is_ok();
            memory.crash(crash);
            tried += 1;
            // The next process goes on where this one was.
            let before = over(&store).catalogue(&files(&memory)).unwrap().objects.len();
            let (sent, compared) = run(&over(&store), &memory).unwrap();
            doubled += usize::from(sent + before != segments);
            assert!(compared <= before);
            let (shortened, to) = (files(&memory), Memory::new(3));
            assert!(shortened.begins().lsn > Lsn(20), "nothing was removed");
            let archive = over(&store);
            let catalogue = archive.catalogue(&shortened).unwrap();
            archive.fetch(&shortened, &catalogue, &to, |_, _| {}).unwrap();
            lost += usize::from(records(&to) != expected(60));
            drop(journal::SyncLog::open(memory.clone(), SMALL).unwrap());
            if complete {
                break;
            }
        }
    }
    println!("archive run: {tried} crashes tried, lost {lost}, sent twice without a comparison {doubled}");
    assert!(tried > 50 && lost == 0 && doubled == 0);
}

#[test]
fn a_crash_between_sending_and_comparing_is_made_good_by_a_comparison() {
    let (memory, store) = (filled(60), Arc::new(InMemory::new()));
    let (files, first) = (files(&memory), files(&memory).sealed().next().unwrap());
    let sent = over(&store).send(&files, &first).unwrap();
    assert!(!sent.was_there && sent.packed > 0);
    // A second process does not know that it was compared.
    let again = over(&store).send(&files, &first).unwrap();
    assert_eq!((again.name, again.was_there, again.packed), (sent.name, true, 0));
}
