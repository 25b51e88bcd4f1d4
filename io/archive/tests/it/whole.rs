//! Reading through archive and log is reading the whole log: every record, batch, epoch, cursor and limit; and each way in which
//! the archive can be wrong or away is told with the object and the record.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path as Directory;
use std::sync::Arc;
use std::time::Duration;

use archive::{Archive, Error, ObjectName, WholeLog};
use journal::memory::Memory;
use journal::{Batch, Claim, Cursor, Files, Log, LogRecords, LogWriter, Lsn, Reader, RecordReader, SyncLog};
use object_store::memory::InMemory;
use tempfile::TempDir;

use crate::altered::{get, objects, put, remove};
use crate::{SMALL, SOON, files, fill, filled, over, payload, send_all, truncate};

/// Records and archive of a log, and the directory of fetched segments.
struct Whole {
    log: WholeLog<Memory>,
    scratch: TempDir,
}

fn whole(memory: &Memory, store: &Arc<InMemory>) -> Whole {
    let store = store.clone();
    whole_with(memory, Arc::new(files(memory)), move || Ok(over(&store)))
}

fn whole_with(
    memory: &Memory,
    log: Arc<dyn LogRecords>,
    open: impl Fn() -> Result<Archive, Error> + Send + Sync + 'static,
) -> Whole {
    let scratch = tempfile::tempdir().unwrap();
    Whole { log: WholeLog::new(log, memory.clone(), open, scratch.path().to_owned()), scratch }
}

fn entries(directory: &Directory) -> usize {
    fs::read_dir(directory).unwrap().count()
}

/// Appends batches of these numbers of records.
fn batches(log: &mut SyncLog<Memory>, counts: &[u64]) {
    for count in counts {
        for _ in 0..*count {
            log.append(&payload(log.durable().0 * 31 + count));
        }
        log.sync().unwrap();
    }
}

/// A log with batches of one to thirty records, of four epochs and two lineages.
fn varied() -> Memory {
    let memory = Memory::new(3);
    for opening in 0..4_u64 {
        let mut log = if opening == 2 {
            let claim = Claim::over(memory.clone()).unwrap();
            let tail = claim.files().restored(claim.files().reader(Lsn(0)).unwrap()).unwrap();
            claim.restored(tail, SMALL).unwrap().into_sync()
        } else {
            SyncLog::open(memory.clone(), SMALL).unwrap()
        };
        batches(&mut log, &[1, 2, 4, 1, 6 + opening, 1, 3, 1, 2]);
        log.close().unwrap();
    }
    memory
}

/// A record as it was read, and the cursor then.
type Read = (Lsn, u32, [u8; 32], Batch, String, Vec<u8>, Cursor);

/// All that a reader returns when its limit rises in steps, and its cursor whenever it has reached one.
fn read(reader: &mut dyn RecordReader, step: u64, last: u64) -> (Vec<Read>, Vec<(u64, Cursor)>) {
    let (mut found, mut reached) = (Vec::new(), vec![(0, reader.cursor())]);
    let mut limit = 0;
    while limit < last {
        // A limit is a record that the log has, or none.
        limit = if step == u64::MAX { step } else { (limit + step).min(last) };
        while let Some(entry) = reader.next(Lsn(limit)).unwrap() {
            let bytes = entry.bytes.to_vec();
            let (lsn, epoch, hash, batch) = (entry.lsn, entry.epoch, entry.hash, entry.batch);
            let location = entry.location.to_string();
            found.push((lsn, epoch, hash, batch, location, bytes, reader.cursor()));
        }
        reached.push((limit.min(last), reader.cursor()));
    }
    (found, reached)
}

#[test]
fn from_every_record_and_wherever_the_log_begins_it_reads_what_the_whole_log_has() {
    let memory = varied();
    let store = Arc::new(InMemory::new());
    let sent = send_all(&over(&store), &memory);
    let last = {
        let mut reader = Reader::over(memory.clone(), Lsn(0)).unwrap();
        while reader.next(Lsn::MAX).unwrap().is_some() {}
        reader.cursor().lsn.0
    };
    assert!(sent.len() >= 5 && last > 80, "{} segments, {last} records", sent.len());
    let expected =
        |after: u64, step| read(&mut Reader::over(memory.clone(), Lsn(after)).unwrap(), step, last);
    let afters: Vec<u64> = (0..=last).collect();
    let mut wholes = BTreeMap::new();
    for after in &afters {
        wholes.insert(*after, expected(*after, u64::MAX));
    }
    for bound in [Lsn(1)].into_iter().chain(sent.iter().map(|sent| sent.name.last.next())) {
        let shorter = memory.copy();
        truncate(&shorter, bound);
        assert_eq!(files(&shorter).begins().lsn.next(), bound);
        let whole = whole(&shorter, &store);
        assert_eq!(whole.log.begins_after().unwrap(), Lsn(0));
        for after in &afters {
            let mut reader = whole.log.read(Lsn(*after)).unwrap();
            let same = read(&mut *reader, u64::MAX, last) == wholes[after];
            assert!(same, "after {after}, from {bound:?}");
        }
        for step in [1, 3, 17] {
            for after in [0, 5, bound.0 - 1, bound.0, last / 2] {
                let mut reader = whole.log.read(Lsn(after)).unwrap();
                let same = read(&mut *reader, step, last) == expected(after, step);
                assert!(same, "after {after}, from {bound:?}, in steps of {step}");
            }
        }
        assert_eq!(entries(whole.scratch.path()), 0, "nothing is left of what was fetched");
    }
}

#[test]
fn one_segment_is_on_the_disk_at_a_time() {
    let (memory, store) = (filled(60), Arc::new(InMemory::new()));
    let sent = send_all(&over(&store), &memory);
    truncate(&memory, Lsn(50));
    let whole = whole(&memory, &store);
    let mut reader = whole.log.read(Lsn(0)).unwrap();
    let mut most = 0;
    while reader.next(Lsn::MAX).unwrap().is_some() {
        most = most.max(entries(whole.scratch.path()));
    }
    assert!(sent.len() > 3 && most == 1, "{most}");
}

#[test]
fn a_reader_goes_on_when_more_is_appended_and_when_records_are_removed_under_it() {
    let (memory, store) = (Memory::new(1), Arc::new(InMemory::new()));
    let log = Log::open(memory.clone(), SMALL).unwrap();
    let records = LogWriter::records(&log);
    let mut log = log.into_sync();
    fill(&mut log, 30);
    let source = store.clone();
    let whole = whole_with(&memory, records, move || Ok(over(&source)));
    let mut reader = whole.log.read(Lsn(0)).unwrap();
    let mut next = 1;
    let mut removed = 0;
    // Slower than the log grows and is removed.
    for end in (40..=200).step_by(10) {
        fill(&mut log, end);
        send_all(&over(&store), &memory);
        removed += whole.log.truncate_before(Lsn(end - 5), &[]).unwrap().parts;
        for _ in 0..4 {
            let entry = reader.next(log.durable()).unwrap().unwrap();
            assert_eq!((entry.lsn, entry.bytes), (Lsn(next), &payload(next)[..]));
            next += 1;
        }
    }
    assert!(removed > 10, "{removed} segments");
    while let Some(entry) = reader.next(log.durable()).unwrap() {
        assert_eq!((entry.lsn, entry.bytes), (Lsn(next), &payload(next)[..]));
        next += 1;
    }
    assert_eq!((next, reader.cursor()), (201, log.log().end()));
    fill(&mut log, 203);
    assert_eq!(reader.next(Lsn::MAX).unwrap().unwrap().lsn, Lsn(201));
    // One that begins behind the end has nothing until the log reaches it.
    let mut early = whole.log.read(Lsn(204)).unwrap();
    assert!(early.next(Lsn::MAX).unwrap().is_none());
    fill(&mut log, 206);
    assert_eq!(early.next(Lsn::MAX).unwrap().unwrap().lsn, Lsn(205));
}

/// A gate behind which nobody waits.
struct Open;

impl journal::Gate<()> for Open {
    fn open(&mut self, _: Lsn, done: &mut Vec<()>) {
        done.clear();
    }

    fn failed(&mut self, error: &journal::Error) {
        panic!("{error}");
    }
}

#[test]
fn a_follower_of_a_journal_that_is_far_behind_loses_nothing_while_segments_are_removed_under_it() {
    const LAST: u64 = 400;
    let (memory, store) = (Memory::new(1), Arc::new(InMemory::new()));
    let log = Log::open(memory.clone(), SMALL).unwrap();
    let (records, source) = (LogWriter::records(&log), store.clone());
    let journal = log.start(Open);
    let whole = whole_with(&memory, records, move || Ok(over(&source)));
    journal.read_removed_in(Arc::new(whole.log.clone()));
    let (turn, turns) = std::sync::mpsc::channel();
    let (tell, told) = std::sync::mpsc::channel();
    let follower = std::thread::spawn({
        let journal = journal.clone();
        move || {
            let (mut cursor, mut again) = (Lsn(0), 0);
            // It reads a few records in each turn, and in the end all; the first turn is told of.
            let mut more: u64 = 0;
            'opened: while cursor < Lsn(LAST) {
                let mut reader = journal.read(cursor).unwrap();
                loop {
                    while more == 0 {
                        more = turns.recv().unwrap();
                    }
                    match reader.next(journal.durable()) {
                        Ok(Some(entry)) => {
                            assert_eq!((entry.lsn, entry.bytes), (cursor.next(), &payload(entry.lsn.0)[..]));
                            (cursor, more) = (entry.lsn, more - 1);
                            if cursor == Lsn(1) {
                                tell.send(()).unwrap();
                            }
                        }
                        Ok(None) if cursor >= Lsn(LAST) => break 'opened,
                        Ok(None) => more = 0,
                        Err(journal::Error::Removed { .. }) => {
                            again += 1;
                            continue 'opened;
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            again
        }
    });
    let mut removed = 0;
    for n in 1..=LAST {
        journal.append(payload(n), ());
        while journal.durable() < Lsn(n) {
            std::thread::yield_now();
        }
        if n == 20 {
            // The first record comes from the log itself, before anything is removed.
            turn.send(1).unwrap();
            told.recv_timeout(Duration::from_secs(50)).expect("it reads a record");
        }
        if n % 20 == 0 {
            send_all(&over(&store), &memory);
            removed += journal.truncate_before(Lsn(n), &[]).unwrap().parts;
            turn.send(10).unwrap();
        }
    }
    turn.send(u64::MAX).unwrap();
    let again = follower.join().unwrap();
    assert!(removed > 20, "{removed} segments");
    assert!(again > 0, "what was removed under its reader was read again, from the archive");
    journal.stop();
}

/// Reads a log of 60 records, of which those before 30 were removed, from record 1 on until an error. Returns how many records
/// came before it, the record it names, whether the archive is wrong, and the archive's own error.
fn refused(memory: &Memory, store: &Arc<InMemory>) -> (u64, Lsn, bool, String) {
    let whole = whole(memory, store);
    let (mut count, mut read) = (0, whole.log.read(Lsn(0)));
    let error = loop {
        match &mut read {
            Err(_) => break read.err().unwrap(),
            Ok(reader) => match reader.next(Lsn::MAX) {
                Ok(Some(_)) => count += 1,
                Ok(None) => panic!("nothing was found"),
                Err(error) => break error,
            },
        }
    };
    assert!(!error.tells_of_damage(), "the log is sound: {error}");
    let journal::Error::NotFetched { lsn, wrong, source } = &error else { panic!("{error}") };
    (count, *lsn, *wrong, source.to_string())
}

fn shortened() -> (Memory, Arc<InMemory>, Vec<ObjectName>) {
    let (memory, store) = (filled(60), Arc::new(InMemory::new()));
    send_all(&over(&store), &memory);
    truncate(&memory, Lsn(30));
    let begins = files(&memory).begins().lsn;
    let parsed = objects(&store).into_iter().map(|object| ObjectName::parse(&object).unwrap());
    let names: Vec<_> = parsed.filter(|name| name.last <= begins).collect();
    assert!(names.len() >= 3, "{names:?}");
    (memory, store, names)
}

/// A log with the id of ours and other records.
fn other_history(records: u64) -> (Arc<InMemory>, Vec<String>) {
    let (other, store) = (Memory::new(1), Arc::new(InMemory::new()));
    let mut log = SyncLog::open(other.clone(), SMALL).unwrap();
    for n in 1..=records {
        log.append(&payload(n).to_ascii_uppercase());
        log.sync().unwrap();
    }
    drop(log);
    send_all(&over(&store), &other);
    let names = objects(&store);
    (store, names)
}

#[test]
fn a_missing_object_is_a_gap_at_its_first_record_also_directly_before_the_log() {
    let count = shortened().2.len();
    for place in 0..count {
        let (memory, store, names) = shortened();
        remove(&store, &names[place].path());
        let first = names[place].first;
        let found = refused(&memory, &store);
        let said = format!("record {} is neither in the archive nor in the log", first.0);
        assert_eq!(found, (first.0 - 1, first, true, said));
    }
}

#[test]
fn an_altered_cut_extended_or_swapped_object_is_named_and_the_records_before_it_come() {
    type Change = fn(Vec<u8>, Vec<u8>) -> Vec<u8>;
    let changes: [(&str, Change); 4] = [
        ("altered", |mut bytes, _| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            bytes
        }),
        ("cut", |bytes, _| bytes[..bytes.len() - 7].to_vec()),
        ("extended", |bytes, _| [&bytes[..], &[0]].concat()),
        ("swapped", |_, other| other),
    ];
    for (what, change) in changes {
        let (memory, store, names) = shortened();
        let [name, other] = [names[1].path(), names[2].path()];
        put(&store, &name, change(get(&store, &name), get(&store, &other)));
        let (count, lsn, wrong, said) = refused(&memory, &store);
        assert_eq!((count, lsn, wrong), (names[1].first.0 - 1, names[1].first, true), "{what}");
        assert!(said.contains(&name) && said.contains("is not what its name states"), "{what}: {said}");
    }
}

#[test]
fn an_object_of_an_earlier_epoch_is_refused_as_often_as_its_records_are_asked_for() {
    // Two logs with the same batches and so the same hashes; one of them was opened again on the way, after each of some records.
    let batches = |reopened: std::ops::Range<u64>| {
        let (memory, store) = (Memory::new(1), Arc::new(InMemory::new()));
        for to in reopened.chain([60]) {
            let mut log = SyncLog::open(memory.clone(), SMALL).unwrap();
            fill(&mut log, to);
            log.close().unwrap();
        }
        send_all(&over(&store), &memory);
        let names =
            objects(&store).iter().map(|object| ObjectName::parse(object).unwrap()).collect::<Vec<_>>();
        (memory, store, names)
    };
    let (_, theirs, others) = batches(0..0);
    // Where an object of the one ends and one of the other begins. A segment has room for seven batches, or marks of an opening.
    let (memory, store, ours, other) = (2..30)
        .find_map(|reopened| {
            let (memory, store, names) = batches(reopened..reopened + 7);
            truncate(&memory, Lsn(55));
            let begins = files(&memory).begins().lsn;
            let behind = |name: &&ObjectName| {
                let before = names.iter().find(|before| before.last.next() == name.first);
                before.is_some_and(|before| before.last > Lsn(reopened + 7)) && name.last < begins
            };
            let other = *others.iter().find(behind)?;
            Some((memory, store, names, other))
        })
        .unwrap();
    for name in ours.iter().filter(|name| name.first >= other.first) {
        remove(&store, &name.path());
    }
    for name in others.iter().filter(|name| name.first >= other.first) {
        put(&store, &name.path(), get(&theirs, &name.path()));
    }
    let whole = whole(&memory, &store);
    let mut reader = whole.log.read(Lsn(0)).unwrap();
    for n in 1..other.first.0 {
        assert_eq!(reader.next(Lsn::MAX).unwrap().unwrap().lsn, Lsn(n));
    }
    for _ in 0..3 {
        let error = reader.next(Lsn::MAX).map(|entry| entry.map(|entry| entry.lsn)).unwrap_err();
        let journal::Error::NotFetched { lsn, wrong, source } = &error else { panic!("{error}") };
        assert_eq!((*lsn, *wrong), (other.first, true));
        assert!(
            source.to_string().contains(&other.path()) && source.to_string().contains("epoch"),
            "{source}"
        );
    }
}

#[test]
fn an_object_that_states_more_than_a_segment_can_have_is_not_fetched() {
    let (memory, store, names) = shortened();
    remove(&store, &names[1].path());
    let long = ObjectName { bytes: (4 << 30) + 1, ..names[1] };
    put(&store, &long.path(), vec![0]);
    let (count, lsn, wrong, said) = refused(&memory, &store);
    assert_eq!((count, lsn, wrong), (names[1].first.0 - 1, names[1].first, true));
    assert!(said.contains(&long.path()) && said.contains("no segment has"), "{said}");
}

#[test]
fn an_object_of_another_history_is_named_where_it_does_not_follow() {
    // Each is whole, and its name states its content.
    let (memory, store, names) = shortened();
    let (theirs, others) = other_history(60);
    // The first one fits by itself, and the next object does not follow it; one in the middle does not follow the one before.
    for (place, parted) in [(0, 1), (1, 1)] {
        let copy = Arc::new(store.fork());
        remove(&copy, &names[place].path());
        put(&copy, &others[place], get(&theirs, &others[place]));
        let (count, lsn, wrong, said) = refused(&memory, &copy);
        let first = ObjectName::parse(&others[parted]).unwrap().first;
        let object = if place == parted { others[place].clone() } else { names[parted].path() };
        assert_eq!((count, lsn, wrong), (first.0 - 1, first, true), "{said}");
        assert!(
            said.contains(&object) && said.contains(&format!("record {} does not follow", first.0)),
            "{said}"
        );
    }
    // The last one before the log: what the log has does not follow it.
    let copy = Arc::new(store.fork());
    let place = names.len() - 1;
    for place in 0..=place {
        remove(&copy, &names[place].path());
        put(&copy, &others[place], get(&theirs, &others[place]));
    }
    let (_, lsn, wrong, said) = refused(&memory, &copy);
    assert_eq!((lsn, wrong), (files(&memory).begins().lsn.next(), true));
    assert!(said.contains(&others[place]) && said.contains("does not follow"), "{said}");
}

#[test]
fn an_object_of_another_log_or_of_an_abandoned_lineage_is_refused_whatever_its_name_states() {
    let (memory, store, names) = shortened();
    let (other, theirs) = (Memory::new(9), Arc::new(InMemory::new()));
    let mut log = SyncLog::open(other.clone(), SMALL).unwrap();
    fill(&mut log, 60);
    drop(log);
    let sent = send_all(&over(&theirs), &other);
    // Where it is in the archive under its own name, it does not count.
    put(&store, &sent[1].name.path(), get(&theirs, &sent[1].name.path()));
    let all = whole(&memory, &store);
    let mut reader = all.log.read(Lsn(0)).unwrap();
    while reader.next(Lsn::MAX).unwrap().is_some() {}
    let ours = ObjectName { log: names[0].log, lineage: names[0].lineage, ..sent[1].name };
    remove(&store, &names[1].path());
    put(&store, &ours.path(), get(&theirs, &sent[1].name.path()));
    let (count, lsn, wrong, said) = refused(&memory, &store);
    assert_eq!((count, lsn, wrong), (names[1].first.0 - 1, names[1].first, true));
    assert!(said.contains(&ours.path()) && said.contains("it is of another log"), "{said}");

    // A restored copy: the records after the fork are in the archive twice, once of a future that is lost.
    let (memory, store) = (filled(20), Arc::new(InMemory::new()));
    let copy = memory.copy();
    let mut log = SyncLog::open(memory.clone(), SMALL).unwrap();
    fill(&mut log, 80);
    log.close().unwrap();
    send_all(&over(&store), &memory);
    let claim = Claim::over(copy.clone()).unwrap();
    let tail = claim.files().restored(claim.files().reader(Lsn(0)).unwrap()).unwrap();
    let mut log = claim.restored(tail, SMALL).unwrap().into_sync();
    for n in 21..=80 {
        log.append(&payload(n).to_ascii_uppercase());
        log.sync().unwrap();
    }
    log.close().unwrap();
    let sent = send_all(&over(&store), &copy);
    truncate(&copy, Lsn(70));
    let all = whole(&copy, &store);
    let mut reader = all.log.read(Lsn(0)).unwrap();
    let mut next = 1;
    while let Some(entry) = reader.next(Lsn::MAX).unwrap() {
        let upper = entry.bytes.to_ascii_uppercase();
        assert_eq!((entry.lsn, entry.bytes == upper), (Lsn(next), next > 20), "record {next}");
        next += 1;
    }
    assert_eq!(next, 81);
    let lost = sent.iter().find(|sent| sent.name.first > Lsn(30)).unwrap().name;
    remove(&store, &lost.path());
    let (_, lsn, wrong, said) = refused(&copy, &store);
    assert_eq!((lsn, wrong), (lost.first, true));
    assert!(said.contains("neither in the archive nor in the log"), "{said}");
    // The lost future's object under a name of the current lineage.
    let abandoned = objects(&store)
        .iter()
        .filter_map(|name| ObjectName::parse(name))
        .find(|name| name.lineage != lost.lineage && name.first <= lost.first && name.last >= lost.first);
    let abandoned = abandoned.unwrap();
    let renamed = ObjectName { lineage: lost.lineage, ..abandoned };
    put(&store, &renamed.path(), get(&store, &abandoned.path()));
    let (_, _, wrong, said) = refused(&copy, &store);
    assert!(wrong && said.contains(&renamed.path()) && said.contains("it is of another lineage"), "{said}");
}

#[test]
fn an_archive_that_is_away_is_no_damage_and_the_same_reader_goes_on_later() {
    let (memory, at) = (filled(60), tempfile::tempdir().unwrap());
    let (place, aside) = (at.path().join("archive"), at.path().join("aside"));
    let to = place.to_str().unwrap().to_owned();
    let sent = send_all(&Archive::open(&to, SOON).unwrap(), &memory);
    truncate(&memory, Lsn(50));
    let away = |error: journal::Error| {
        assert!(!error.tells_of_damage());
        let journal::Error::NotFetched { lsn, wrong, source } = error else { panic!("{error}") };
        assert!(!wrong, "{source}");
        (lsn, source.to_string())
    };
    let whole = whole_with(&memory, Arc::new(files(&memory)), move || Archive::open(&to, SOON));
    // A file where the directory should be.
    fs::rename(&place, &aside).unwrap();
    fs::write(&place, b"").unwrap();
    let (lsn, said) = away(whole.log.read(Lsn(3)).err().unwrap());
    assert_eq!((lsn, said.is_empty()), (Lsn(4), false));
    // An empty directory, as where a disk is not mounted.
    fs::remove_file(&place).unwrap();
    let (_, said) = away(whole.log.read(Lsn(0)).err().unwrap());
    assert!(said.contains("has no object of this log"), "{said}");
    fs::remove_dir(&place).unwrap();
    fs::rename(&aside, &place).unwrap();
    let mut reader = whole.log.read(Lsn(0)).unwrap();
    let first = sent[0].name.last;
    for n in 1..=first.0 {
        assert_eq!(reader.next(Lsn::MAX).unwrap().unwrap().lsn, Lsn(n));
    }
    // In the middle, for a while.
    let unreadable = place.join(sent[1].name.path());
    let kept = fs::read(&unreadable).unwrap();
    fs::remove_file(&unreadable).unwrap();
    for _ in 0..2 {
        let (lsn, said) = away(reader.next(Lsn::MAX).map(|_| ()).unwrap_err());
        assert!(lsn == first.next() && said.contains(&sent[1].name.path()), "{lsn:?}: {said}");
    }
    fs::write(&unreadable, kept).unwrap();
    let mut next = first.0;
    while let Some(entry) = reader.next(Lsn::MAX).unwrap() {
        next += 1;
        assert_eq!((entry.lsn, entry.bytes), (Lsn(next), &payload(next)[..]));
    }
    assert_eq!(next, 60);
    drop(Files::over(memory).unwrap());
}
