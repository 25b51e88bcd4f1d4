//! Anchors in the archive: put once, compared, found by the log they are of, and never taken for whole when they are not.

use std::sync::Arc;

use archive::{AnchorContent, AnchorFiles, AnchorName, AnchorStep, Archive, ArchivedAnchor, Error};
use journal::memory::{Memory, MemoryFile};
use journal::storage::Storage;
use journal::{Claim, Cursor, LineageId, Lsn};
use object_store::memory::InMemory;

use crate::altered::{get, objects, put, remove};
use crate::{SMALL, bytes_of, files, fill, filled, over, send_all};

/// A file of a state: noise, which cannot be compressed.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..bytes).map(|_| random.u8(..)).collect()
}

fn contents() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("000000000001.run", noise(1, 5 << 20)),
        ("000000000007.run", noise(2, 6 << 20)),
        ("manifest", noise(3, 100)),
    ]
}

fn state(contents: &[(&'static str, Vec<u8>)]) -> AnchorFiles<MemoryFile> {
    let storage = Memory::new(9);
    let file = |name: &str, bytes: &[u8]| {
        let file = storage.create(name).unwrap();
        journal::storage::File::write_at(&file, 0, bytes).unwrap();
        AnchorContent::Open(file)
    };
    AnchorFiles::new(contents.iter().map(|(name, bytes)| ((*name).to_owned(), file(name, bytes)))).unwrap()
}

fn at(memory: &Memory, lsn: u64) -> ([u8; 16], Cursor) {
    let files = files(memory);
    let hash = files.hash_at(Lsn(lsn)).unwrap().unwrap();
    let lineage = files.lineages().last().unwrap().id;
    (files.id().unwrap(), Cursor { lineage, lsn: Lsn(lsn), hash })
}

fn send(archive: &Archive, memory: &Memory, lsn: u64) -> Result<ArchivedAnchor, Error> {
    archive.send_anchor(at(memory, lsn), &state(&contents()), &mut |_, _, _| {})
}

fn anchors(store: &Arc<InMemory>, memory: &Memory) -> Vec<AnchorName> {
    let catalogue = over(store).catalogue(&files(memory)).unwrap();
    catalogue.anchors.iter().map(|archived| archived.name).collect()
}

#[test]
fn an_anchor_is_one_object_beside_the_segments_put_once_and_comes_back_byte_for_byte() {
    let (memory, store) = (filled(60), Arc::new(InMemory::new()));
    let archive = over(&store);
    let segments = send_all(&archive, &memory).len();
    let sent = send(&archive, &memory, 20).unwrap();
    assert!(sent.packed > 8 << 20, "in parts: {sent:?}");
    let again = send(&archive, &memory, 20).unwrap();
    assert_eq!((again.name, again.packed), (sent.name, 0), "it is compared, not put");
    let later = send(&archive, &memory, 55).unwrap();
    assert_eq!(anchors(&store, &memory), [sent.name, later.name]);
    let catalogue = archive.catalogue(&files(&memory)).unwrap();
    assert_eq!((catalogue.objects.len(), catalogue.foreign, catalogue.lost_future), (segments, 0, 0));

    archive.verify_anchor(&sent.name).unwrap();
    let to = Memory::new(3);
    archive.fetch_anchor(&sent.name, &to).unwrap();
    let mut names = to.list().unwrap();
    names.sort();
    assert_eq!(names, contents().iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (name, bytes) in contents() {
        assert!(bytes_of(&to, name) == bytes, "{name}");
    }
}

/// A store that is merged has other files, and the same state as of the same record.
#[test]
fn a_record_has_one_anchor_whatever_files_its_state_is_in_unless_that_one_is_not_whole() {
    let (memory, store) = (filled(60), Arc::new(InMemory::new()));
    let archive = over(&store);
    let sent = send(&archive, &memory, 20).unwrap();
    let merged = state(&[("000000000008.run", noise(4, 6 << 20)), ("manifest", noise(5, 90))]);
    let mut told = Vec::new();
    let mut again = |lsn| {
        told.clear();
        let sent = archive.send_anchor(at(&memory, lsn), &merged, &mut |step, done, all| {
            told.push(step);
            assert!(done <= all, "{step:?}: {done} of {all}");
        });
        (sent.unwrap(), told.last().copied(), told.contains(&AnchorStep::Sent))
    };
    let known = ArchivedAnchor { name: sent.name, packed: 0 };
    assert_eq!(again(20), (known, Some(AnchorStep::ReadBack), false));
    assert_eq!(objects(&store).len(), 1);
    let (other, _, was_sent) = again(21);
    assert!(was_sent && other.name.at.lsn == Lsn(21), "{other:?}");

    // It is not whole any more: another one is sent beside it, and is the one that counts.
    let object = sent.name.path();
    let mut altered = get(&store, &object);
    altered[1] ^= 4;
    put(&store, &object, altered.clone());
    let (second, _, was_sent) = again(20);
    assert!(was_sent && second.name != sent.name && second.name.at == sent.name.at, "{second:?}");
    assert!(get(&store, &object) == altered, "it is left as evidence");
    assert_eq!(again(20).0, ArchivedAnchor { name: second.name, packed: 0 });
}

#[test]
fn an_altered_cut_swapped_or_lost_anchor_is_named_and_never_overwritten() {
    let (memory, store) = (filled(60), Arc::new(InMemory::new()));
    let archive = over(&store);
    let name = send(&archive, &memory, 20).unwrap().name;
    let [object] = &objects(&store)[..] else { panic!("one object") };
    let whole = get(&store, object);
    let refused = || {
        let fetched = archive.fetch_anchor(&name, &Memory::new(3)).unwrap_err();
        let verified = archive.verify_anchor(&name).unwrap_err();
        for error in [&fetched, &verified] {
            assert!(error.to_string().contains(object.as_str()), "{error}");
        }
        assert_eq!(std::mem::discriminant(&fetched), std::mem::discriminant(&verified));
        verified
    };
    for at in [0, 1, whole.len() / 3, whole.len() - 1] {
        let mut altered = whole.clone();
        altered[at] ^= 4;
        put(&store, object, altered.clone());
        assert!(matches!(refused(), Error::Altered { .. }), "byte {at}");
        // The same state again finds it, and leaves it as evidence.
        assert!(matches!(send(&archive, &memory, 20), Err(Error::Altered { .. })));
        assert!(get(&store, object) == altered);
    }
    for length in [0, whole.len() / 2, whole.len() - 1] {
        put(&store, object, whole[..length].to_vec());
        assert!(matches!(refused(), Error::Altered { .. }), "{length} bytes");
    }
    // A segment under the name of the anchor.
    let segment = send_all(&archive, &memory)[0].name.path();
    put(&store, object, get(&store, &segment));
    assert!(matches!(refused(), Error::Altered { .. }));
    remove(&store, object);
    assert!(matches!(refused(), Error::Lost { .. }));
    send(&archive, &memory, 20).unwrap();
}

#[test]
fn anchors_of_other_logs_and_of_a_lost_future_do_not_count() {
    let (memory, store) = (filled(60), Arc::new(InMemory::new()));
    let archive = over(&store);
    let kept = send(&archive, &memory, 20).unwrap().name;
    let copy = memory.copy();
    send(&archive, &memory, 50).unwrap();
    // A log that was restored at record 40, and goes on otherwise.
    let restored = filled(40);
    let claim = Claim::over(restored.clone()).unwrap();
    let reader = claim.files().reader(Lsn(0)).unwrap();
    let tail = claim.files().restored(reader).unwrap();
    let mut log = claim.restored(tail, SMALL).unwrap().into_sync();
    fill(&mut log, 60);
    log.close().unwrap();
    assert_eq!(files(&restored).id(), files(&memory).id(), "the same log");
    assert_eq!(anchors(&store, &restored), [kept]);
    assert_eq!(archive.catalogue(&files(&restored)).unwrap().lost_future, 1);
    assert_eq!(anchors(&store, &copy).len(), 2);
    // Of a lineage that nobody knows.
    let (id, cursor) = at(&memory, 30);
    let unknown = Cursor { lineage: LineageId([5; 16]), ..cursor };
    archive.send_anchor((id, unknown), &state(&contents()), &mut |_, _, _| {}).unwrap();
    assert_eq!(anchors(&store, &memory).len(), 2);
    assert_eq!(archive.catalogue(&files(&memory)).unwrap().lost_future, 1);
    let other = Memory::new(77);
    let mut log = journal::SyncLog::open(other.clone(), SMALL).unwrap();
    fill(&mut log, 60);
    log.close().unwrap();
    assert!(anchors(&store, &other).is_empty());
}

#[test]
fn what_an_upload_of_an_anchor_has_left_is_removed() {
    let place = tempfile::tempdir().unwrap();
    let archive = Archive::open(place.path().to_str().unwrap(), crate::SOON).unwrap();
    let name = send(&archive, &filled(60), 20).unwrap().name;
    let object = place.path().join(name.path());
    let unfinished = place.path().join(format!("{}#1", name.path()));
    std::fs::write(&unfinished, b"part").unwrap();
    // It may be one that another process is sending, which is nothing to whoever sends segments.
    archive.remove_unfinished().unwrap();
    assert!(object.exists() && unfinished.exists());
    send(&archive, &filled(60), 20).unwrap();
    assert!(object.exists() && !unfinished.exists());
}

#[test]
fn an_upload_whose_file_another_process_has_removed_is_repeated() {
    let place = tempfile::tempdir().unwrap();
    let open = || Archive::open(place.path().to_str().unwrap(), crate::SOON).unwrap();
    let (archive, memory) = (open(), filled(60));
    let mut removed = 0;
    let sent = archive.send_anchor(at(&memory, 20), &state(&contents()), &mut |step, _, _| {
        if step == AnchorStep::Sent && removed == 0 {
            for part in unfinished(place.path()) {
                std::fs::remove_file(part).unwrap();
                removed += 1;
            }
        }
    });
    assert_eq!(removed, 1);
    open().verify_anchor(&sent.unwrap().name).unwrap();
    assert!(unfinished(place.path()).is_empty());
}

/// The files of uploads that are not finished.
fn unfinished(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: std::path::PathBuf| match path.is_dir() {
        true => unfinished(&path),
        false => vec![path].into_iter().filter(|path| path.to_str().unwrap().contains(".zst#")).collect(),
    };
    entries.flat_map(of).collect()
}

#[test]
fn each_pass_over_an_anchor_is_told_to_its_end() {
    let (memory, store) = (filled(60), Arc::new(InMemory::new()));
    let archive = over(&store);
    let files = state(&contents());
    let mut told: Vec<(AnchorStep, u64)> = Vec::new();
    let mut send = || {
        told.clear();
        archive
            .send_anchor(at(&memory, 20), &files, &mut |step, bytes, _| match told.last_mut() {
                Some((last, reached)) if *last == step => {
                    assert!(bytes > *reached, "{step:?}: {bytes} after {reached}");
                    *reached = bytes;
                }
                _ => told.push((step, bytes)),
            })
            .unwrap();
        told.clone()
    };
    let all = |steps: &[AnchorStep]| steps.iter().map(|step| (*step, files.bytes())).collect::<Vec<_>>();
    assert_eq!(send(), all(&[AnchorStep::Hashed, AnchorStep::Sent, AnchorStep::ReadBack]));
    assert_eq!(send(), all(&[AnchorStep::ReadBack]), "it is there");
}
