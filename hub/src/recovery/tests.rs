//! Damage of every kind to logs of several segments, with a state store and a spare: the start and `hub verify --tail` say
//! the same, and what opens holds every acknowledged record or the refusal says what is wrong.
//!
//! The oracle is what was acknowledged: the digest of the state after each record. `HUB_DAMAGE_RUNS` sets how many
//! damaged logs are tried (1,000).

use std::sync::LazyLock;

use actors::stored::Keeper;
use domains::recipes::Deposit;
use engine::{Content, Digest, Envelope, Formats, Tx, TxId, World};
use journal::{
    Claim, Files, Lsn, Options, Reader, SyncLog,
    memory::{DiskPart, Memory},
    storage::Storage,
};
use proptest::{collection::vec, prelude::*, sample::Index, test_runner::TestRunner};
use protocol::PlayerId;

use super::{Error, Expectations, full, kept as kept_state, tail};
use crate::telemetry::with_causes;

const OPTIONS: Options = Options { segment_bytes: 4 << 10, nice: 0 };
const RECORDS: u64 = 45;
/// More records than a segment and a spare have room for.
const PAST_A_SEGMENT: u64 = 18;
/// Records after which the state store was committed.
const COMMITS: [u64; 2] = [18, 27];
/// The record after which one of the logs begins a new lineage, between two commits.
const FORK: u64 = 22;

/// A log as it was left, and what was acknowledged of it.
struct Left {
    memory: Memory,
    /// The money's digest after each record, from 0 records on.
    digests: Vec<Digest>,
    /// It was stopped in order. One that was killed has noted its end when its last segment began.
    closed: bool,
}

mod bounded;
mod fetched;
mod kept;
mod later;

/// Decides a deposit and applies it. Returns its record.
fn deposit_record(world: &mut World, number: u64) -> Vec<u8> {
    let currency = "EUR".parse().expect("a currency");
    let deposit = Deposit { player: PlayerId(7), currency, amount: 100 };
    let id = TxId::of_service("test", &number.to_string());
    let tx = Tx::new(id, PlayerId(7).into(), Some(Content::of(&[b"test"])), deposit);
    let concluded = world.books.run(Envelope::Run(tx), number, u64::MAX).expect("what was decided applies");
    concluded.record.expect("a new key").1
}

/// Decides a deposit, applies it, and appends its record as a batch of its own.
fn deposit(log: &mut SyncLog<Memory>, world: &mut World, number: u64) {
    let bytes = deposit_record(world, number);
    assert_eq!(log.append(&bytes).0, world.books.lsn());
    log.sync().expect("a disk");
}

/// Begins a new lineage at the end of a log.
fn fork(memory: &Memory) -> SyncLog<Memory> {
    let claim = Claim::over(memory.clone()).expect("a log");
    let tail = claim.files().restored(claim.files().reader(Lsn(0)).expect("a log")).expect("it is sound");
    claim.restored(tail, OPTIONS).expect("a disk").into_sync()
}

/// The state store's part of the disk.
fn store_of(memory: &Memory) -> DiskPart {
    memory.part("store-")
}

/// Brings the state store to the end of the log, and commits it.
fn commit(memory: &Memory) {
    let mut keeper = Keeper::over(store_of(memory), Formats::STANDARD).expect("a sound store");
    let mut reader = Reader::over(memory.clone(), keeper.lsn()).expect("a log");
    keeper.follow(&mut reader, Lsn(0), |_| {}).expect("the log stands for it");
    keeper.commit(reader.cursor()).expect("a disk").expect("there is something new");
}

fn leave(closed: bool, forked: bool) -> Left {
    let memory = Memory::new(7);
    let mut log = SyncLog::open(memory.clone(), OPTIONS).expect("a log");
    let mut world = World::default();
    let mut digests = vec![world.books.digest().total()];
    for number in 1..=RECORDS {
        deposit(&mut log, &mut world, number);
        digests.push(world.books.digest().total());
        if forked && number == FORK {
            log.close().expect("a disk");
            log = fork(&memory);
        }
        if COMMITS.contains(&number) {
            commit(&memory);
        }
    }
    log.prepare_spare().expect("a disk");
    if closed {
        log.close().expect("a disk");
    } else {
        drop(log);
    }
    Left { memory, digests, closed }
}

static CLOSED: LazyLock<Left> = LazyLock::new(|| leave(true, false));
static KILLED: LazyLock<Left> = LazyLock::new(|| leave(false, false));
static FORKED: LazyLock<Left> = LazyLock::new(|| leave(true, true));
static BEGINS_LATER: LazyLock<Left> = LazyLock::new(|| {
    let left = leave(true, false);
    let claim = Claim::over(left.memory.clone()).expect("a log");
    let done = claim.truncate_before(Lsn(COMMITS[0] + 1), &[]).expect("a disk");
    assert!(done.parts > 1 && done.first <= Lsn(COMMITS[0]));
    left
});

#[derive(Debug, Clone)]
enum Harm {
    Flip(Index, u8),
    Truncate(Index),
    /// Zeros from a sector on, so many sectors long.
    Zero(Index, usize),
    Grow(usize),
    Remove,
    Swap(Index),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        6 => (any::<Index>(), 0_u8..8).prop_map(|(at, bit)| Harm::Flip(at, bit)),
        2 => any::<Index>().prop_map(Harm::Truncate),
        3 => (any::<Index>(), 1_usize..9).prop_map(|(at, sectors)| Harm::Zero(at, sectors)),
        1 => (1_usize..5_000).prop_map(Harm::Grow),
        2 => Just(Harm::Remove),
        1 => any::<Index>().prop_map(Harm::Swap),
    ]
}

fn names(memory: &Memory) -> Vec<String> {
    let mut names = memory.list().expect("a disk");
    names.sort();
    names
}

/// Damages a file. Returns the names of the files that changed; none when nothing did.
fn harmed(memory: &Memory, name: &str, harm: &Harm) -> Vec<String> {
    let before = memory.bytes(name).expect("it is listed");
    match harm {
        // An earlier harm has left nothing of it.
        Harm::Flip(..) | Harm::Truncate(_) | Harm::Zero(..) if before.is_empty() => return Vec::new(),
        Harm::Flip(at, bit) => memory.flip(name, at.index(before.len()) as u64, 1 << bit),
        Harm::Truncate(at) => memory.change(name, |bytes| bytes.truncate(at.index(before.len()))),
        Harm::Zero(at, sectors) => memory.change(name, |bytes| {
            let from = at.index(before.len()) / 512 * 512;
            let to = bytes.len().min(from + sectors * 512);
            bytes[from..to].fill(0);
        }),
        Harm::Grow(more) => memory.change(name, |bytes| bytes.extend(vec![0xa5; *more])),
        Harm::Remove => memory.remove(name).expect("it is listed"),
        Harm::Swap(with) => {
            let names = names(memory);
            let other = &names[with.index(names.len())];
            let theirs = memory.bytes(other).expect("it is listed");
            memory.change(name, |bytes| bytes.clone_from(&theirs));
            memory.change(other, |bytes| bytes.clone_from(&before));
            return if theirs == before { Vec::new() } else { vec![name.to_owned(), other.clone()] };
        }
    }
    if memory.bytes(name).as_ref() == Some(&before) { Vec::new() } else { vec![name.to_owned()] }
}

/// The result of a start: the last record and the digest, or why not.
fn start(memory: &Memory) -> Result<(u64, Digest), String> {
    open(memory).map(|(_, world)| (world.books.lsn(), world.books.digest().total()))
}

/// Starts on a log, or says why not.
fn open(memory: &Memory) -> Result<(SyncLog<Memory>, World), String> {
    let claim = Claim::over(memory.clone()).map_err(|error| with_causes(&Error::from(error)))?;
    let (_, proven) = kept_state(claim.files(), None, store_of(memory), &Expectations::default())
        .map_err(|error| with_causes(&error))?;
    let log = claim.open(proven.tail, OPTIONS).map_err(|error| with_causes(&Error::from(error)))?;
    assert_eq!(log.last().0, proven.world.books.lsn());
    Ok((log.into_sync(), proven.world))
}

/// Starts, goes on past the end of the segment and into another one, and ends. Returns the last record and the digest.
fn live_on(memory: &Memory, closed: bool) -> Result<(u64, Digest), String> {
    let (mut log, mut world) = open(memory)?;
    let before = world.books.lsn();
    for number in before + 1..=before + PAST_A_SEGMENT {
        // Keys that no record of the log has.
        deposit(&mut log, &mut world, 1_000 + number);
    }
    if closed {
        log.close().map_err(|error| error.with_causes())?;
    }
    Ok((world.books.lsn(), world.books.digest().total()))
}

fn verify_tail(memory: &Memory) -> Result<(u64, Digest), String> {
    let files = Files::over(memory.clone()).map_err(|error| with_causes(&Error::from(error)))?;
    let proven = tail(&files, None, Some(&store_of(memory)), &Expectations::default());
    let proven = proven.map_err(|error| with_causes(&error))?;
    Ok((proven.world.books.lsn(), proven.world.books.digest().total()))
}

fn verify_full(memory: &Memory) -> Result<(u64, Digest), String> {
    let files = Files::over(memory.clone()).map_err(|error| with_causes(&Error::from(error)))?;
    let findings =
        full(&files, None, Some(&store_of(memory)), engine::Level::ReDecide, &Expectations::default())
            .map_err(|error| with_causes(&error))?;
    let books = &findings.verifier.world().books;
    Ok((books.lsn(), books.digest().total()))
}

#[test]
fn whatever_is_done_to_a_log_start_and_verify_agree_and_no_acknowledged_record_is_lost_in_silence() {
    let runs = std::env::var("HUB_DAMAGE_RUNS").map_or(1_000, |runs| runs.parse().expect("a number of runs"));
    let config = ProptestConfig { cases: runs, failure_persistence: None, ..ProptestConfig::default() };
    let logs: [&LazyLock<Left>; 4] = [&CLOSED, &KILLED, &FORKED, &BEGINS_LATER];
    let strategy = (0..logs.len(), vec((any::<Index>(), harm()), 1..3));
    let judged = TestRunner::new(config).run(&strategy, |(left, harms)| judge(logs[left], &harms));
    if let Err(failure) = judged {
        panic!("{failure}");
    }
}

#[test]
fn a_damaged_log_beside_a_damaged_store_has_one_verdict() {
    for left in [&CLOSED, &KILLED, &FORKED, &BEGINS_LATER] {
        let names = names(&left.memory);
        for log in names.iter().filter(|name| name.ends_with(".log")) {
            for run in names.iter().filter(|name| name.ends_with(".run")) {
                let damaged = left.memory.copy();
                // The header of the first batch, and the first block.
                damaged.change(log, |bytes| bytes[512] ^= 1);
                damaged.change(run, |bytes| bytes[0] ^= 1);
                assert_eq!(start(&damaged.copy()), verify_tail(&damaged), "{log} and {run}");
            }
        }
    }
}

fn judge(left: &Left, harms: &[(Index, Harm)]) -> Result<(), TestCaseError> {
    let damaged = left.memory.copy();
    let last_segment = names(&damaged).into_iter().rfind(|name| name.ends_with(".log")).expect("segments");
    let mut touched = Vec::new();
    for (which, harm) in harms {
        let names = names(&damaged);
        touched.extend(harmed(&damaged, &names[which.index(names.len())], harm));
    }
    let (started, before) = (damaged.copy(), damaged.copy());
    let (start, tail, full) = (start(&started), verify_tail(&damaged), verify_full(&damaged));
    prop_assert_eq!(&start, &tail, "the same scope, the same verdict");
    prop_assert!(tail.is_ok() || full.is_err(), "the wider scope believes what the narrower refuses");
    let full_refused = full.is_err();
    for (verdict, scope) in [(&tail, "tail"), (&full, "full")] {
        match verdict {
            Ok((last, digest)) => {
                prop_assert_eq!(*digest, left.digests[*last as usize], "{}: another state", scope);
                // A hub that was killed has noted the end of its log only when the last segment began.
                let may_lose = !left.closed && touched.contains(&last_segment);
                let note_lost = touched.iter().any(|name| name == "head");
                prop_assert!(
                    *last == RECORDS || may_lose || (note_lost && touched.contains(&last_segment)),
                    "{}: ends at {} after {:?}",
                    scope,
                    last,
                    &touched
                );
            }
            Err(why) => {
                // Without its store, a log that begins later has no state to begin with; `hub verify` in full names the
                // store and not its file when the store has another state than the log.
                let of_store = why.contains("state store");
                let named =
                    touched.iter().any(|name| why.contains(name) || (of_store && name.starts_with("store-")));
                prop_assert!(named, "{}: {} does not say where, after {:?}", scope, why, &touched);
            }
        }
    }
    if start.is_ok() {
        // What one start accepts and goes on from, the next one accepts.
        let second = live_on(&started, left.closed);
        let (third, tail, full) = (open(&started), verify_tail(&started), verify_full(&started));
        let third = third.map(|(_, world)| (world.books.lsn(), world.books.digest().total()));
        prop_assert_eq!(&third, &second, "a later start, after {:?}", &touched);
        prop_assert_eq!(&tail, &second, "tail, after a later start and {:?}", &touched);
        prop_assert!(
            full == second || full_refused,
            "full, after a later start and {:?}: {:?}",
            &touched,
            full
        );
    } else {
        // The state store may have been built again: it is derived.
        let mut names = names(&before).into_iter().filter(|name| !name.starts_with("store-"));
        let same = names.all(|name| started.bytes(&name) == before.bytes(&name));
        prop_assert!(same, "a refusal has changed the files");
    }
    Ok(())
}

#[test]
fn the_logs_that_are_damaged_have_segments_a_store_and_a_spare() {
    for (left, lineages) in [(&*CLOSED, 1), (&*KILLED, 1), (&*FORKED, 2), (&*BEGINS_LATER, 1)] {
        assert_eq!(Files::over(left.memory.clone()).expect("a log").lineages().len(), lineages);
        let names = names(&left.memory);
        let of = |end: &str| names.iter().filter(|name| name.ends_with(end)).count();
        let stored = names.iter().filter(|name| name.starts_with("store-")).count();
        assert!(of(".log") > 3 && stored >= 3 && of("spare.ready") == 1 && of("head") == 1, "{names:?}");
        let whole = left.memory.copy();
        let expected = Ok((RECORDS, left.digests[RECORDS as usize]));
        assert_eq!(
            (start(&whole.copy()), verify_tail(&whole), verify_full(&whole)),
            (expected.clone(), expected.clone(), expected)
        );
    }
}
