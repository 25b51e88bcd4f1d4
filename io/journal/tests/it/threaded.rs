//! The writer's thread and its gate, and the end of the process after a failure.

use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use journal::memory::{Memory, Operation};
use journal::{
    Appended, Condition, Cursor, Error, Gate, Journal, Log, LogRecords, LogWriter, Lsn, MemoryLog,
    MemoryWriter, Options, Reader,
};

use crate::{SMALL, expected, payload, read_all, replayed};

/// A gate that sends what it releases, with the durable lsn at that time.
struct Tell(Sender<(Lsn, u64)>);

impl Gate<u64> for Tell {
    fn open(&mut self, durable: Lsn, done: &mut Vec<u64>) {
        for item in done.drain(..) {
            let _ = self.0.send((durable, item));
        }
    }

    fn failed(&mut self, error: &Error) {
        println!("failed: {error}");
    }
}

fn start(memory: &Memory) -> (Journal<u64>, Receiver<(Lsn, u64)>) {
    let (tell, told) = channel();
    (Log::open(memory.clone(), SMALL).unwrap().start(Tell(tell)), told)
}

#[test]
fn records_are_released_in_order_and_only_once_durable() {
    let memory = Memory::new(1);
    let (journal, released) = start(&memory);
    for n in 1..=500 {
        assert_eq!(journal.append(payload(n), n), Lsn(n));
    }
    for n in 1..=500 {
        let (durable, item) = released.recv().unwrap();
        assert_eq!(item, n);
        assert!(durable >= Lsn(n) && journal.durable() >= durable);
    }
    assert_eq!((journal.durable(), journal.appended()), (Lsn(500), Lsn(500)));
    // Released records survive a crash that loses everything not synced.
    memory.crash(journal::memory::Crash::Lose);
    assert_eq!(replayed(&Log::open(memory.copy(), SMALL).unwrap()), expected(500));
    std::mem::forget(journal);
}

#[test]
fn what_queues_up_during_a_sync_shares_the_next_one() {
    let memory = Memory::new(1);
    let (open, opened) = channel::<()>();
    let (journal, released) = {
        let (tell, told) = channel();
        struct Wait(Receiver<()>, Sender<u64>);
        impl Gate<u64> for Wait {
            fn open(&mut self, _: Lsn, done: &mut Vec<u64>) {
                self.0.recv().unwrap();
                done.drain(..).for_each(|item| self.1.send(item).unwrap());
            }
            fn failed(&mut self, _: &Error) {}
        }
        (
            Log::open(memory, Options { segment_bytes: 1 << 20, ..SMALL }).unwrap().start(Wait(opened, tell)),
            told,
        )
    };
    journal.append(payload(1), 1);
    while journal.durable() < Lsn(1) {
        std::thread::yield_now();
    }
    // The writer is now inside the gate; these records wait together.
    (2..=300).for_each(|n| assert_eq!(journal.append(payload(n), n), Lsn(n)));
    open.send(()).unwrap();
    open.send(()).unwrap();
    assert_eq!(released.iter().take(300).collect::<Vec<_>>(), (1..=300).collect::<Vec<_>>());
    let stats = journal.stats();
    assert_eq!((stats.batches, stats.records), (2, 300));
    assert!(stats.bytes % 512 == 0 && stats.sync_us_total >= stats.sync_us_max);
}

/// A log that has room only at the second attempt, and whose write and sync take so many microseconds.
struct SlowDisk {
    log: MemoryWriter,
    had_no_room: bool,
    us: u64,
}

impl LogWriter for SlowDisk {
    fn epoch(&self) -> u32 {
        self.log.epoch()
    }

    fn end(&self) -> Cursor {
        self.log.end()
    }

    fn append(&mut self, epoch: u32, first: Lsn, batch: &[Vec<u8>]) -> Result<Appended, Error> {
        if !std::mem::replace(&mut self.had_no_room, true) {
            return Err(Error::NoRoom {
                file: "a segment".into(),
                source: std::io::ErrorKind::StorageFull.into(),
            });
        }
        match self.log.append(epoch, first, batch)? {
            Appended::Durable { bytes, .. } => {
                Ok(Appended::Durable { bytes, took: Duration::from_micros(self.us) })
            }
            other @ (Appended::Fenced | Appended::Unknown(_)) => Ok(other),
        }
    }

    fn records(&self) -> Arc<dyn LogRecords> {
        self.log.records()
    }

    fn condition(&self) -> &Condition {
        self.log.condition()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.log.close()
    }
}

#[test]
fn the_time_of_write_and_sync_has_no_wait_for_room_in_it() {
    let (tell, released) = channel();
    let log = SlowDisk { log: MemoryLog::default().open(), had_no_room: false, us: 7 };
    let journal = Journal::start(log, 0, Tell(tell));
    for n in 1..=3 {
        journal.append(payload(n), n);
        assert_eq!(released.recv_timeout(Duration::from_secs(30)), Ok((Lsn(n), n)));
    }
    let stats = journal.stats();
    assert_eq!((stats.sync_us_last, stats.sync_us_max, stats.sync_us_total), (7, 7, 21));
    journal.stop();
}

#[test]
fn a_barrier_waits_for_what_came_before_and_costs_no_sync() {
    let memory = Memory::new(1);
    let (journal, released) = start(&memory);
    journal.barrier(1);
    assert_eq!(released.recv().unwrap(), (Lsn(0), 1));
    journal.append(payload(1), 2);
    journal.barrier(3);
    assert_eq!(released.recv().unwrap(), (Lsn(1), 2));
    assert_eq!(released.recv().unwrap(), (Lsn(1), 3));
    let batches = journal.stats().batches;
    journal.barrier(4);
    assert_eq!(released.recv().unwrap(), (Lsn(1), 4));
    assert_eq!((batches, journal.stats().batches), (1, 1));
}

#[test]
fn stopping_releases_all_that_was_appended_and_frees_the_lock() {
    let memory = Memory::new(1);
    let (journal, released) = start(&memory);
    (1..=50).for_each(|n| assert_eq!(journal.append(payload(n), n), Lsn(n)));
    journal.barrier(51);
    journal.stop();
    assert_eq!(released.iter().map(|(_, item)| item).collect::<Vec<_>>(), (1..=51).collect::<Vec<_>>());
    journal.append(payload(51), 52);
    journal.stop();
    assert_eq!(replayed(&Log::open(memory, SMALL).unwrap()), expected(50));
}

#[test]
fn stopping_waits_for_the_helper_that_makes_spares() {
    let memory = Memory::new(1);
    let options = Options { segment_bytes: 256 << 20, ..SMALL };
    let journal = Log::open(memory.clone(), options).unwrap().start(Print);
    journal.append(payload(1), 1);
    journal.stop();
    assert!(memory.bytes("spare.partial").is_none(), "the helper still writes without the lock");
}

#[test]
fn dropping_the_last_clone_stops_the_journal() {
    let memory = Memory::new(1);
    let (journal, released) = start(&memory);
    let clone = journal.clone();
    drop(journal);
    clone.append(payload(1), 1);
    drop(clone);
    assert_eq!(released.iter().count(), 1);
    assert_eq!(Log::open(memory, SMALL).unwrap().last(), Lsn(1));
}

#[test]
fn appends_from_many_threads_are_all_kept_and_a_reader_sees_them_beside_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let (tell, released) = channel();
    let journal =
        journal::open(dir.path(), Options { segment_bytes: 64 << 10, ..SMALL }).unwrap().start(Tell(tell));
    let mut reader = Reader::open(dir.path(), Lsn(0)).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let journal = &journal;
            scope.spawn(move || {
                for n in 0..500 {
                    journal.append(payload(n), thread);
                }
            });
        }
        let mut seen = 0;
        while seen < 2000 {
            match reader.next(journal.durable()).unwrap() {
                Some(entry) => {
                    seen += 1;
                    assert_eq!(entry.lsn, Lsn(seen));
                }
                None => std::thread::yield_now(),
            }
        }
    });
    journal.stop();
    assert_eq!(released.iter().count(), 2000);
    assert_eq!(read_all(&journal::file::Directory::open(dir.path()).unwrap()).unwrap().len(), 2000);
}

/// Runs one test of this binary in a process of its own, which is expected to abort.
fn dies(test: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("JOURNAL_TEST_DIES", "1")
        .output()
        .unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
    assert_eq!(signal, Some(libc::SIGABRT), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn may_die() -> bool {
    std::env::var_os("JOURNAL_TEST_DIES").is_some()
}

/// A gate that prints what it releases.
struct Print;

impl Gate<u64> for Print {
    fn open(&mut self, _: Lsn, done: &mut Vec<u64>) {
        done.drain(..).for_each(|item| println!("released {item}"));
    }

    fn failed(&mut self, error: &Error) {
        println!("failed: {error}");
    }
}

fn dies_after(operation: Operation) {
    let memory = Memory::new(1);
    let journal = Log::open(memory.clone(), SMALL).unwrap().start(Print);
    journal.append(payload(1), 1);
    // The fault must hit the writer, not the helper that makes the spare.
    while journal.durable() < Lsn(1) || memory.bytes("spare.ready").is_none() {
        std::thread::yield_now();
    }
    memory.fail(operation, 0, libc::EIO);
    journal.append(payload(2), 2);
    journal.stop();
    println!("lived on");
}

#[test]
fn a_failed_sync_ends_the_process_without_an_answer() {
    if may_die() {
        return dies_after(Operation::Sync);
    }
    let said = dies("threaded::a_failed_sync_ends_the_process_without_an_answer");
    assert!(said.contains("released 1") && said.contains("failed: cannot sync"), "{said}");
    assert!(!said.contains("released 2") && !said.contains("lived on"), "{said}");
}

#[test]
fn a_failed_write_ends_the_process_without_an_answer() {
    if may_die() {
        return dies_after(Operation::Write);
    }
    let said = dies("threaded::a_failed_write_ends_the_process_without_an_answer");
    assert!(said.contains("released 1") && said.contains("failed: cannot write"), "{said}");
    assert!(!said.contains("released 2") && !said.contains("lived on"), "{said}");
}

#[test]
fn a_writer_that_was_deposed_ends_the_process_without_an_answer() {
    if may_die() {
        let log = MemoryLog::default();
        let journal = Journal::start(log.open(), 0, Print);
        journal.append(payload(1), 1);
        while journal.durable() < Lsn(1) {
            std::thread::yield_now();
        }
        let _another = log.open();
        journal.append(payload(2), 2);
        journal.stop();
        println!("lived on");
        return;
    }
    let said = dies("threaded::a_writer_that_was_deposed_ends_the_process_without_an_answer");
    assert!(said.contains("released 1") && said.contains("failed: the log is another writer's"), "{said}");
    assert!(!said.contains("released 2") && !said.contains("lived on"), "{said}");
}

#[test]
fn a_panic_in_the_gate_ends_the_process() {
    struct Panic;
    impl Gate<u64> for Panic {
        fn open(&mut self, _: Lsn, _: &mut Vec<u64>) {
            panic!("the gate broke");
        }
        fn failed(&mut self, _: &Error) {}
    }
    if may_die() {
        let journal = Log::open(Memory::new(1), SMALL).unwrap().start(Panic);
        journal.append(payload(1), 1);
        journal.stop();
        println!("lived on");
        return;
    }
    assert!(!dies("threaded::a_panic_in_the_gate_ends_the_process").contains("lived on"));
}
