//! The checkpoint writer: keeps a second copy of the world by replaying the log, and writes it to a file from time to
//! time.
//!
//! Play never waits for it: it reads what is durable on a thread of its own. Like replay it refuses a record that does
//! not fit, and a digest that differs from its own; so it notices when the live state differs from the log. That ends
//! the process, and so does a panic here.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use engine::{Record, World, checkpoint};
use journal::{Journal, Lsn, Reader};

use crate::{messages::output::Output, panics::AbortOnPanic};

/// How long the follower rests when it has read all there is, milliseconds.
const REST_MS: u64 = 200;

/// Scheduling priority of the thread: behind everything that a player waits for.
const NICE: i32 = 10;

/// How long it waits after a failure to read or write, milliseconds.
const RETRY_MS: u64 = 10_000;

/// Where a follower stands: the last record it has applied.
pub type Progress = Arc<AtomicU64>;

/// A running checkpoint writer. Stops when dropped.
pub struct CheckpointWriter {
    stop: Arc<AtomicBool>,
    progress: Progress,
    thread: Option<JoinHandle<()>>,
}

/// Why the follower ended.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("failed to read or write")]
    Journal(#[from] journal::Error),
    #[error("record {lsn} cannot be read")]
    Record { lsn: u64, source: engine::DecodeError },
    #[error("record {lsn} does not fit the copy")]
    Misfit { lsn: u64, source: engine::ApplyError },
}

impl CheckpointWriter {
    /// Starts to follow `journal` from where `world` stands, and writes a checkpoint every so many records after
    /// `written`, the last one there is.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        directory: PathBuf,
        journal: Journal<Output>,
        world: World,
        every: u64,
        written: u64,
    ) -> std::io::Result<Self> {
        let (stop, progress) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let thread = {
            let (stop, progress) = (stop.clone(), progress.clone());
            thread::Builder::new().name("hub-checkpoint".into()).spawn(move || {
                let _guard = AbortOnPanic("the checkpoint writer");
                super::step_back(NICE);
                let mut follower = Follower { directory, journal, world, every, written };
                while let Err(fault) = follower.run(&stop, &progress) {
                    let cause =
                        std::error::Error::source(&fault).map(ToString::to_string).unwrap_or_default();
                    match fault {
                        Fault::Journal(_) if stop.load(Relaxed) => break,
                        Fault::Journal(error) if error.tells_of_damage() => {
                            follower.journal.condition().unsound(format!("{error}: {cause}"));
                            break;
                        }
                        Fault::Journal(_) => {
                            tracing::error!(%fault, cause, "no checkpoint was written; tried again in a while");
                            thread::park_timeout(Duration::from_millis(RETRY_MS));
                        }
                        // The live state differs from its log: every bet taken from here on would be lost.
                        Fault::Record { .. } | Fault::Misfit { .. } => {
                            tracing::error!(%fault, cause, "the log does not stand for the live state; the hub stops");
                            std::process::abort();
                        }
                    }
                }
            })?
        };
        Ok(Self { stop, progress, thread: Some(thread) })
    }

    /// The last record the copy has applied, as it goes on.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }
}

impl Drop for CheckpointWriter {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // The thread has not panicked: a panic in it ends the process.
            let _ = thread.join();
        }
    }
}

struct Follower {
    directory: PathBuf,
    journal: Journal<Output>,
    world: World,
    every: u64,
    written: u64,
}

impl Follower {
    fn run(&mut self, stop: &AtomicBool, progress: &AtomicU64) -> Result<(), Fault> {
        let mut reader = Reader::open(&self.directory, Lsn(self.world.books.lsn()))?;
        loop {
            // Read before the log: everything that was accepted before the stop is then read and written down.
            let stopping = stop.load(Relaxed);
            self.read(&mut reader)?;
            let lsn = self.world.books.lsn();
            progress.store(lsn, Relaxed);
            let due = if stopping { self.every.div_ceil(10) } else { self.every };
            if lsn >= self.written + due && self.settled() {
                let bytes = checkpoint::encode(&self.world);
                journal::checkpoint::write(&self.directory, Lsn(lsn), reader.hash(), &bytes)?;
                tracing::info!(lsn, bytes = bytes.len(), "checkpoint written");
                self.written = lsn;
            } else if stopping {
                return Ok(());
            } else if lsn >= self.journal.durable().0 {
                thread::park_timeout(Duration::from_millis(REST_MS));
            }
        }
    }

    /// Whether every release makes the same copy of the log up to here. The state of a table that a record did not fit
    /// is only defined by the record of its quarantine: before that no checkpoint is written.
    fn settled(&self) -> bool {
        self.world.tables.values().all(|table| !table.unfit)
    }

    /// Applies what is durable, up to the next checkpoint.
    fn read(&mut self, reader: &mut Reader) -> Result<(), Fault> {
        // Never below where the copy stands, so that the reader's hash is the one of that record.
        let next = if self.settled() { self.written + self.every } else { u64::MAX };
        let limit = self.journal.durable().min(Lsn(next.max(self.world.books.lsn())));
        while let Some(entry) = reader.next(limit)? {
            let lsn = entry.lsn.0;
            let record = Record::decode(entry.bytes).map_err(|source| Fault::Record { lsn, source })?;
            self.world.apply(&record).map_err(|source| Fault::Misfit { lsn, source })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dies::{dies, to_die};
    use domains::Recipe;
    use engine::{Content, Envelope, Turn, Tx, TxId};
    use journal::Options;
    use protocol::PlayerId;

    struct Open;

    impl journal::Gate<Output> for Open {
        fn open(&mut self, _: Lsn, done: &mut Vec<Output>) {
            done.clear();
        }

        fn failed(&mut self, error: &journal::Error) {
            panic!("the journal failed: {error}");
        }
    }

    /// Deposits until the world stands at `lsn`.
    fn play(world: &mut World, journal: &Journal<Output>, lsn: u64) {
        for number in world.books.lsn()..lsn {
            let currency = "EUR".parse().expect("a currency");
            let recipe = Recipe::Deposit { player: PlayerId(7), currency, amount: 100 };
            let id = TxId::of_service("test", &number.to_string());
            let key = Some(Content::of(&[b"test"]));
            let turn = world.books.turn(Envelope::Run(Tx { id, key, recipe, table: None }), number);
            let Turn::New(decided) = turn else { panic!("each key is new") };
            let record = decided.into_record();
            world.apply(&record).expect("it was decided on this state");
            journal.append(record.encode(), Output::Nothing);
        }
    }

    fn start(directory: &tempfile::TempDir) -> (Journal<Output>, World) {
        let log = journal::open(directory.path(), Options::default()).expect("a log");
        let mut world = World::default();
        log.replay(Lsn(0), |entry| {
            world.apply(&Record::decode(entry.bytes).expect("our record")).expect("it fits");
            Ok::<_, journal::Error>(())
        })
        .expect("a sound log");
        (log.start(Open), world)
    }

    /// The newest checkpoint: where it stands, and whether it is of this log and holds this world.
    fn newest(directory: &tempfile::TempDir, world: &World) -> (u64, bool) {
        let found = journal::checkpoint::latest(directory.path()).expect("readable").expect("one is there");
        let log = journal::open(directory.path(), Options::default()).expect("a log");
        let same = log.hash_at(found.lsn).expect("readable") == Some(found.hash);
        let copy = checkpoint::decode(&found.bytes).expect("our checkpoint");
        (found.lsn.0, same && copy.books.digest() == world.books.digest())
    }

    #[test]
    fn an_orderly_stop_writes_down_what_the_copy_has_followed() {
        let directory = tempfile::tempdir().expect("a directory");
        let (journal, mut world) = start(&directory);
        let copy = world.clone();
        let path = directory.path().to_owned();
        let writer = CheckpointWriter::start(path, journal.clone(), copy, 10, 0).expect("a thread");
        play(&mut world, &journal, 25);
        journal.stop();
        drop(writer);
        assert_eq!(newest(&directory, &world), (25, true));
    }

    #[test]
    fn a_start_without_a_checkpoint_writes_the_one_that_is_due() {
        let directory = tempfile::tempdir().expect("a directory");
        let (journal, mut world) = start(&directory);
        play(&mut world, &journal, 25);
        journal.stop();
        let (journal, copy) = start(&directory);
        let path = directory.path().to_owned();
        drop(CheckpointWriter::start(path, journal.clone(), copy, 10, 0).expect("a thread"));
        journal.stop();
        assert_eq!(newest(&directory, &world), (25, true));
    }

    #[test]
    fn damage_that_the_copy_meets_stops_the_log_and_not_the_process() {
        let directory = tempfile::tempdir().expect("a directory");
        let (journal, mut world) = start(&directory);
        let copy = world.clone();
        play(&mut world, &journal, 25);
        while journal.durable().0 < 25 {
            thread::yield_now();
        }
        let segment = directory.path().join("00000000000000000001.log");
        let mut bytes = std::fs::read(&segment).expect("a segment");
        bytes[700] ^= 1;
        std::fs::write(&segment, bytes).expect("a disk");
        let path = directory.path().to_owned();
        let writer = CheckpointWriter::start(path, journal.clone(), copy, 10, 0).expect("a thread");
        while journal.condition().state() != journal::State::Unsound {
            thread::yield_now();
        }
        let why = journal.condition().why();
        assert!(why.contains("00000000000000000001.log") && why.contains("at offset 512"), "{why}");
        journal.stop();
        drop(writer);
        assert_eq!(journal::checkpoint::latest(directory.path()).expect("readable"), None);
    }

    const OTHER_DIGEST: &str = "another digest than the copy's";
    const NO_RECORD: &str = "what is no record";
    const PANIC: &str = "a panic";

    #[test]
    fn a_copy_that_parts_from_the_log_ends_the_process() {
        if let Some((log, of)) = to_die() {
            let (journal, world) = {
                let log = journal::open(&log, Options::default()).expect("a log");
                (log.start(Open), World::default())
            };
            let (mut live, every) = (world.clone(), if of == PANIC { u64::MAX } else { 10 });
            let written = u64::from(of == PANIC); // the next one is due behind the end of numbers
            let writer =
                CheckpointWriter::start(log, journal.clone(), world, every, written).expect("a thread");
            play(&mut live, &journal, 25);
            if of == OTHER_DIGEST {
                let mut digest = live.books.digest();
                digest.0 ^= 1;
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
            let name = "followers::checkpoint::tests::a_copy_that_parts_from_the_log_ends_the_process";
            assert!(!dies(name, log.path(), of).contains("lived on"), "{of}");
            let newest = journal::checkpoint::latest(log.path()).expect("readable").map(|found| found.lsn.0);
            assert!(newest.is_none_or(|lsn| lsn <= 25), "{of}: {newest:?} holds what was not believed");
        }
    }
}
