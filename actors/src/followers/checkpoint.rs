//! The checkpoint writer: keeps a second copy of the world by replaying the log, and writes it to a file from time to
//! time.
//!
//! Play never waits for it: it reads what is durable on a thread of its own. Like replay it refuses a record that does
//! not fit, and a digest that differs from its own; so it notices when the live state differs from the log. That ends
//! the process, and so does a panic here.

use std::{error::Error as _, path::PathBuf, time::Duration};

use engine::{Replica, World};
use journal::{Entry, Journal, Lsn};

use super::runner::{Follower, Next, Progress, Running};
use crate::messages::output::Output;

/// How long the follower rests when it has read all there is.
const REST: Duration = Duration::from_millis(200);

/// How long it waits after a failure to read or write.
const RETRY: Duration = Duration::from_secs(10);

/// A running checkpoint writer. Stops when dropped.
pub struct CheckpointWriter {
    running: Running,
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
        let replica = Replica::new(world, every, written);
        let copy = SecondCopy { directory: directory.clone(), replica };
        Ok(Self { running: Running::start(copy, directory, journal)? })
    }

    /// The last record the copy has applied, as it goes on.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.running.progress()
    }
}

/// The second copy of the world, and where it is written down.
struct SecondCopy {
    directory: PathBuf,
    replica: Replica,
}

impl Follower for SecondCopy {
    const NAME: &'static str = "the checkpoint writer";
    const THREAD: &'static str = "hub-checkpoint";
    const NICE: i32 = 10; // behind everything that a player waits for
    const FINISHES: bool = true; // so that an orderly stop is written down

    fn cursor(&self) -> Lsn {
        Lsn(self.replica.lsn())
    }

    fn limit(&mut self, durable: Lsn) -> Lsn {
        Lsn(self.replica.limit(durable.0))
    }

    fn take(&mut self, entry: &Entry<'_>) -> Option<Duration> {
        if let Err(misfit) = self.replica.take(entry.bytes) {
            // The live state differs from its log: every bet taken from here on would be lost.
            let cause = misfit.source().map(ToString::to_string).unwrap_or_default();
            tracing::error!(fault = %misfit, cause, "the log does not stand for the live state; the hub stops");
            std::process::abort();
        }
        None
    }

    fn reached(&mut self, at: &journal::Cursor, stopping: bool) -> Result<Next, journal::Error> {
        let Some(bytes) = self.replica.due(stopping) else { return Ok(Next::Rest(REST)) };
        journal::checkpoint::write(&self.directory, *at, &bytes)?;
        tracing::info!(lsn = at.lsn.0, bytes = bytes.len(), "checkpoint written");
        self.replica.written();
        Ok(Next::Read)
    }

    fn failed(&mut self, error: &journal::Error) -> Duration {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        tracing::error!(fault = %error, cause, "no checkpoint was written; tried again in a while");
        RETRY
    }
}

#[cfg(test)]
mod tests {
    use domains::recipes::Deposit;
    use engine::{Content, Envelope, Record, Tx, TxId, checkpoint};
    use protocol::PlayerId;

    use super::*;
    use crate::{
        dies::{dies, to_die},
        followers::log::{self, OpenGate},
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

    /// The newest checkpoint: where it stands, and whether it is of this log and holds this world.
    fn newest(directory: &tempfile::TempDir, world: &World) -> (u64, bool) {
        let found = journal::checkpoint::latest(directory.path()).expect("readable").expect("one is there");
        let log = log::reopened(directory);
        let same = log.hash_at(found.at.lsn).expect("readable") == Some(found.at.hash);
        let copy = checkpoint::decode(&found.bytes).expect("our checkpoint");
        (found.at.lsn.0, same && copy.books.digest() == world.books.digest())
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
        log::durable(&journal, 25);
        log::flip(&directory, 700);
        let path = directory.path().to_owned();
        let writer = CheckpointWriter::start(path, journal.clone(), copy, 10, 0).expect("a thread");
        log::becomes_unsound(&journal, "at offset 512");
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
                let log = journal::open(&log, journal::Options::default()).expect("a log");
                (log.start(OpenGate), World::default())
            };
            let (mut live, every) = (world.clone(), if of == PANIC { u64::MAX } else { 10 });
            let written = u64::from(of == PANIC); // the next one is due behind the end of numbers
            let writer =
                CheckpointWriter::start(log, journal.clone(), world, every, written).expect("a thread");
            play(&mut live, &journal, 25);
            if of == OTHER_DIGEST {
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
            let name = "followers::checkpoint::tests::a_copy_that_parts_from_the_log_ends_the_process";
            assert!(!dies(name, log.path(), of).contains("lived on"), "{of}");
            let newest =
                journal::checkpoint::latest(log.path()).expect("readable").map(|found| found.at.lsn.0);
            assert!(newest.is_none_or(|lsn| lsn <= 25), "{of}: {newest:?} holds what was not believed");
        }
    }
}
