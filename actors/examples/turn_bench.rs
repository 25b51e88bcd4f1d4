//! Benchmark of the engine and the journal, without sockets and actors. It measures durable two-domain transactions a
//! second, and leaves a log with which restarts can be measured.
//!
//! ```text
//! cargo run --release -p actors --example turn_bench -- DIR [IN_FLIGHT] [RECORDS] [PLAYERS]
//! ```
//! Each transaction is a deposit: collections and balance decide, one record, applied, synced, released. It counts
//! as done when the gate has released it. `DIR` must be empty; the log stays there.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, Sender, channel},
    time::{Duration, Instant},
};

use domains::recipes::Deposit;
use engine::{Books, Content, DIGEST_EVERY, Envelope, Tx, TxId};
use journal::{Gate, Journal, Lsn, Options};
use protocol::PlayerId;

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

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory =
        PathBuf::from(arguments.next().expect("usage: turn_bench DIR [IN_FLIGHT] [RECORDS] [PLAYERS]"));
    let mut number = |default: u64| {
        arguments.next().map_or(default, |text| text.parse().expect("the other arguments are numbers"))
    };
    let (in_flight, records, players) = (number(256), number(1_000_000), number(100_000));

    let (sender, receiver) = channel();
    let log = journal::open(&directory, Options::default()).expect("an empty directory");
    assert_eq!(log.last(), Lsn(0), "{} has a log already", directory.display());
    let journal = log.start(Released(sender));
    let mut books = Books::default();
    let mut waits = Vec::with_capacity(records as usize);
    let (mut sent, began) = (0, Instant::now());
    while (waits.len() as u64) < records {
        while sent < records && sent - (waits.len() as u64) < in_flight {
            turn(&mut books, &journal, sent, players);
            sent += 1;
        }
        collect(&receiver, &mut waits);
    }
    report(began.elapsed(), in_flight, &mut waits);
    let stats = journal.stats();
    println!(
        "syncs {}  records a sync {:.1}  bytes a record {}  mean sync {} µs",
        stats.batches,
        stats.records as f64 / stats.batches as f64,
        stats.bytes / stats.records.max(1),
        stats.sync_us_total / stats.batches.max(1),
    );
    books.check().expect("the invariants hold");
    journal.stop();
}

/// One turn: decide, apply, append.
fn turn(books: &mut Books, journal: &Journal<Option<Instant>>, number: u64, players: u64) {
    let began = Instant::now();
    // Spread over the players in no order, as real ids are.
    let player =
        PlayerId(u128::from(number % players + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c81_5ab4_1d2b));
    let deposit = Deposit { player, currency: "EUR".parse().expect("a currency"), amount: 100 };
    let id = TxId::of_service("bench", &number.to_string());
    let content = Content::of(&[b"deposit", &number.to_be_bytes()]);
    let envelope = Envelope::Run(Tx::new(id, player.into(), Some(content), deposit));
    let concluded = books.run(envelope, number, DIGEST_EVERY).expect("it was decided on this state");
    let (_, record) = concluded.record.expect("each key is new");
    journal.append(record, Some(began));
    if let Some((_, digest)) = concluded.digest {
        journal.append(digest, None);
    }
}

/// Waits for the gate, then takes all it has released.
fn collect(receiver: &Receiver<Vec<Option<Instant>>>, waits: &mut Vec<Duration>) {
    let first = receiver.recv().expect("the writer runs");
    for batch in std::iter::once(first).chain(receiver.try_iter()) {
        waits.extend(batch.into_iter().flatten().map(|began| began.elapsed()));
    }
}

fn report(took: Duration, in_flight: u64, waits: &mut [Duration]) {
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    println!(
        "{in_flight} in flight: {:.0} durable two-domain transactions/s, median {:?}, p99 {:?}, worst {:?}",
        waits.len() as f64 / took.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(1.0),
    );
}
