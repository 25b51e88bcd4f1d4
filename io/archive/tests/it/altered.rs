//! What is in the archive is never trusted: missing, altered, truncated, swapped objects, and those of another lineage.

use std::sync::Arc;

use archive::{Archive, Error, FetchedFrom, ObjectName};
use futures_util::TryStreamExt;
use journal::memory::Memory;
use journal::{Claim, Lsn};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::{SMALL, expected, files, fill, filled, over, records, send_all, truncate};

fn wait<T>(future: impl Future<Output = object_store::Result<T>>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future).unwrap()
}

pub fn objects(store: &Arc<InMemory>) -> Vec<String> {
    let mut found: Vec<String> =
        wait(store.list(None).map_ok(|meta| meta.location.to_string()).try_collect());
    found.sort();
    found
}

pub fn get(store: &Arc<InMemory>, object: &str) -> Vec<u8> {
    wait(async { store.get(&Path::from(object)).await?.bytes().await }).to_vec()
}

pub fn put(store: &Arc<InMemory>, object: &str, bytes: Vec<u8>) {
    wait(store.put(&Path::from(object), bytes.into()));
}

pub fn remove(store: &Arc<InMemory>, object: &str) {
    wait(store.delete(&Path::from(object)));
}

/// A log of 60 records whose full segments are all archived, and whose head was removed.
fn shortened() -> (Memory, Arc<InMemory>) {
    let (memory, store) = (filled(60), Arc::new(InMemory::new()));
    send_all(&over(&store), &memory);
    truncate(&memory, Lsn(30));
    (memory, store)
}

fn fetched(archive: &Archive, memory: &Memory) -> Result<(Memory, Vec<FetchedFrom>), Error> {
    let (files, to, mut sources) = (files(memory), Memory::new(2), Vec::new());
    let catalogue = archive.catalogue(&files)?;
    archive.fetch(&files, &catalogue, &to, |_, source| sources.push(source)).map(|_| (to, sources))
}

#[test]
fn a_whole_log_is_put_together_from_the_archive_and_what_is_left() {
    let (memory, store) = shortened();
    let (to, sources) = fetched(&over(&store), &memory).unwrap();
    assert_eq!(records(&to), expected(60));
    assert!(sources.iter().filter(|source| **source == FetchedFrom::Archive).count() > 3, "{sources:?}");
    assert!(sources.is_sorted_by_key(|source| *source == FetchedFrom::Log), "{sources:?}");
    // Beside a writer: what is whole is copied, and zeros behind it.
    let mut log = journal::SyncLog::open(memory.clone(), SMALL).unwrap();
    fill(&mut log, 63);
    let (to, _) = fetched(&over(&store), &memory).unwrap();
    assert_eq!(records(&to), expected(63));
    let memory = to;
    let mut log = journal::SyncLog::open(memory.clone(), SMALL).unwrap();
    fill(&mut log, 80);
    drop(log);
    assert_eq!(records(&memory), expected(80), "it goes on as a log");
}

#[test]
fn a_missing_object_is_a_gap_that_is_named_and_a_segment_that_is_still_there_is_sent_again() {
    let (memory, store) = shortened();
    let gone = objects(&store)[1].clone();
    wait(store.delete(&Path::from(gone.as_str())));
    let first = ObjectName::parse(&gone).unwrap().first.0;
    let error = fetched(&over(&store), &memory).unwrap_err();
    assert!(matches!(error, Error::Gap { lsn } if lsn == first), "{error}");
    assert!(error.tells_of_damage());
    let catalogue = over(&store).catalogue(&files(&memory)).unwrap();
    assert_eq!(catalogue.reaches(), Lsn(first - 1));

    let (memory, store) = (filled(60), Arc::new(InMemory::new()));
    send_all(&over(&store), &memory);
    let gone = objects(&store)[2].clone();
    wait(store.delete(&Path::from(gone.as_str())));
    let sent = send_all(&over(&store), &memory);
    let again: Vec<_> = sent.iter().filter(|sent| !sent.was_there).map(|sent| sent.name.path()).collect();
    assert_eq!(again, [gone]);
}

#[test]
fn an_object_with_another_content_is_found_named_and_never_overwritten() {
    type Change = fn(&Arc<InMemory>, &[String]) -> Vec<u8>;
    let changes: [(&str, Change); 6] = [
        ("flipped", |store, names| {
            let mut bytes = get(store, &names[1]);
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            bytes
        }),
        ("truncated", |store, names| {
            let bytes = get(store, &names[1]);
            bytes[..bytes.len() - 7].to_vec()
        }),
        ("empty", |_, _| Vec::new()),
        ("extended", |store, names| [get(store, &names[1]), vec![0]].concat()),
        ("swapped with another segment", |store, names| get(store, &names[2])),
        ("not compressed at all", |_, _| vec![0x55; 5_000]),
    ];
    for (what, change) in changes {
        let (memory, store) = shortened();
        let whole = filled(60);
        let names = objects(&store);
        let changed = change(&store, &names);
        put(&store, &names[1], changed.clone());
        let name = ObjectName::parse(&names[1]).unwrap();
        // By who fetches, who verifies for a removal, and who sends.
        let archive = over(&store);
        let (files, segment) = (files(&whole), crate::files(&whole).sealed().nth(1).unwrap());
        let found = [
            fetched(&archive, &memory).map(drop).unwrap_err(),
            archive.verify(&name).unwrap_err(),
            archive.verify_segment(&files, &segment).map(drop).unwrap_err(),
            archive.send(&files, &segment).map(drop).unwrap_err(),
        ];
        for error in found {
            let Error::Altered { object, .. } = &error else { panic!("{what}: {error}") };
            assert!(*object == names[1] && error.tells_of_damage(), "{what}: {error}");
        }
        assert_eq!(get(&store, &names[1]), changed, "{what}: it was overwritten");
    }
}

#[test]
fn an_object_under_the_name_of_another_segment_breaks_the_chain_of_what_is_fetched() {
    // Whole in itself, with a name that states its content; but of a log that parted.
    let (memory, store) = shortened();
    let (other, theirs) = (Memory::new(1), Arc::new(InMemory::new()));
    let mut log = journal::SyncLog::open(other.clone(), SMALL).unwrap();
    for n in 1..=60 {
        log.append(&crate::payload(n).to_ascii_uppercase());
        log.sync().unwrap();
    }
    drop(log);
    send_all(&over(&theirs), &other);
    let (ours, theirs_names) = (objects(&store), objects(&theirs));
    wait(store.delete(&Path::from(ours[1].as_str())));
    put(&store, &theirs_names[1], get(&theirs, &theirs_names[1]));
    let error = fetched(&over(&store), &memory).unwrap_err();
    assert!(matches!(error, Error::Journal(_)) && error.tells_of_damage(), "{error}");
}

#[test]
fn objects_of_a_lost_future_and_of_other_logs_do_not_count() {
    let (memory, store) = (filled(20), Arc::new(InMemory::new()));
    let copy = memory.copy();
    let mut log = journal::SyncLog::open(memory.clone(), SMALL).unwrap();
    fill(&mut log, 60);
    log.close().unwrap();
    let lost = send_all(&over(&store), &memory);
    put(&store, "notes.txt", b"not ours".to_vec());
    let stray = format!("{}/notes.txt", objects(&store)[0].split('/').next().unwrap());
    put(&store, &stray, b"not ours".to_vec());

    let claim = Claim::over(copy.clone()).unwrap();
    let tail = claim.files().restored(claim.files().reader(Lsn(0)).unwrap()).unwrap();
    let mut log = claim.restored(tail, SMALL).unwrap().into_sync();
    for n in 21..=60 {
        log.append(format!("another future {n}").repeat(3).as_bytes());
        log.sync().unwrap();
    }
    log.close().unwrap();
    let catalogue = over(&store).catalogue(&files(&copy)).unwrap();
    assert!(catalogue.lost_future > 3 && catalogue.foreign == 1, "{catalogue:?}");
    assert!(catalogue.reaches() <= Lsn(20));
    let sent = send_all(&over(&store), &copy);
    let common = sent.iter().filter(|sent| sent.was_there).count();
    assert!(common >= 1 && sent.iter().all(|sent| !sent.was_there || sent.name.last <= Lsn(20)));
    assert!(sent.len() - common > 3);
    // Both futures are there, and each log is put together from its own.
    for (memory, future) in [(&memory, "record 40"), (&copy, "another future 40")] {
        let whole = records(memory);
        truncate(memory, Lsn(50));
        let (to, _) = fetched(&over(&store), memory).unwrap();
        assert!(records(&to) == whole && String::from_utf8_lossy(&whole[39]).starts_with(future));
    }
    assert!(lost.iter().all(|sent| objects(&store).contains(&sent.name.path())));
}

#[test]
fn a_damaged_segment_is_not_sent() {
    let (memory, store) = (filled(60), Arc::new(InMemory::new()));
    let segment = files(&memory).sealed().nth(2).unwrap();
    memory.flip(&segment.name(), 700, 1);
    let error = over(&store).send(&files(&memory), &segment).unwrap_err();
    assert!(matches!(error, Error::Journal(_)) && error.tells_of_damage(), "{error}");
    assert!(objects(&store).is_empty());
}

#[test]
fn a_copy_that_was_good_when_it_was_sent_is_read_again_by_the_process_that_sent_it() {
    let (memory, store) = (filled(60), Arc::new(InMemory::new()));
    let archive = over(&store);
    let sent = send_all(&archive, &memory);
    let (files, segment) = (files(&memory), files(&memory).sealed().nth(1).unwrap());
    let name = archive.verify_segment(&files, &segment).unwrap();
    assert_eq!(name, sent[1].name);
    let object = name.path();
    let mut bytes = get(&store, &object);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    put(&store, &object, bytes);
    for found in
        [archive.verify_segment(&files, &segment).map(drop), archive.send(&files, &segment).map(drop)]
    {
        assert!(matches!(found, Err(Error::Altered { .. })), "{found:?}");
    }
    wait(store.delete(&Path::from(object.as_str())));
    let lost = archive.verify_segment(&files, &segment).unwrap_err();
    assert!(matches!(lost, Error::Lost { .. }), "{lost}");
    assert!(!archive.send(&files, &segment).unwrap().was_there, "it is sent again");
}
