//! The follower that keeps the state store: a copy of the state follows the log, and what has changed in it is committed
//! every one to ten seconds.
//!
//! Play never waits for it: it reads what is durable on a thread of its own. Like replay it refuses a record that does
//! not fit, and a digest that differs from its own; so it notices when the live state differs from the log. That ends
//! the process, and so does a panic here.

use std::{
    error::Error as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use engine::Parted;
use journal::{Condition, Entry, Journal, Lsn};

use super::runner::{Follower, Next, Progress, Running};
use crate::{
    messages::output::Output,
    stored::{ADVICE, Keeper, Stored, UNCOMMITTED_MAX},
};

/// How long the follower rests when it has read all there is.
const REST: Duration = Duration::from_millis(200);

/// How long it waits after a failure to read or write.
const RETRY: Duration = Duration::from_secs(10);

/// Shortest time between two commits: each costs a few syncs of the disk that the log is on.
const COMMIT_AFTER: Duration = Duration::from_secs(1);

/// Longest time that a record waits for its commit, however few there are.
const COMMIT_WITHIN: Duration = Duration::from_secs(10);

/// The running follower. Stops when dropped.
pub struct StateStore {
    running: Running,
    stored: Progress,
}

impl StateStore {
    /// Starts to follow `journal` from where the store stands, and commits about every so many records. Each commit is told
    /// to `committed`.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        keeper: Keeper,
        directory: PathBuf,
        journal: Journal<Output>,
        every: u64,
        committed: impl Fn(Stored) + Send + 'static,
    ) -> std::io::Result<Self> {
        let stored = Arc::new(AtomicU64::new(keeper.cursor().lsn.0));
        let keeping = Keeping {
            keeper,
            every,
            last: Instant::now(),
            log: journal.condition().clone(),
            committed: Box::new(committed),
            stored: stored.clone(),
            broken: false,
        };
        Ok(Self { running: Running::start(keeping, directory, journal)?, stored })
    }

    /// The last record that the copy has taken, as it goes on.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.running.progress()
    }

    /// The last record that the store stands for, as it goes on.
    #[must_use]
    pub fn stored(&self) -> Progress {
        self.stored.clone()
    }
}

/// The copy with its store.
struct Keeping {
    keeper: Keeper,
    every: u64,
    /// When it was committed last.
    last: Instant,
    log: Condition,
    committed: Box<dyn Fn(Stored) + Send>,
    stored: Progress,
    /// The store cannot be read: nothing more is taken, of the same batch neither.
    broken: bool,
}

impl Keeping {
    fn is_due(&self, stopping: bool) -> bool {
        let (waiting, since) = (self.keeper.uncommitted(), self.last.elapsed());
        let due = waiting >= UNCOMMITTED_MAX
            || waiting >= self.every && since >= COMMIT_AFTER
            || since >= COMMIT_WITHIN
            || stopping;
        due && waiting > 0
    }

    /// The store cannot be used. Without it nothing is known of old keys.
    fn breaks(&mut self, why: &str) {
        self.broken = true;
        self.log.unsound(format!("{why}; {ADVICE}"));
    }
}

impl Follower for Keeping {
    const NAME: &'static str = "the state store";
    const THREAD: &'static str = "hub-state";
    const NICE: i32 = 10; // behind everything that a player waits for
    const FINISHES: bool = true; // so that an orderly stop is committed

    fn cursor(&self) -> Lsn {
        self.keeper.lsn()
    }

    fn limit(&mut self, durable: Lsn) -> Lsn {
        if self.broken {
            return self.keeper.lsn();
        }
        // A table that waits for its quarantine forbids a commit, and its record is still to be read.
        let most =
            if self.keeper.settled() { self.keeper.cursor().lsn.0 + UNCOMMITTED_MAX } else { u64::MAX };
        durable.min(Lsn(most)).max(self.keeper.lsn())
    }

    fn take(&mut self, entry: &Entry<'_>) -> Option<Duration> {
        if self.broken {
            return None;
        }
        match self.keeper.take(entry.bytes) {
            Ok(_) => {}
            Err(Parted::Store(unreadable)) => self.breaks(&unreadable.to_string()),
            Err(misfit) => {
                // The live state differs from its log: every bet taken from here on would be lost.
                let cause = misfit.source().map(ToString::to_string).unwrap_or_default();
                tracing::error!(fault = %misfit, cause, "the log does not stand for the live state; the hub stops");
                std::process::abort();
            }
        }
        None
    }

    fn reached(&mut self, at: &journal::Cursor, stopping: bool) -> Result<Next, journal::Error> {
        if self.broken {
            return Ok(Next::Restart(RETRY));
        }
        if self.is_due(stopping) {
            self.last = Instant::now();
            match self.keeper.commit(*at) {
                Ok(Some(stored)) => {
                    tracing::debug!(lsn = at.lsn.0, "the state store has a new commit");
                    self.stored.store(at.lsn.0, Relaxed);
                    (self.committed)(stored);
                }
                Ok(None) => {}
                Err(error) => return Ok(self.failed_to_write(&error)),
            }
        }
        if stopping {
            return Ok(Next::Rest(REST));
        }
        match self.keeper.merge_step() {
            Ok(true) => Ok(Next::Read),
            Ok(false) => Ok(Next::Rest(REST)),
            Err(error) => Ok(self.failed_to_write(&error)),
        }
    }

    fn failed(&mut self, error: &journal::Error) -> Duration {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        tracing::error!(fault = %error, cause, "the state store is not kept; tried again in a while");
        RETRY
    }
}

impl Keeping {
    /// A commit or a merge that failed is tried again in a while, for instance when the disk has room again.
    fn failed_to_write(&mut self, error: &store::Error) -> Next {
        if error.needs_a_new_store() {
            self.breaks(&error.with_causes());
        } else {
            tracing::error!(
                fault = error.with_causes(),
                "the state store is not kept; tried again in a while"
            );
        }
        Next::Restart(RETRY)
    }
}

#[cfg(test)]
mod tests {
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
            let envelope =
                Envelope::Run(Tx::new(id, PlayerId(7).into(), Some(Content::of(&[b"test"])), deposit));
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
        Keeper::open(directory, Formats::STANDARD).expect("a sound store")
    }

    fn follow(directory: &TempDir, journal: &Journal<Output>, every: u64) -> StateStore {
        let path = directory.path().to_owned();
        StateStore::start(keeper(&path), path, journal.clone(), every, |_| {}).expect("a thread")
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
        let path = directory.path().to_owned();
        let follower = StateStore::start(keeper(&path), path, journal.clone(), 1, move |store| {
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
        let path = directory.path();
        let mut keeping = Keeping {
            keeper: keeper(path),
            every: 1,
            last: Instant::now(),
            log: journal.condition().clone(),
            committed: Box::new(|_| panic!("nothing is committed")),
            stored: Progress::default(),
            broken: false,
        };
        let mut reader = journal::Reader::open(path, keeping.cursor()).expect("a log");
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

    const OTHER_DIGEST: &str = "another digest than the copy's";
    const NO_RECORD: &str = "what is no record";
    const PANIC: &str = "a panic";

    #[test]
    fn a_copy_that_parts_from_the_log_ends_the_process() {
        if let Some((log, of)) = to_die() {
            let is_digest = of == OTHER_DIGEST;
            let (journal, world) = {
                let log = journal::open(&log, journal::Options::default()).expect("a log");
                (log.start(OpenGate), World::default())
            };
            let mut live = world.clone();
            let committed = move |_: Stored| assert_ne!(of, PANIC);
            let writer =
                StateStore::start(keeper(&log), log, journal.clone(), 10, committed).expect("a thread");
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
        for of in [OTHER_DIGEST, NO_RECORD, PANIC] {
            let log = tempfile::tempdir().expect("a directory");
            let name = "followers::state::tests::a_copy_that_parts_from_the_log_ends_the_process";
            assert!(!dies(name, log.path(), of).contains("lived on"), "{of}");
            let stored = keeper(log.path()).cursor().lsn.0;
            assert!(stored <= 25, "{of}: {stored} holds what was not believed");
        }
    }
}
