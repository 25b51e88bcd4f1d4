//! An archive in a bucket: every request is signed, and answers that fail, break off or lie lose nothing.

use std::time::Duration;

use archive::{Archive, Error, RetryRule};
use journal::memory::Memory;
use journal::{Options, SyncLog};

use crate::stand_in::{Fault, SECRET, StandIn};
use crate::{expected, files, filled, records, send_all, truncate};

const RULE: RetryRule = RetryRule {
    first: Duration::from_millis(1),
    longest: Duration::from_millis(10),
    within: Duration::from_secs(5),
    call: Duration::from_secs(5),
};

fn bucket(stand_in: &StandIn) -> Archive {
    Archive::bucket("s3://bucket/logs/eu", RULE, stand_in.variables(SECRET)).unwrap()
}

#[test]
fn segments_go_to_a_bucket_are_listed_in_pages_compared_and_put_together_again() {
    let (stand_in, memory) = (StandIn::start(), filled(60));
    let sent = send_all(&bucket(&stand_in), &memory);
    assert!(sent.len() > 5 && sent.iter().all(|sent| !sent.was_there));
    let objects: Vec<String> = stand_in.objects().into_keys().collect();
    let names: Vec<String> = sent.iter().map(|sent| format!("logs/eu/{}", sent.name)).collect();
    assert_eq!(objects, names, "under the prefix");
    assert!(send_all(&bucket(&stand_in), &memory).iter().all(|sent| sent.was_there));
    truncate(&memory, journal::Lsn(40));
    let (archive, files, to) = (bucket(&stand_in), files(&memory), Memory::new(2));
    let catalogue = archive.catalogue(&files).unwrap();
    assert_eq!(catalogue.objects.len(), sent.len(), "all pages of the list");
    archive.fetch(&files, &catalogue, &to, |_, _| {}).unwrap();
    assert_eq!(records(&to), expected(60));
    assert_eq!((stand_in.seen("PUT", 403), stand_in.seen("GET", 403)), (0, 0));
}

#[test]
fn a_request_with_another_secret_is_refused_and_not_repeated() {
    let (stand_in, memory) = (StandIn::start(), filled(60));
    let variables = stand_in.variables("another secret");
    let archive = Archive::bucket("s3://bucket", RULE, variables).unwrap();
    let files = files(&memory);
    let error = archive.send(&files, &files.sealed().next().unwrap()).unwrap_err();
    assert!(matches!(error, Error::Store { .. }) && !error.tells_of_damage(), "{error}");
    assert_eq!((stand_in.seen("HEAD", 403), stand_in.objects().len()), (1, 0));
}

#[test]
fn whatever_an_answer_does_each_segment_is_there_once_and_whole() {
    let faults = [
        ("HEAD", Fault::Unavailable),
        ("HEAD", Fault::CutBefore),
        ("PUT", Fault::Unavailable),
        ("PUT", Fault::CutBefore),
        ("PUT", Fault::CutAfter),
        ("PUT", Fault::Forget),
        ("GET", Fault::Unavailable),
        ("GET", Fault::CutBefore),
        ("GET", Fault::CutBody),
    ];
    for (method, fault) in faults {
        let (stand_in, memory) = (StandIn::start(), filled(60));
        // More than once in a row.
        (0..3).for_each(|_| stand_in.fail(method, fault));
        let sent = send_all(&bucket(&stand_in), &memory);
        assert_eq!(stand_in.objects().len(), sent.len(), "{method} {fault:?}");
        let second = bucket(&stand_in);
        for sent in &sent {
            second.verify(&sent.name).unwrap();
        }
        // An object that was put is never put over: the second attempt finds it.
        let put = stand_in.seen("PUT", 200) - if fault == Fault::Forget { 3 } else { 0 };
        assert_eq!(put, sent.len(), "{method} {fault:?}");
    }
}

#[test]
fn an_archive_that_never_answers_well_is_given_up_in_time() {
    let (stand_in, memory) = (StandIn::start(), filled(60));
    (0..10_000).for_each(|_| stand_in.fail("HEAD", Fault::Unavailable));
    let rule = RetryRule { within: Duration::from_millis(300), ..RULE };
    let archive = Archive::bucket("s3://bucket", rule, stand_in.variables(SECRET)).unwrap();
    let files = files(&memory);
    let began = std::time::Instant::now();
    archive.send(&files, &files.sealed().next().unwrap()).unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(stand_in.seen("HEAD", 503) > 3, "it was repeated");
}

#[test]
fn a_long_segment_goes_in_parts_and_what_fails_of_it_is_aborted() {
    let (stand_in, memory) = (StandIn::start(), Memory::new(1));
    let mut log = SyncLog::open(memory.clone(), Options { segment_bytes: 24 << 20, nice: 0 }).unwrap();
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..10 {
        log.append(&(0..3 << 20).map(|_| random.u8(..)).collect::<Vec<u8>>());
        log.sync().unwrap();
    }
    drop(log);
    let files = files(&memory);
    let segment = files.sealed().max_by_key(|segment| segment.bytes).unwrap();
    // The second part fails, until its time is over; each attempt is aborted.
    (0..10_000).for_each(|_| stand_in.fail("PUT", Fault::Unavailable));
    let rule = RetryRule { within: Duration::from_millis(500), ..RULE };
    let hasty = Archive::bucket("s3://bucket/logs/eu", rule, stand_in.variables(SECRET)).unwrap();
    hasty.send(&files, &segment).unwrap_err();
    assert!(stand_in.seen("POST", 200) >= 1 && stand_in.seen("DELETE", 204) >= 1);
    assert_eq!((stand_in.unfinished(), stand_in.objects().len()), (0, 0));

    let calm = StandIn::start();
    calm.fail("PUT", Fault::CutBefore);
    calm.fail("POST", Fault::Unavailable);
    let sent = bucket(&calm).send(&files, &segment).unwrap();
    assert!(!sent.was_there && sent.packed > 16 << 20, "{sent:?}");
    assert_eq!((calm.unfinished(), calm.objects().len()), (0, 1));
    bucket(&calm).verify(&sent.name).unwrap();
}
