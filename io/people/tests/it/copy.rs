//! Copies of a store that is in use: the database and the key file fit each other, and have whoever was enrolled before.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use people::{Contents, DATABASE, Error, KEYS, PeopleCopy};
use tempfile::TempDir;

use crate::rig::{empty, enrol, open, read, with};

/// A copy in a directory of its own; `None` when the store was in use all the time.
fn copied(directory: &Path) -> Option<TempDir> {
    let to = tempfile::tempdir().expect("a temporary directory");
    let PeopleCopy { keys, keyless } = match people::copy(directory, &to.path().join(DATABASE)) {
        Err(Error::InUse { .. }) => return None,
        copied => copied.expect("a disk").expect("a store"),
    };
    assert_eq!(keyless, 0);
    fs::write(to.path().join(KEYS), keys.expect("keys")).expect("a disk");
    Some(to)
}

#[test]
fn a_copy_beside_enrolments_has_everybody_who_was_answered_before_it() {
    let directory = empty();
    let people = open(directory.path());
    let (enrolled, done) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..400_u64 {
                enrol(&people, &format!("person {n}")).expect("a copy does not stop enrolments");
                enrolled.store(n + 1, Ordering::SeqCst);
            }
            done.store(1, Ordering::SeqCst);
        });
        let mut between = 0;
        while done.load(Ordering::SeqCst) == 0 {
            let before = enrolled.load(Ordering::SeqCst);
            let copy = copied(directory.path()).expect("the database is free between two commits");
            let contents = read(copy.path()).expect("a sound copy");
            assert!(contents.count() >= before, "{before} were answered, {} are there", contents.count());
            contents.check_keys(|_| false).expect("every row has its key");
            between += u64::from(contents.count() < 400);
        }
        assert!(between > 0, "copies were made in the middle");
    });
    let copy = copied(directory.path()).expect("nobody uses it");
    let mode = fs::metadata(copy.path().join(DATABASE)).expect("a copy").permissions().mode() & 0o777;
    assert_eq!((read(copy.path()).expect("a sound copy").count(), mode), (400, 0o600));
}

#[test]
fn a_copy_beside_erasures_has_a_key_for_each_row() {
    let names: Vec<String> = (0..60).map(|n| format!("person {n}")).collect();
    let (directory, ids) = with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let erasing = AtomicU64::new(1);
    let mut copies = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            for id in &ids {
                let mut contents: Contents = read(directory.path()).expect("a sound store");
                contents.erase(&[(*id, false)]).expect("a disk");
            }
            erasing.store(0, Ordering::SeqCst);
        });
        while erasing.load(Ordering::SeqCst) == 1 {
            let Some(copy) = copied(directory.path()) else { continue };
            let contents = read(copy.path()).expect("a sound copy");
            contents.check_keys(|_| false).expect("every row has its key");
            copies += u64::from(contents.count() > 0 && contents.count() < 60);
        }
    });
    assert!(copies > 0, "copies were made in the middle");
}

#[test]
fn no_store_has_no_copy_and_nothing_is_written_over() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let to = directory.path().join("copy");
    assert_eq!(people::copy(directory.path(), &to).expect("no store is no error"), None);
    let (store, _) = with(&["anna"]);
    fs::write(&to, b"something else").expect("a disk");
    assert!(people::copy(store.path(), &to).is_err());
    assert_eq!(fs::read(&to).expect("a file"), b"something else");
}
