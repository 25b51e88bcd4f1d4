//! An archive in a directory: what is written there, what a killed process leaves, and what cannot be an archive.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use archive::{Archive, Error};
use journal::{Options, SyncLog, file::Directory};

use crate::{SOON, bytes_of, files, fill, filled, send_all};

fn found(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(self::found(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    found
}

#[test]
fn each_segment_is_one_compressed_object_of_its_owner_alone_and_a_second_run_only_compares() {
    let at = tempfile::tempdir().unwrap();
    let (place, memory) = (at.path().join("deep/archive"), filled(60));
    let archive = Archive::open(place.to_str().unwrap(), SOON).unwrap();
    let sent = send_all(&archive, &memory);
    assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o700);
    let objects = found(&place);
    assert_eq!(objects.len(), sent.len());
    for (object, sent) in objects.iter().zip(&sent) {
        assert!(!sent.was_there);
        assert_eq!(*object, place.join(sent.name.path()));
        assert_eq!(fs::metadata(object).unwrap().len(), sent.packed);
    }
    assert!(
        sent.iter().map(|sent| sent.packed).sum::<u64>() * 3 < sent.iter().map(|sent| sent.name.bytes).sum()
    );
    // The name of the same archive as an address.
    let again = Archive::open(&format!("file://{}", place.display()), SOON).unwrap();
    assert!(send_all(&again, &memory).iter().all(|sent| sent.was_there));
}

#[test]
fn a_long_segment_is_sent_in_parts_and_comes_back_byte_for_byte() {
    let at = tempfile::tempdir().unwrap();
    let data = Directory::create(&at.path().join("data")).unwrap();
    let options = Options { segment_bytes: 24 << 20, nice: 0 };
    let mut log = SyncLog::open(data.clone(), options).unwrap();
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..10 {
        // Noise cannot be compressed: more than two parts.
        log.append(&(0..3 << 20).map(|_| random.u8(..)).collect::<Vec<u8>>());
        log.sync().unwrap();
    }
    fill(&mut log, 12);
    let place = at.path().join("archive");
    let archive = Archive::open(place.to_str().unwrap(), SOON).unwrap();
    let sent = send_all(&archive, &data);
    let longest = sent.iter().max_by_key(|sent| sent.packed).unwrap();
    assert!(longest.packed > 16 << 20, "{longest:?}");
    let (files, to) = (files(&data), journal::memory::Memory::new(1));
    let first = longest.name.first;
    log.log().truncate_before(longest.name.last.next(), &[]).unwrap();
    drop(files);
    let (files, segment) = (crate::files(&data), journal::segment_file(first));
    let catalogue = archive.catalogue(&files).unwrap();
    archive.fetch(&files, &catalogue, &to, |_, _| {}).unwrap();
    assert_eq!(bytes_of(&to, &segment).len() as u64, longest.name.bytes);
    assert_eq!(crate::records(&to).len(), 12);
}

#[test]
fn what_a_killed_process_left_of_an_upload_is_removed_and_nothing_else() {
    let at = tempfile::tempdir().unwrap();
    let archive = Archive::open(at.path().to_str().unwrap(), SOON).unwrap();
    let sent = send_all(&archive, &filled(60));
    let object = at.path().join(sent[0].name.path());
    let beside = |name: String| object.with_file_name(name);
    let name = object.file_name().unwrap().to_str().unwrap().to_owned();
    let (unfinished, others) = (
        [beside(format!("{name}#1")), beside(format!("{name}#27"))],
        [beside(format!("{name}#")), beside(format!("{name}#1x")), beside("notes#1".into())],
    );
    for path in unfinished.iter().chain(&others) {
        fs::write(path, b"part").unwrap();
    }
    archive.remove_unfinished().unwrap();
    assert!(unfinished.iter().all(|path| !path.exists()));
    assert!(others.iter().all(|path| path.exists()) && object.exists());
}

#[test]
fn an_archive_may_be_dropped_where_tasks_run() {
    let at = tempfile::tempdir().unwrap();
    let archive = Archive::open(at.path().to_str().unwrap(), SOON).unwrap();
    send_all(&archive, &filled(60));
    let tasks = tokio::runtime::Builder::new_current_thread().build().unwrap();
    tasks.block_on(async move { drop(archive) });
}

#[test]
fn what_is_no_archive_is_refused_and_says_what_was_expected() {
    let at = tempfile::tempdir().unwrap();
    fs::write(at.path().join("file"), b"").unwrap();
    let refused = |to: &str| Archive::open(to, SOON).err().unwrap();
    let wrong = [
        ("", "it is empty"),
        ("file://", "it is empty"),
        ("ftp://somewhere/else", "expected a directory, file:///directory or s3://bucket/prefix"),
        ("file:/somewhere", "expected a directory, file:///directory or s3://bucket/prefix"),
        ("s3:bucket/logs", "expected a directory, file:///directory or s3://bucket/prefix"),
        ("file://here/logs", "the path is not absolute: expected file:///directory"),
        ("s3://", "the bucket is missing: expected s3://bucket/prefix"),
        ("s3:///logs", "the bucket is missing: expected s3://bucket/prefix"),
    ];
    for (to, why) in wrong {
        let checked = Archive::check(to).expect_err("no archive");
        for error in [refused(to), checked] {
            assert!(matches!(&error, Error::Target { why: found, .. } if found == why), "{to}: {error}");
        }
    }
    let missing = at.path().join("missing");
    for to in [missing.to_str().unwrap(), "a/relative/directory", "file:///somewhere"] {
        Archive::check(to).unwrap();
    }
    assert!(!missing.exists(), "a check makes nothing");
    assert!(matches!(refused(at.path().join("file").to_str().unwrap()), Error::Journal(_)));
    #[cfg(not(feature = "s3"))]
    for error in [refused("s3://bucket/logs"), Archive::check("s3://bucket/logs").unwrap_err()] {
        assert!(error.to_string().contains("--features s3"), "{error}");
    }
}

#[test]
fn an_archive_that_cannot_be_written_is_tried_again_until_its_time_is_over() {
    let at = tempfile::tempdir().unwrap();
    let memory = filled(60);
    let files = files(&memory);
    let segment = files.sealed().next().unwrap();
    let archive = Archive::open(at.path().to_str().unwrap(), SOON).unwrap();
    // A file where the archive needs a directory: as a full disk, an error of the system.
    let log = journal::LineageId(files.id().unwrap()).to_string();
    fs::write(at.path().join(&log), b"").unwrap();
    let error = archive.send(&files, &segment).unwrap_err();
    assert!(matches!(error, Error::Store { .. }) && !error.tells_of_damage(), "{error}");
    fs::remove_file(at.path().join(&log)).unwrap();
    assert!(!archive.send(&files, &segment).unwrap().was_there);
}
