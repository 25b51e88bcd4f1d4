#![expect(clippy::unwrap_used, reason = "a test may panic")]
use std::{fs, path::Path, time::UNIX_EPOCH};

use super::*;
use crate::auth::{
    KeyIssuer, KeyMissing, KeySource,
    test_keys::{Pair, set_of},
};

const EVERY: Duration = Duration::from_secs(300);

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

/// Puts a set in the place of a file, as a program does that replaces it: by a rename.
fn publish(file: &Path, keys: &[(&str, Pair)]) {
    let keys: Vec<_> = keys.iter().map(|(kid, pair)| pair.published(kid)).collect();
    let draft = file.with_extension("draft");
    fs::write(&draft, set_of(&keys)).unwrap();
    fs::rename(draft, file).unwrap();
}

/// One issuer whose keys are in a file, read at the time 0.
fn watched(file: &Path) -> Watched {
    let source = KeySource::File(file.into());
    let keys = source.read().unwrap();
    let issuer = KeyIssuer { issuer: "the-issuer".into(), source };
    Watched::new(Arc::new(Issuers::new(vec![(issuer, Some(keys))], at(0))), EVERY)
}

fn key(watched: &Watched, kid: &str, seconds: u64) -> Result<(), KeyMissing> {
    watched.issuers.key(0, kid, at(seconds)).map(drop)
}

#[test]
fn a_file_that_is_replaced_is_read_at_the_next_look_and_keys_come_and_go() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys.json");
    publish(&file, &[("old", Pair::Ed)]);
    let mut watched = watched(&file);
    watched.look(at(1));
    assert_eq!((key(&watched, "old", 1), watched.issuers.generation()), (Ok(()), 0), "nothing has changed");
    publish(&file, &[("old", Pair::Ed), ("new", Pair::Ec)]);
    watched.look(at(2));
    assert_eq!(
        [key(&watched, "old", 2), key(&watched, "new", 2)],
        [Ok(()), Ok(())],
        "both, during a rotation"
    );
    assert_eq!(watched.issuers.generation(), 1);
    publish(&file, &[("new", Pair::Ec)]);
    watched.look(at(3));
    assert_eq!([key(&watched, "old", 3), key(&watched, "new", 3)], [Err(KeyMissing::Unknown), Ok(())]);
    assert_eq!(watched.issuers.generation(), 2);
}

#[test]
fn a_key_that_is_not_known_has_the_set_read_once_in_ten_seconds() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys.json");
    publish(&file, &[("old", Pair::Ed)]);
    let mut watched = watched(&file);
    assert_eq!(key(&watched, "new", 9), Err(KeyMissing::Unknown), "it was read nine seconds ago");
    assert!(!watched.issuers.is_due(0, EVERY, at(9)));
    assert_eq!(key(&watched, "new", 10), Err(KeyMissing::Awaited), "it may be new");
    assert_eq!(key(&watched, "another", 10), Err(KeyMissing::Awaited));
    assert_eq!(key(&watched, "old", 10), Ok(()), "nobody waits for a key that is known");
    assert!(watched.issuers.is_due(0, EVERY, at(10)));
    watched.look(at(11));
    assert_eq!(key(&watched, "new", 11), Err(KeyMissing::Unknown), "the issuer does not publish it");
    assert_eq!(key(&watched, "new", 20), Err(KeyMissing::Unknown));
    assert!(!watched.issuers.is_due(0, EVERY, at(20)), "nobody can have it read more often");
    publish(&file, &[("new", Pair::Ec)]);
    assert_eq!(key(&watched, "new", 21), Err(KeyMissing::Awaited));
    watched.look(at(21));
    assert_eq!(key(&watched, "new", 21), Ok(()));
}

#[test]
fn keys_stay_while_the_set_cannot_be_read_and_their_age_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys.json");
    publish(&file, &[("old", Pair::Ed)]);
    let mut watched = watched(&file);
    watched.look(at(1));
    watched.look(at(100));
    let told = |watched: &Watched, seconds| {
        let age = watched.issuers.age(at(seconds)).unwrap().as_secs();
        (age, watched.issuers.failures(), key(watched, "old", seconds))
    };
    assert_eq!(told(&watched, 100), (0, 0, Ok(())), "the file is as it was read");
    for (seconds, failures, text) in [(101, 1, "{\"keys\":"), (102, 2, "{\"keys\":[]}"), (103, 3, "")] {
        fs::write(&file, text).unwrap();
        watched.look(at(seconds));
        assert_eq!(told(&watched, seconds), (seconds - 100, failures, Ok(())));
    }
    fs::remove_file(&file).unwrap();
    watched.look(at(104));
    watched.look(at(133));
    assert_eq!(told(&watched, 133), (33, 4, Ok(())), "it is not tried at each look");
    watched.look(at(134));
    assert_eq!(told(&watched, 134).1, 5, "but each half minute");
    assert!(watched.failures[0].as_ref().unwrap().contains("failed to read"), "{:?}", watched.failures);
    publish(&file, &[("old", Pair::Ed)]);
    watched.look(at(135));
    assert_eq!((told(&watched, 135), watched.issuers.generation()), ((0, 5, Ok(())), 0), "the same keys");
    assert_eq!(watched.failures[0], None);
}

#[test]
fn a_set_is_read_again_when_it_is_old_although_nothing_shows_a_change() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys.json");
    publish(&file, &[("old", Pair::Ed)]);
    let watched = watched(&file);
    assert!(!watched.issuers.is_due(0, EVERY, at(299)));
    assert!(watched.issuers.is_due(0, EVERY, at(300)));
    assert!(
        watched.issuers.is_due(0, EVERY, at(0) - Duration::from_secs(60)),
        "behind a clock that went back"
    );
}

#[test]
fn the_thread_ends_with_its_watch_and_reads_at_once_for_whoever_waits() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys.json");
    publish(&file, &[("new", Pair::Ec)]);
    let issuer = KeyIssuer { issuer: "the-issuer".into(), source: KeySource::File(file) };
    let issuers = Arc::new(Issuers::new(vec![(issuer, None)], SystemTime::now()));
    assert_eq!(issuers.key(0, "new", SystemTime::now()).map(drop), Err(KeyMissing::Awaited));
    let watch = KeyWatch::start(issuers.clone(), EVERY).unwrap().unwrap();
    while issuers.key(0, "new", SystemTime::now()).is_err() {
        thread::yield_now();
    }
    drop(watch);
    assert!(KeyWatch::start(Arc::default(), EVERY).unwrap().is_none(), "without issuers there is no thread");
}
