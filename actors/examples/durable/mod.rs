//! What the benchmarks of the engine and the journal share: turns whose records count when they are on disk.

use std::{
    path::Path,
    sync::mpsc::{Receiver, Sender, channel},
    time::{Duration, Instant},
};

use engine::{Books, DIGEST_EVERY, Envelope, Record, Tx, TxResult, World};
use journal::{Gate, Journal, Lsn, Options};

/// The allocator of the hub.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Books and their log.
pub struct Bench {
    pub books: Books,
    pub journal: Journal<Option<Instant>>,
    released: Receiver<Vec<Option<Instant>>>,
    /// How long each counted transaction took, from the turn to the gate.
    pub waits: Vec<Duration>,
}

/// The gate: sends the bench the start times of the transactions that are on disk now.
struct Released(Sender<Vec<Option<Instant>>>);

impl Gate<Option<Instant>> for Released {
    fn open(&mut self, _: Lsn, done: &mut Vec<Option<Instant>>) {
        // The bench may have ended already.
        let _ = self.0.send(std::mem::take(done));
    }

    fn failed(&mut self, error: &journal::Error) {
        eprintln!("the journal failed: {error}");
    }
}

impl Bench {
    /// A bench that goes on with the log in a directory, or begins one in an empty directory.
    pub fn open(directory: &Path) -> Self {
        let (sender, released) = channel();
        let log = journal::open(directory, Options::default()).expect("a log, or an empty directory");
        let mut world = World::default();
        let replayed = log.replay(Lsn(0), |entry| {
            let record = Record::decode(entry.bytes).expect("a record of this release");
            world.apply(&record).expect("it fits");
            Ok::<_, journal::Error>(())
        });
        replayed.expect("a sound log");
        let (books, journal) = (world.books, log.start(Released(sender)));
        Self { books, journal, released, waits: Vec::new() }
    }

    /// One turn of a transaction: decide, apply, append. It counts when `began` is given. `now`: milliseconds since 1970.
    pub fn turn(&mut self, tx: Tx, now: u64, began: Option<Instant>) {
        self.run(Envelope::Run(tx), now, began);
    }

    /// The same of any envelope that is new, with its result.
    pub fn run(&mut self, envelope: Envelope, now: u64, began: Option<Instant>) -> TxResult {
        let concluded = self.books.run(envelope, now, DIGEST_EVERY);
        let concluded = concluded.expect("it was decided on this state");
        let (_, record) = concluded.record.expect("each envelope makes a record");
        self.journal.append(record, began);
        if let Some((_, digest)) = concluded.digest {
            self.journal.append(digest, None);
        }
        concluded.result
    }

    /// Waits for the gate, then takes all it has released.
    pub fn collect(&mut self) {
        let first = self.released.recv().expect("the writer runs");
        for batch in std::iter::once(first).chain(self.released.try_iter()) {
            self.waits.extend(batch.into_iter().flatten().map(|began| began.elapsed()));
        }
    }

    /// Prints how many there were a second, and how long they took.
    pub fn report(&mut self, what: &str, took: Duration) {
        self.waits.sort_unstable();
        let at = |share: f64| self.waits[((self.waits.len() - 1) as f64 * share) as usize];
        println!(
            "{what}: {:.0} a second, durable; median {:?}, p99 {:?}, worst {:?}",
            self.waits.len() as f64 / took.as_secs_f64(),
            at(0.5),
            at(0.99),
            at(1.0),
        );
    }

    /// Proves the state, and closes the log.
    pub fn stop(self) {
        self.books.check().expect("the invariants hold");
        self.journal.stop();
    }
}
