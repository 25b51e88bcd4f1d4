//! A running log whose disk is full, whose files are gone, or whose end was cut: it reports that, and releases nothing
//! that a start would not find.

use std::sync::mpsc;
use std::time::Duration;

use journal::memory::Memory;
use journal::storage::{File, Storage};
use journal::{Error, Files, Gate, Journal, Log, Lsn, State};

use crate::watched::until;
use crate::{SMALL, expected, filled, open, payload, replayed, segments};

/// A gate that sends what it releases.
pub struct Send(pub mpsc::Sender<u64>);

impl Gate<u64> for Send {
    fn open(&mut self, _: Lsn, done: &mut Vec<u64>) {
        done.drain(..).for_each(|item| self.0.send(item).unwrap());
    }

    fn failed(&mut self, error: &Error) {
        panic!("the journal failed: {error}");
    }
}

fn start(memory: &Memory) -> (Journal<u64>, mpsc::Receiver<u64>) {
    let (sender, released) = mpsc::channel();
    (Log::open(memory.clone(), SMALL).unwrap().start(Send(sender)), released)
}

/// Waits for a thread of the journal.
pub fn reaches(journal: &Journal<u64>, state: State) {
    let reached = journal.condition().wait_while(|now| now != state, Duration::from_secs(20));
    assert_eq!(reached, state, "it stays so");
}

#[test]
fn a_log_takes_records_once_a_whole_spare_is_there_and_not_before() {
    let memory = Memory::new(1);
    drop(filled(&memory, 1));
    memory.limit_space(memory.used() + SMALL.segment_bytes - 1);
    let (journal, released) = start(&memory);
    reaches(&journal, State::NoRoom);
    assert!(journal.condition().why().contains("spare"), "{}", journal.condition().why());
    // The records of the hub itself still have room in the current segment.
    journal.append(payload(2), 2);
    assert_eq!(released.recv(), Ok(2));
    memory.limit_space(u64::MAX);
    reaches(&journal, State::Ready);
    journal.stop();
    assert_eq!(replayed(open(&memory).log()), expected(2));
}

#[test]
fn below_the_second_watermark_no_requests_are_taken_until_there_is_room_and_what_is_under_way_ends() {
    let memory = Memory::new(1);
    let (journal, released) = start(&memory);
    reaches(&journal, State::Ready);
    // Between the watermarks the log takes records.
    let log = journal.condition();
    log.keep_free(200 << 10, 100 << 10);
    memory.limit_space(memory.used() + (150 << 10));
    until("the room is asked about", || log.disk().is_low);
    assert!(log.is_ready() && !log.disk().is_full && log.disk().free.is_some_and(|free| free <= 150 << 10));
    // Somebody else fills the disk.
    let other = memory.create("of another program").unwrap();
    other.write_at(0, &[7; 100 << 10]).unwrap();
    reaches(&journal, State::NoRoom);
    assert!(!log.is_ready() && log.why().contains("journal.disk_refuse_bytes"), "{}", log.why());
    // There is room for what is under way, also for another segment.
    for n in 1..=30 {
        journal.append(payload(n), n);
        assert_eq!(released.recv_timeout(Duration::from_secs(20)), Ok(n));
    }
    assert_eq!(log.state(), State::NoRoom, "a new segment changes nothing");
    memory.remove("of another program").unwrap();
    reaches(&journal, State::Ready);
    assert_eq!(log.why(), "");
    journal.stop();
    assert_eq!(replayed(open(&memory).log()), expected(30));
}

#[test]
fn a_disk_that_fills_up_while_the_log_runs_stops_it_before_the_segment_is_full_and_never_ends_it() {
    let memory = Memory::new(1);
    let (journal, released) = start(&memory);
    reaches(&journal, State::Ready);
    memory.limit_space(memory.used());
    // Fills the first segment and the spare; then there is no further segment.
    for n in 1..=14 {
        journal.append(payload(n), n);
        assert_eq!(released.recv(), Ok(n));
    }
    journal.append(payload(15), 15);
    reaches(&journal, State::NoRoom);
    assert!(released.recv_timeout(Duration::from_millis(300)).is_err(), "there was no room for it");
    assert_eq!(journal.durable(), Lsn(14));
    memory.limit_space(u64::MAX);
    assert_eq!(released.recv(), Ok(15), "it was kept and not lost");
    reaches(&journal, State::Ready);
    journal.stop();
    assert_eq!(replayed(open(&memory).log()), expected(15));
}

#[test]
fn a_log_that_is_stopped_while_it_waits_for_room_ends_and_has_answered_nothing_more() {
    let memory = Memory::new(1);
    let (journal, released) = start(&memory);
    reaches(&journal, State::Ready);
    memory.limit_space(memory.used());
    for n in 1..=14 {
        journal.append(payload(n), n);
        assert_eq!(released.recv(), Ok(n));
    }
    journal.append(payload(15), 15);
    reaches(&journal, State::NoRoom);
    journal.stop();
    assert_eq!(released.try_iter().count(), 0);
    memory.limit_space(u64::MAX);
    assert_eq!(replayed(open(&memory).log()), expected(14));
}

#[test]
fn a_log_that_is_stopped_while_a_long_record_waits_for_room_writes_no_shorter_one_in_its_place() {
    let memory = Memory::new(1);
    let (journal, released) = start(&memory);
    reaches(&journal, State::Ready);
    memory.limit_space(memory.used());
    for n in 1..=13 {
        journal.append(payload(n), n);
        assert_eq!(released.recv(), Ok(n));
    }
    // Only the shorter one would fit in what is left of the segment.
    journal.append(vec![7; 2_000], 14);
    reaches(&journal, State::NoRoom);
    journal.append(payload(15), 15);
    journal.stop();
    assert_eq!(released.try_iter().count(), 0);
    memory.limit_space(u64::MAX);
    assert_eq!(replayed(open(&memory).log()), expected(13));
}

#[test]
fn nothing_is_released_once_the_files_are_gone_cut_or_replaced() {
    type Harm = fn(&Memory);
    let harms: [(&str, Harm); 4] = [
        ("the directory vanishes", Memory::vanish),
        ("the open segment is removed", |memory| {
            memory.remove(segments(memory).last().unwrap()).unwrap();
        }),
        ("a closed segment is removed", |memory| memory.remove(&segments(memory)[0]).unwrap()),
        ("the open segment is cut", |memory| {
            memory.change(segments(memory).last().unwrap(), |bytes| bytes.truncate(1024));
        }),
    ];
    for (what, harm) in harms {
        let memory = Memory::new(1);
        drop(filled(&memory, 10));
        let (journal, released) = start(&memory);
        reaches(&journal, State::Ready);
        journal.append(payload(11), 11);
        assert_eq!(released.recv(), Ok(11));
        harm(&memory);
        reaches(&journal, State::Unsound);
        assert!(!journal.condition().why().is_empty(), "{what}");
        journal.append(payload(12), 12);
        journal.barrier(13);
        journal.stop();
        assert_eq!(released.try_iter().count(), 0, "released after the discovery: {what}");
    }
}

#[test]
fn a_log_that_was_reported_damaged_releases_nothing_more() {
    let memory = Memory::new(1);
    let (journal, released) = start(&memory);
    reaches(&journal, State::Ready);
    journal.condition().unsound("a follower has met a broken record".into());
    journal.append(payload(1), 1);
    journal.stop();
    assert_eq!((journal.condition().state(), released.try_iter().count()), (State::Unsound, 0));
    assert_eq!(replayed(open(&memory).log()), expected(0), "and nothing was written");
}

/// The log's verdict on its files.
fn read(memory: &Memory) -> Result<Lsn, Error> {
    let files = Files::over(memory.clone())?;
    files.finish(files.reader(Lsn(0))?).map(|tail| tail.last())
}

#[test]
fn a_closed_log_that_was_zeroed_where_a_batch_begins_is_refused() {
    let memory = Memory::new(1);
    filled(&memory, 5).close().unwrap();
    let name = segments(&memory)[0].clone();
    // Batches lie at 512, 1024 …; the mark of the stop at 3072.
    for from in (512..3072).step_by(512) {
        let damaged = memory.copy();
        damaged.change(&name, |bytes| bytes[from..].fill(0));
        let refused = read(&damaged).unwrap_err();
        let Error::Ends { place, last, .. } = &refused else { panic!("{refused}") };
        assert_eq!((place, last.0), (&damaged.path(&name), from as u64 / 512 - 1), "{refused}");
        assert!(Log::open(damaged, SMALL).is_err());
    }
}

#[test]
fn a_log_that_was_killed_is_refused_without_its_last_segment_or_with_another_history() {
    let memory = Memory::new(1);
    drop(filled(&memory, 20));
    let last = segments(&memory).pop().unwrap();
    let damaged = memory.copy();
    damaged.remove(&last).unwrap();
    let refused = read(&damaged).unwrap_err();
    assert!(matches!(&refused, Error::Ends { place, .. } if *place == damaged.path(&last)), "{refused}");
    let other = Memory::new(1);
    let mut log = open(&other);
    for n in 1..=20 {
        log.append(&payload(n + 1));
        log.sync().unwrap();
    }
    drop(log);
    let head = memory.bytes("head").unwrap();
    other.change("head", |bytes| bytes.copy_from_slice(&head));
    let refused = read(&other).unwrap_err();
    assert!(matches!(&refused, Error::Damaged { file, .. } if *file == other.path("head")), "{refused}");
}

#[test]
fn a_note_that_is_torn_or_missing_refuses_nothing() {
    let memory = Memory::new(1);
    filled(&memory, 5).close().unwrap();
    for at in 0..512 {
        let damaged = memory.copy();
        damaged.flip("head", at, 1 << (at % 8));
        assert_eq!(read(&damaged).unwrap(), Lsn(5));
    }
    memory.remove("head").unwrap();
    assert_eq!(replayed(open(&memory).log()), expected(5));
    assert!(Files::over(memory).unwrap().has_noted_end(), "an opening notes the end again");
}
