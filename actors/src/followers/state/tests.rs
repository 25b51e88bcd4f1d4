//! The state store behind a log on disk: commits, restarts, damage and panics.

use std::{path::Path, sync::mpsc};

use domains::recipes::Deposit;
use engine::{Content, Envelope, Formats, Record, StoredState as _, Tx, TxId, World};
use journal::Cursor;
use protocol::PlayerId;
use tempfile::TempDir;

use super::*;
use crate::{
    dies::{dies, to_die},
    followers::log::{self, OpenGate},
    stored::DIRECTORY,
};

/// Deposits until the world stands at `lsn`.
fn play(world: &mut World, journal: &Journal<Output>, lsn: u64) {
    for number in world.books.lsn()..lsn {
        let currency = "EUR".parse().expect("a currency");
        let deposit = Deposit { player: PlayerId(7), currency, amount: 100 };
        let id = TxId::of_service("test", &number.to_string());
        let envelope = Envelope::Run(Tx::new(id, PlayerId(7).into(), Some(Content::of(&[b"test"])), deposit));
        let concluded = world.books.run(envelope, number, u64::MAX).expect("what was decided applies");
        let (_, record) = concluded.record.expect("each key is new");
        journal.append(record, Output::Nothing);
    }
}

fn start(directory: &tempfile::TempDir) -> (Journal<Output>, World) {
    let log = log::reopened(directory);
    let mut world = World::default();
    log.replay(Lsn(0), |entry| {
        world.apply(&Record::decode(entry.bytes).expect("our record")).expect("it fits");
        Ok::<_, journal::Error>(())
    })
    .expect("a sound log");
    (log.start(OpenGate), world)
}

fn keeper(directory: &Path) -> Keeper {
    log::once_unlocked(|| Keeper::open(directory, Formats::STANDARD))
}

fn follow(directory: &TempDir, journal: &Journal<Output>, every: u64) -> StateStore {
    StateStore::start(keeper(directory.path()), journal.clone(), every, |_| {}).expect("a thread")
}

/// What the follower's thread would have, for a test that makes its steps.
fn keeping(directory: &TempDir, journal: &Journal<Output>) -> Keeping {
    let keeper = keeper(directory.path());
    Keeping {
        stored: Progress::at(keeper.cursor().lsn),
        durable: Lsn(0),
        keeper,
        every: 1,
        last: Instant::now(),
        log: journal.condition().clone(),
        committed: Box::new(|_| {}),
        halted: None,
        wanted: Wanted::default(),
    }
}

/// Where the store stands, and whether it is of this log and has this world.
fn newest(directory: &TempDir, world: &World) -> (u64, bool) {
    let (keeper, log) = (keeper(directory.path()), log::reopened(directory));
    let at = keeper.cursor();
    let same = log.hash_at(at.lsn).expect("readable") == Some(at.hash);
    let copy = keeper.load().expect("our store");
    (at.lsn.0, same && engine::invariant::same(&copy, world) == Ok(()))
}

#[test]
fn an_orderly_stop_commits_what_the_copy_has_followed() {
    let directory = tempfile::tempdir().expect("a directory");
    let (journal, mut world) = start(&directory);
    let follower = follow(&directory, &journal, 1_000);
    play(&mut world, &journal, 25);
    journal.stop();
    drop(follower);
    assert_eq!(newest(&directory, &world), (25, true));
}

#[test]
fn a_commit_that_is_asked_for_is_made_at_once_and_one_that_is_there_needs_none() {
    let directory = tempfile::tempdir().expect("a directory");
    let (journal, mut world) = start(&directory);
    let follower = follow(&directory, &journal, 1_000);
    let asked = follower.commit_now();
    for last in [25, 26] {
        play(&mut world, &journal, last);
        log::durable(&journal, last);
        let began = Instant::now();
        assert!(asked.reaches(Lsn(last), COMMIT_WITHIN));
        assert!(began.elapsed() < COMMIT_WITHIN / 2, "{:?}", began.elapsed());
        assert!(asked.reaches(Lsn(last), Duration::ZERO));
    }
    assert!(!asked.reaches(Lsn(27), Duration::from_millis(20)), "there is no such record");
    journal.stop();
    drop(follower);
    assert_eq!(newest(&directory, &world), (26, true));
}

#[test]
fn a_start_goes_on_from_the_last_commit_and_without_a_store_builds_it_again() {
    let directory = tempfile::tempdir().expect("a directory");
    for (round, keep) in [true, true, false].into_iter().enumerate() {
        if !keep {
            std::fs::remove_dir_all(directory.path().join(DIRECTORY)).expect("it is there");
        }
        let (journal, mut world) = start(&directory);
        let follower = follow(&directory, &journal, 1_000);
        let last = (round as u64 + 1) * 25;
        play(&mut world, &journal, last);
        journal.stop();
        drop(follower);
        assert_eq!(newest(&directory, &world), (last, true));
    }
}

#[test]
fn each_commit_is_told_with_a_store_that_has_the_keys_up_to_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let (journal, mut world) = start(&directory);
    let (sender, told) = mpsc::channel();
    let follower = StateStore::start(keeper(directory.path()), journal.clone(), 1, move |store| {
        sender.send(store).expect("the test listens");
    });
    let follower = follower.expect("a thread");
    play(&mut world, &journal, 25);
    journal.stop();
    drop(follower);
    let stores: Vec<_> = told.iter().collect();
    let last = stores.last().expect("one at least");
    assert_eq!(last.lsn(), 25);
    for number in 0..25 {
        let id = TxId::of_service("test", &number.to_string());
        assert_eq!(
            engine::look_up(last, id).expect("readable").kept.map(|(_, outcome)| outcome),
            world.books.outcome(id).expect("in memory")
        );
    }
}

#[test]
fn damage_that_the_copy_meets_stops_the_log_and_not_the_process() {
    let directory = tempfile::tempdir().expect("a directory");
    let (journal, mut world) = start(&directory);
    play(&mut world, &journal, 25);
    log::durable(&journal, 25);
    log::flip(&directory, 700);
    let follower = follow(&directory, &journal, 10);
    log::becomes_unsound(&journal, "at offset 512");
    journal.stop();
    drop(follower);
    assert_eq!(keeper(directory.path()).cursor(), Cursor::default());
}

#[test]
fn a_store_that_cannot_be_read_stops_the_log_and_takes_nothing_more_even_of_the_same_batch() {
    let directory = tempfile::tempdir().expect("a directory");
    let (journal, mut world) = start(&directory);
    let follower = follow(&directory, &journal, 1_000);
    play(&mut world, &journal, 25);
    journal.stop();
    drop(follower);
    // The blocks of a run come first in its file; what a start reads of it comes last.
    for file in std::fs::read_dir(directory.path().join(DIRECTORY)).expect("a store") {
        let path = file.expect("an entry").path();
        if path.extension().is_some_and(|kind| kind == "run") {
            let mut bytes = std::fs::read(&path).expect("a file");
            bytes[40] ^= 1;
            std::fs::write(&path, bytes).expect("a disk");
        }
    }
    let (journal, mut world) = start(&directory);
    play(&mut world, &journal, 26);
    // Without record 26 the copy has another digest.
    let digest = Record { time: 26, body: engine::Body::Digest(world.books.digest()) };
    journal.append(digest.encode(), Output::Nothing);
    log::durable(&journal, 27);
    let mut keeping = keeping(&directory, &journal);
    keeping.committed = Box::new(|_| panic!("nothing is committed"));
    let mut reader = journal.read(keeping.cursor()).expect("a log");
    while let Some(entry) = reader.next(Lsn(27)).expect("a sound log") {
        assert_eq!(keeping.take(&entry), None);
    }
    let why = journal.condition().why();
    assert!(why.contains(".run") && why.contains(ADVICE), "{why}");
    assert_eq!((keeping.cursor(), keeping.limit(Lsn(27))), (Lsn(25), Lsn(25)));
    let next = keeping.reached(&reader.cursor(), false).expect("no file is touched");
    assert_eq!(next, Next::Restart(RETRY));
    journal.stop();
}

#[test]
fn a_store_that_cannot_be_read_for_a_while_is_gone_on_with_later() {
    let directory = tempfile::tempdir().expect("a directory");
    let (journal, mut world) = start(&directory);
    let follower = follow(&directory, &journal, 1_000);
    play(&mut world, &journal, 25);
    journal.stop();
    drop(follower);
    let (journal, mut world) = start(&directory);
    play(&mut world, &journal, 30);
    log::durable(&journal, 30);
    let mut keeping = keeping(&directory, &journal);
    let store = directory.path().join(DIRECTORY);
    let files: Vec<_> =
        std::fs::read_dir(&store).expect("a store").map(|file| file.expect("an entry").path()).collect();
    let run = files.iter().find(|path| path.extension().is_some_and(|kind| kind == "run")).expect("a run");
    // What is opened is no file, as what is not opened when too many files are.
    let away = store.with_extension("away");
    std::fs::rename(run, &away).expect("a disk");
    std::fs::create_dir(run).expect("a disk");
    let mut reader = journal.read(keeping.cursor()).expect("a log");
    while let Some(entry) = reader.next(Lsn(30)).expect("a sound log") {
        assert_eq!(keeping.take(&entry), None);
    }
    assert_eq!((keeping.cursor(), keeping.limit(Lsn(30))), (Lsn(25), Lsn(25)));
    assert_eq!(keeping.reached(&reader.cursor(), true).expect("no error of the log"), Next::Restart(RETRY));
    std::fs::remove_dir(run).expect("a disk");
    std::fs::rename(&away, run).expect("a disk");
    let mut reader = journal.read(keeping.cursor()).expect("a log");
    while let Some(entry) = reader.next(Lsn(30)).expect("a sound log") {
        assert_eq!(keeping.take(&entry), None);
    }
    keeping.reached(&reader.cursor(), true).expect("a disk");
    assert_ne!(journal.condition().state(), journal::State::Unsound, "{}", journal.condition().why());
    drop(keeping);
    journal.stop();
    drop(journal);
    assert_eq!(newest(&directory, &world), (30, true));
}

#[test]
fn after_a_panic_the_copy_goes_back_to_the_last_commit_and_ends_with_the_same_store() {
    let directory = tempfile::tempdir().expect("a directory");
    let (journal, mut world) = start(&directory);
    play(&mut world, &journal, 25);
    log::durable(&journal, 25);
    let mut keeping = keeping(&directory, &journal);
    // Each batch is committed only when what came before it was taken twice.
    let mut ends = Vec::new();
    let mut reader = journal.read(Lsn(0)).expect("a log");
    while let Some(entry) = reader.next(Lsn(25)).expect("a sound log") {
        ends.extend((entry.lsn == entry.batch.last()).then_some(entry.lsn));
    }
    for end in ends {
        for commits in [false, true] {
            let mut reader = journal.read(keeping.cursor()).expect("a log");
            while let Some(entry) = reader.next(end).expect("a sound log") {
                assert_eq!(keeping.take(&entry), None);
            }
            assert_eq!(keeping.cursor(), end);
            if commits {
                keeping.reached(&reader.cursor(), true).expect("a disk");
                assert_eq!((keeping.stored.lsn(), keeping.stored.age()), (end, Duration::ZERO));
            }
            keeping.again().expect("a sound store");
        }
    }
    drop(keeping);
    journal.stop();
    drop(journal);
    assert_eq!(newest(&directory, &world), (25, true));
}

#[test]
fn a_commit_does_not_make_a_store_young_that_is_still_behind() {
    let directory = tempfile::tempdir().expect("a directory");
    let (journal, mut world) = start(&directory);
    for last in [10, 25] {
        play(&mut world, &journal, last);
        log::durable(&journal, last); // so that a batch ends there
    }
    let mut keeping = keeping(&directory, &journal);
    let mut reader = journal.read(Lsn(0)).expect("a log");
    assert_eq!(keeping.limit(Lsn(25)), Lsn(25));
    let mut age = Duration::ZERO;
    for end in [10, 25] {
        while let Some(entry) = reader.next(Lsn(end)).expect("a sound log") {
            assert_eq!(keeping.take(&entry), None);
        }
        let began = Instant::now();
        while keeping.stored.age() <= age {
            assert!(began.elapsed() < Duration::from_secs(30), "it is behind, and becomes no older");
        }
        age = keeping.stored.age();
        keeping.reached(&reader.cursor(), true).expect("a disk");
        assert_eq!(keeping.stored.lsn(), Lsn(end));
        match end {
            25 => assert_eq!(keeping.stored.age(), Duration::ZERO),
            _ => assert!(keeping.stored.age() >= age, "{:?} after {age:?}", keeping.stored.age()),
        }
    }
    drop(keeping);
    journal.stop();
}

#[test]
fn a_copy_that_cannot_go_back_to_its_store_stops_the_log() {
    let directory = tempfile::tempdir().expect("a directory");
    let (journal, mut world) = start(&directory);
    play(&mut world, &journal, 25);
    log::durable(&journal, 25);
    let mut keeping = keeping(&directory, &journal);
    let mut reader = journal.read(Lsn(0)).expect("a log");
    while let Some(entry) = reader.next(Lsn(25)).expect("a sound log") {
        assert_eq!(keeping.take(&entry), None);
    }
    keeping.reached(&reader.cursor(), true).expect("a disk");
    keeping.keeper.lose_head();
    let why = keeping.again().expect_err("its head is none");
    assert_eq!(journal.condition().state(), journal::State::Unsound);
    let told = journal.condition().why();
    assert!(told.contains(&why) && told.contains(ADVICE), "{told}");
    assert_eq!(keeping.limit(Lsn(30)), Lsn(25), "nothing more is taken");
    journal.stop();
}

#[test]
fn the_rest_after_a_piece_of_a_merge_is_in_proportion_and_bounded() {
    let ms = Duration::from_millis;
    assert_eq!([ms(0), ms(20), ms(100), ms(60_000)].map(rest_after), [ms(0), ms(60), ms(250), ms(250)]);
}

const OTHER_DIGEST: &str = "another digest than the copy's";
const NO_RECORD: &str = "what is no record";

#[test]
fn a_copy_that_parts_from_the_log_ends_the_process() {
    if let Some((log, of)) = to_die() {
        let is_digest = of == OTHER_DIGEST;
        let (journal, world) = {
            let log = journal::open(&log, journal::Options::default()).expect("a log");
            (log.start(OpenGate), World::default())
        };
        let mut live = world.clone();
        let writer = StateStore::start(keeper(&log), journal.clone(), 10, |_| {}).expect("a thread");
        play(&mut live, &journal, 25);
        if is_digest {
            let other = (engine::Component::Keys, ledger::Digest::from_bytes([1; 32]));
            let digest = engine::StateDigest::new([other]);
            let record = Record { time: 25, body: engine::Body::Digest(digest) };
            journal.append(record.encode(), Output::Nothing);
        } else {
            journal.append(vec![0xff; 10], Output::Nothing);
        }
        journal.stop();
        drop(writer);
        println!("lived on");
        return;
    }
    for of in [OTHER_DIGEST, NO_RECORD] {
        let log = tempfile::tempdir().expect("a directory");
        let name = "followers::state::tests::a_copy_that_parts_from_the_log_ends_the_process";
        assert!(!dies(name, log.path(), of).contains("lived on"), "{of}");
        let stored = keeper(log.path()).cursor().lsn.0;
        assert!(stored <= 25, "{of}: {stored} holds what was not believed");
    }
}
