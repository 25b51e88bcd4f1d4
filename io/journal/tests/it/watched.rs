//! The writer and its helper side by side: whose file the next segment is, what proves that the files are gone, and
//! what making a spare may cost.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use journal::memory::{Memory, Operation};
use journal::storage::Storage;
use journal::{Journal, Log, Lsn, State};

use crate::condition::{Send, reaches};
use crate::hooked::{Call, Hooked, Pause};
use crate::{SMALL, expected, filled, open, payload, replayed, segments};

fn start(storage: &Hooked) -> (Journal<u64>, mpsc::Receiver<u64>) {
    let (sender, released) = mpsc::channel();
    (Log::open(storage.clone(), SMALL).unwrap().start(Send(sender)), released)
}

/// Appends a record and waits until it is released.
fn put(journal: &Journal<u64>, released: &mpsc::Receiver<u64>, n: u64) {
    journal.append(payload(n), n);
    assert_eq!(released.recv_timeout(Duration::from_secs(20)), Ok(n));
}

/// Waits until something is so.
pub fn until(what: &str, is: impl Fn() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The helper looks once a second: two looks have passed, and a third may have.
const TWO_LOOKS: Duration = Duration::from_millis(2300);

#[test]
fn the_helper_makes_no_spare_while_the_writer_turns_the_last_one_into_a_segment() {
    for place in [Call::Lock, Call::Sync] {
        changes_segment_beside_the_helper(place);
    }
}

/// Appends records until one is not released, because the writer waits. `waits` tells that it does. Returns the number of that one.
fn fills(journal: &Journal<u64>, released: &mpsc::Receiver<u64>, waits: impl Fn() -> bool) -> u64 {
    for last in 1.. {
        journal.append(payload(last), last);
        let is_released = std::cell::Cell::new(false);
        until("a record is released, or the writer waits", || {
            is_released.set(released.try_recv().is_ok());
            is_released.get() || waits()
        });
        if !is_released.get() {
            return last;
        }
    }
    unreachable!("the segment has an end")
}

fn changes_segment_beside_the_helper(place: Call) {
    let memory = Memory::new(1);
    let pause = Arc::new(Pause::default());
    let at = pause.clone();
    // Two places of the writer between taking the spare and giving it its name; the helper fills files under
    // another name.
    let storage = Hooked::new(&memory, move |call, name| {
        if (call, name) == (place, "spare.ready") {
            at.here();
        }
        Ok(())
    });
    open(&memory).prepare_spare().unwrap();
    let (journal, released) = start(&storage);
    reaches(&journal, State::Ready);
    let (is_here, go) = pause.next();
    let mut last = 0;
    while is_here.try_recv().is_err() {
        last += 1;
        journal.append(payload(last), last);
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(TWO_LOOKS);
    go.send(()).unwrap();
    for n in 1..=last {
        assert_eq!(released.recv_timeout(Duration::from_secs(20)), Ok(n));
    }
    put(&journal, &released, last + 1);
    journal.stop();
    assert_eq!(replayed(open(&memory).log()), expected(last + 1), "what was acknowledged is in the log");
}

#[test]
fn a_look_that_the_system_refuses_proves_nothing_and_is_taken_again() {
    for (call, errno) in [
        (Call::List, libc::EMFILE),
        (Call::Status, libc::ENOMEM),
        (Call::Status, libc::EACCES),
        (Call::List, libc::EIO),
    ] {
        let memory = Memory::new(1);
        let (on, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (is_on, count) = (on.clone(), refused.clone());
        let storage = Hooked::new(&memory, move |asked, _| {
            if asked == call && is_on.load(Ordering::Relaxed) {
                count.fetch_add(1, Ordering::Relaxed);
                return Err(io::Error::from_raw_os_error(errno));
            }
            Ok(())
        });
        let (journal, released) = start(&storage);
        reaches(&journal, State::Ready);
        on.store(true, Ordering::Relaxed);
        until("it looks", || refused.load(Ordering::Relaxed) > 1);
        put(&journal, &released, 1);
        assert_eq!(journal.condition().state(), State::Ready, "{call:?} {errno}");
        on.store(false, Ordering::Relaxed);
        memory.vanish();
        reaches(&journal, State::Unsound);
    }
}

#[test]
fn a_spare_that_the_system_refuses_is_not_called_want_of_room_and_ends_nothing() {
    let memory = Memory::new(1);
    let errno = Arc::new(AtomicI32::new(libc::EMFILE));
    let refused = Arc::new(AtomicU64::new(0));
    let (now, to_writer) = (errno.clone(), refused.clone());
    let storage = Hooked::new(&memory, move |call, name| match (call, now.load(Ordering::Relaxed)) {
        (Call::Create, errno) if errno != 0 && ["spare.partial", "segment.partial"].contains(&name) => {
            to_writer.fetch_add(u64::from(name == "segment.partial"), Ordering::Relaxed);
            Err(io::Error::from_raw_os_error(errno))
        }
        _ => Ok(()),
    });
    drop(open(&memory));
    let (journal, released) = start(&storage);
    reaches(&journal, State::NoSegment);
    // What the hub itself writes fills the segment; then the writer waits, and the process lives.
    let last = fills(&journal, &released, || refused.load(Ordering::Relaxed) > 0);
    assert!(
        last > 5 && journal.condition().why().contains("cannot be made"),
        "{}",
        journal.condition().why()
    );
    errno.store(0, Ordering::Relaxed);
    assert_eq!(released.recv_timeout(Duration::from_secs(20)), Ok(last));
    reaches(&journal, State::Ready);
    journal.stop();
    assert_eq!(replayed(open(&memory).log()), expected(last));
}

#[test]
fn a_log_without_a_helper_takes_records_again_once_there_is_room() {
    let memory = Memory::new(1);
    let refuse = Arc::new(AtomicBool::new(false));
    let is_refused = refuse.clone();
    let storage = Hooked::new(&memory, move |call, _| match call {
        Call::List if is_refused.load(Ordering::Relaxed) => Err(io::Error::from_raw_os_error(libc::EMFILE)),
        _ => Ok(()),
    });
    let (sender, released) = mpsc::channel();
    let log = Log::open(storage, SMALL).unwrap();
    refuse.store(true, Ordering::Relaxed);
    let journal = log.start(Send(sender));
    reaches(&journal, State::Ready);
    memory.limit_space(memory.used());
    let last = fills(&journal, &released, || journal.condition().state() == State::NoRoom);
    assert!(memory.bytes("spare.ready").is_none(), "nobody makes a spare");
    memory.limit_space(u64::MAX);
    assert_eq!(released.recv_timeout(Duration::from_secs(20)), Ok(last));
    reaches(&journal, State::Ready);
    journal.stop();
    assert_eq!(replayed(open(&memory).log()), expected(last));
}

#[test]
fn nothing_is_released_by_the_batch_that_follows_the_loss_of_the_open_segment() {
    type Harm = fn(&Memory);
    let harms: [(&str, Harm); 4] = [
        ("the directory vanishes", Memory::vanish),
        ("it is removed", |memory| memory.remove(segments(memory).last().unwrap()).unwrap()),
        ("it is moved away", |memory| memory.rename(segments(memory).last().unwrap(), "away").unwrap()),
        ("it is cut", |memory| {
            memory.change(segments(memory).last().unwrap(), |bytes| bytes.truncate(1024));
        }),
    ];
    for (what, harm) in harms {
        let memory = Memory::new(1);
        drop(filled(&memory, 10));
        // The helper sees nothing: each of its looks lists the files.
        let blind = Arc::new(AtomicBool::new(false));
        let is_blind = blind.clone();
        let storage = Hooked::new(&memory, move |call, _| match call {
            Call::List if is_blind.load(Ordering::Relaxed) => Err(io::ErrorKind::OutOfMemory.into()),
            _ => Ok(()),
        });
        let (journal, released) = start(&storage);
        reaches(&journal, State::Ready);
        put(&journal, &released, 11);
        blind.store(true, Ordering::Relaxed);
        harm(&memory);
        journal.append(payload(12), 12);
        until(what, || journal.condition().state() == State::Unsound);
        journal.stop();
        assert_eq!(released.try_iter().count(), 0, "{what}");
        assert_eq!(journal.durable(), Lsn(11), "{what}");
    }
}

#[test]
fn a_loss_is_found_while_a_spare_is_filled() {
    let memory = Memory::new(1);
    let (pause, in_fill) = (Arc::new(Pause::default()), Arc::new(AtomicBool::new(false)));
    let (at, filling) = (pause.clone(), in_fill.clone());
    // A disk so slow that each write of the spare takes its time.
    let storage = Hooked::new(&memory, move |call, name| {
        if (call, name) == (Call::Write, "spare.partial") && filling.load(Ordering::Relaxed) {
            at.here();
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    });
    in_fill.store(true, Ordering::Relaxed);
    let (is_here, go) = pause.next();
    let (sender, _released) = mpsc::channel();
    let options = journal::Options { segment_bytes: 64 << 20, ..SMALL };
    let journal = Log::open(storage.clone(), options).unwrap().start(Send(sender));
    is_here.recv().unwrap();
    memory.remove(&segments(&memory)[0]).unwrap();
    go.send(()).unwrap();
    until("it looks", || journal.condition().state() == State::Unsound);
    assert!(memory.bytes("spare.ready").is_none(), "the spare was still being filled");
    journal.stop();
}

#[test]
fn a_full_disk_is_not_filled_again_and_again() {
    let memory = Memory::new(1);
    drop(open(&memory));
    let (written, reserved) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (writes, reserves) = (written.clone(), reserved.clone());
    let storage = Hooked::new(&memory, move |call, name| {
        match (call, name) {
            (Call::Write, "spare.partial") => writes.fetch_add(1, Ordering::Relaxed),
            (Call::Reserve, "spare.partial") => reserves.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
        Ok(())
    });
    memory.limit_space(memory.used() + SMALL.segment_bytes - 1);
    let (journal, _released) = start(&storage);
    reaches(&journal, State::NoRoom);
    until("it asks again", || reserved.load(Ordering::Relaxed) > 2);
    assert_eq!(written.load(Ordering::Relaxed), 0, "room is asked for before a byte is written");
    memory.limit_space(u64::MAX);
    reaches(&journal, State::Ready);
    journal.stop();
}

#[test]
fn a_place_that_cannot_hold_room_is_filled_less_and_less_often() {
    let memory = Memory::new(1);
    let fills = Arc::new(Mutex::new(Vec::new()));
    let filled = fills.clone();
    let storage = Hooked::new(&memory, move |call, name| match (call, name) {
        (Call::Write, "spare.partial") => {
            filled.lock().unwrap().push(Instant::now());
            Err(io::Error::from_raw_os_error(libc::ENOSPC))
        }
        _ => Ok(()),
    });
    let (journal, _released) = start(&storage);
    reaches(&journal, State::NoRoom);
    until("it was tried four times", || fills.lock().unwrap().len() >= 4);
    journal.stop();
    // After 1, 2 and 4 seconds at the earliest; the helper looks once a second.
    let fills = fills.lock().unwrap();
    let waits = fills.windows(2).map(|pair| (pair[1] - pair[0]).as_secs());
    assert!(waits.zip([1, 2, 4]).all(|(wait, least)| wait >= least), "{fills:?}");
}

#[test]
fn a_removal_that_failed_half_way_and_was_finished_is_no_loss() {
    let memory = Memory::new(1);
    drop(filled(&memory, 40));
    let (looks, counted) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (seen, counts) = (looks.clone(), counted.clone());
    let storage = Hooked::new(&memory, move |call, _| {
        seen.fetch_add(u64::from(call == Call::List && counts.load(Ordering::Relaxed)), Ordering::Relaxed);
        Ok(())
    });
    let (journal, _released) = start(&storage);
    reaches(&journal, State::Ready);
    until("a spare is made", || memory.bytes("spare.ready").is_some());
    // The new beginning is written, and its sync fails.
    memory.fail(Operation::SyncNames, 0, libc::EIO);
    assert!(journal.truncate_before(Lsn(30), &[]).is_err());
    let before = segments(&memory).len();
    journal.truncate_before(Lsn(30), &[]).unwrap();
    assert!(segments(&memory).len() < before);
    counted.store(true, Ordering::Relaxed);
    until("the helper looks", || looks.load(Ordering::Relaxed) > 3);
    assert_eq!(journal.condition().state(), State::Ready, "{}", journal.condition().why());
    journal.stop();
}
