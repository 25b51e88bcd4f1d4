//! Each way in which the archive can be wrong or away while a log is read through it is told with the object and the record.

use std::fs;
use std::sync::Arc;

use archive::{Archive, ObjectName};
use journal::memory::Memory;
use journal::{Claim, Files, LogRecords, Lsn, SyncLog};
use object_store::memory::InMemory;

use crate::altered::{get, objects, put, remove};
use crate::whole::{whole, whole_with};
use crate::{SMALL, SOON, files, fill, filled, over, payload, send_all, truncate};

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
