//! The runner with followers that hear, panic and meet damage.

use std::sync::mpsc::{self, Receiver, Sender};

use journal::{LogWriter, MemoryLog};

use super::*;
use crate::followers::log;

/// Longest wait for a thread.
const PATIENCE: Duration = Duration::from_secs(30);

/// The next records that a follower tells.
fn hear<T>(listened: &Receiver<T>, records: usize) -> Vec<T> {
    (0..records).map(|_| listened.recv_timeout(PATIENCE).expect("the follower goes on")).collect()
}

/// Tells every record it takes, and rests until it is woken when there are no more.
struct Listener<const FINISHES: bool> {
    cursor: Lsn,
    heard: Sender<(u64, usize)>,
}

impl<const FINISHES: bool> Follower for Listener<FINISHES> {
    const NAME: &'static str = "a listener";
    const THREAD: &'static str = "listener";
    const SHARE: CpuShare = CpuShare::Small;
    const FINISHES: bool = FINISHES;
    const GATHER: Duration = Duration::from_millis(1);
    const AGAIN_AFTER: Duration = Duration::from_millis(1);

    fn cursor(&self) -> Lsn {
        self.cursor
    }

    fn limit(&mut self, durable: Lsn) -> Lsn {
        durable
    }

    fn take(&mut self, entry: &Entry<'_>) -> Option<Duration> {
        self.cursor = entry.lsn;
        self.heard.send((entry.lsn.0, entry.bytes.len())).expect("the test listens");
        (!FINISHES).then_some(Duration::MAX)
    }

    fn reached(&mut self, _: &journal::Cursor, _: bool) -> Result<Next, journal::Error> {
        // Only a record or the end of the runner wakes it.
        Ok(Next::Rest(Duration::MAX))
    }

    fn failed(&mut self, error: &journal::Error) -> Duration {
        panic!("{error}")
    }

    fn again(&mut self) -> Result<(), String> {
        Err("it has nothing to go back to".into())
    }
}

#[test]
fn each_record_behind_the_cursor_is_taken_once_and_so_are_those_accepted_before_the_stop() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = log::filled(&directory, 3);
    let (heard, listened) = mpsc::channel();
    let follower = Listener::<true> { cursor: Lsn(1), heard };
    let running = Running::start(follower, journal.clone()).expect("a thread");
    assert_eq!(hear(&listened, 2), [(2, 100), (3, 100)]);
    for length in [1, 2] {
        journal.append(vec![0; length], Output::Nothing);
    }
    journal.stop();
    let progress = running.progress();
    drop(running);
    assert_eq!(listened.try_iter().collect::<Vec<_>>(), [(4, 1), (5, 2)]);
    assert_eq!((progress.lsn(), progress.age()), (Lsn(5), Duration::ZERO));
}

/// Tells every record it takes, and waits until it may go on.
struct Held {
    cursor: Lsn,
    heard: Sender<u64>,
    goes_on: Receiver<()>,
}

impl Follower for Held {
    const NAME: &'static str = "a held listener";
    const THREAD: &'static str = "held";
    const SHARE: CpuShare = CpuShare::Small;
    const FINISHES: bool = false;
    const GATHER: Duration = Duration::ZERO;

    fn cursor(&self) -> Lsn {
        self.cursor
    }

    fn limit(&mut self, durable: Lsn) -> Lsn {
        durable
    }

    fn take(&mut self, entry: &Entry<'_>) -> Option<Duration> {
        self.cursor = entry.lsn;
        self.heard.send(entry.lsn.0).expect("the test listens");
        // Closed when the test is over.
        let _ = self.goes_on.recv_timeout(PATIENCE);
        None
    }

    fn reached(&mut self, _: &journal::Cursor, _: bool) -> Result<Next, journal::Error> {
        Ok(Next::Rest(Duration::MAX))
    }

    fn failed(&mut self, error: &journal::Error) -> Duration {
        panic!("{error}")
    }

    fn again(&mut self) -> Result<(), String> {
        Ok(())
    }
}

#[test]
fn one_that_is_far_behind_takes_every_record_while_the_oldest_are_removed_under_it() {
    let (log, kept) = (MemoryLog::default(), MemoryLog::default());
    let (writer, mut keeper) = (log.open(), kept.open());
    let journal = Journal::start(writer, 0, log::OpenGate);
    let mut append = |records: u64| {
        for _ in 0..records {
            let bytes = vec![7; 100];
            let lsn = journal.append(bytes.clone(), Output::Nothing);
            // A batch each.
            log::durable(&journal, lsn.0);
            keeper.append(keeper.epoch(), lsn, &[bytes]).expect("memory");
        }
    };
    append(20);
    journal.truncate_before(Lsn(11), &[]).expect("memory");
    journal.read_removed_in(std::sync::Arc::new(kept.clone()));
    journal.read_removed_in(std::sync::Arc::new(MemoryLog::default()));
    let (heard, listened) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel();
    // What it needs is gone before it begins.
    let running = Running::start(Held { cursor: Lsn(5), heard, goes_on }, journal.clone()).expect("a thread");
    let mut next = 6;
    let mut hears = |to: u64| {
        for lsn in next..=to {
            assert_eq!(listened.recv_timeout(PATIENCE), Ok(lsn));
            go_on.send(()).expect("it runs");
        }
        next = to + 1;
    };
    hears(20);
    append(10);
    hears(25);
    // It may be held at the next record.
    drop(go_on);
    drop(running);
    assert_eq!(journal.read(Lsn(25)).expect("the log has it").cursor().lsn, Lsn(10));

    // It reads the log itself, and what it has not read is removed under it.
    let (heard, listened) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel();
    let running =
        Running::start(Held { cursor: Lsn(12), heard, goes_on }, journal.clone()).expect("a thread");
    assert_eq!(listened.recv_timeout(PATIENCE), Ok(13));
    journal.truncate_before(Lsn(28), &[]).expect("memory");
    for lsn in 14..=30 {
        go_on.send(()).expect("it runs");
        assert_eq!(listened.recv_timeout(PATIENCE), Ok(lsn));
    }
    drop(go_on);
    assert_eq!(running.progress().panics(), 0);
}

#[test]
fn one_that_does_not_finish_ends_in_its_pause() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = log::filled(&directory, 3);
    let (heard, listened) = mpsc::channel();
    let follower = Listener::<false> { cursor: Lsn(0), heard };
    let running = Running::start(follower, journal.clone()).expect("a thread");
    assert_eq!(listened.recv_timeout(PATIENCE), Ok((1, 100)));
    drop(running);
    assert_eq!(listened.try_iter().count(), 0);
}

/// Panics at a record, so many times, and goes back to an earlier one.
struct Fragile {
    cursor: Lsn,
    panics: u32,
    /// Attempts to go back that fail.
    stuck: u32,
    heard: Sender<u64>,
}

impl Follower for Fragile {
    const NAME: &'static str = "a fragile listener";
    const THREAD: &'static str = "fragile";
    const SHARE: CpuShare = CpuShare::Small;
    const FINISHES: bool = true;
    const GATHER: Duration = Duration::ZERO;
    const AGAIN_AFTER: Duration = Duration::from_millis(1);

    fn cursor(&self) -> Lsn {
        self.cursor
    }

    fn limit(&mut self, durable: Lsn) -> Lsn {
        durable
    }

    fn take(&mut self, entry: &Entry<'_>) -> Option<Duration> {
        self.cursor = entry.lsn;
        self.heard.send(entry.lsn.0).expect("the test listens");
        if entry.lsn == Lsn(2) && self.panics > 0 {
            self.panics -= 1;
            panic!("a bug of the follower");
        }
        None
    }

    fn reached(&mut self, _: &journal::Cursor, _: bool) -> Result<Next, journal::Error> {
        Ok(Next::Rest(Duration::MAX))
    }

    fn failed(&mut self, error: &journal::Error) -> Duration {
        panic!("{error}")
    }

    fn again(&mut self) -> Result<(), String> {
        self.cursor = Lsn(0);
        match self.stuck.checked_sub(1) {
            Some(left) => {
                self.stuck = left;
                Err("the disk is away".into())
            }
            None => Ok(()),
        }
    }
}

#[test]
fn a_follower_that_panics_goes_on_from_its_cursor_and_the_log_takes_records_meanwhile() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = log::filled(&directory, 3);
    let (heard, listened) = mpsc::channel();
    let follower = Fragile { cursor: Lsn(0), panics: 1, stuck: 2, heard };
    let running = Running::start(follower, journal.clone()).expect("a thread");
    let mut records = hear(&listened, 2);
    journal.append(vec![4; 100], Output::Nothing);
    log::durable(&journal, 4);
    records.extend(hear(&listened, 4));
    let progress = running.progress();
    journal.stop();
    drop(running);
    assert_eq!(records, [1, 2, 1, 2, 3, 4]);
    assert_eq!((progress.lsn(), progress.panics()), (Lsn(4), 1));
    assert_ne!(journal.condition().state(), journal::State::Unsound);
}

#[test]
fn a_follower_that_meets_damage_makes_the_log_unsound_and_ends() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = log::filled(&directory, 3);
    log::flip(&directory, 600);
    let (heard, listened) = mpsc::channel();
    let follower = Listener::<true> { cursor: Lsn(0), heard };
    let running = Running::start(follower, journal.clone()).expect("a thread");
    log::becomes_unsound(&journal, "at offset 512");
    drop(running);
    assert!(listened.try_iter().count() < 3);
}

#[test]
fn a_followers_thread_stands_behind_play() {
    // Where the kernel says how a thread of this process is scheduled: policy 5 is SCHED_IDLE.
    let stat = || std::fs::read_to_string("/proc/thread-self/stat").expect("Linux tells of a thread");
    let policy_and_nice = |share: CpuShare| {
        thread::spawn(move || {
            assert!(share.take(), "it may always ask for less");
            let stat = stat();
            let behind_the_name = stat.rsplit_once(')').expect("the name is in parentheses").1;
            let field = |number: usize| behind_the_name.split_whitespace().nth(number - 3).map(str::to_owned);
            (field(41).expect("its policy"), field(19).expect("its nice value"))
        })
        .join()
        .expect("the thread ends")
    };
    assert_eq!(policy_and_nice(CpuShare::Small), ("0".into(), "10".into()));
    assert_eq!(policy_and_nice(CpuShare::Leftover).0, "5");
}
