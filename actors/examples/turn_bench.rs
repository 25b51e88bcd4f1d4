//! Benchmark of the engine and the journal, without sockets and actors. It measures durable two-domain transactions a
//! second, and leaves a log with which restarts can be measured.
//!
//! ```text
//! cargo run --release -p actors --example turn_bench -- DIR [IN_FLIGHT] [RECORDS] [PLAYERS]
//! ```
//! Each transaction is a deposit: collections and balance decide, one record, applied, synced, released. It counts
//! as done when the gate has released it. `DIR` is empty, or the data directory of a hub that was stopped: then the deposits go
//! to its players, and it can be started again. The log stays there.

mod durable;

use std::{path::PathBuf, time::Instant};

use domains::{StateMachine as _, recipes::Deposit};
use durable::Bench;
use engine::{Content, Tx, TxId};
use protocol::PlayerId;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory =
        PathBuf::from(arguments.next().expect("usage: turn_bench DIR [IN_FLIGHT] [RECORDS] [PLAYERS]"));
    let mut number = |default: u64| {
        arguments.next().map_or(default, |text| text.parse().expect("the other arguments are numbers"))
    };
    let (in_flight, records, players) = (number(256), number(1_000_000), number(100_000));

    let mut bench = Bench::open(&directory);
    let players = players_of(&bench, players);
    let (mut sent, began) = (0, Instant::now());
    while (bench.waits.len() as u64) < records {
        while sent < records && sent - (bench.waits.len() as u64) < in_flight {
            let at = Instant::now();
            bench.turn(deposit(sent, &players), sent, Some(at));
            sent += 1;
        }
        bench.collect();
    }
    bench.report(&format!("{in_flight} in flight, two-domain transactions"), began.elapsed());
    let stats = bench.journal.stats();
    println!(
        "syncs {}  records a sync {:.1}  bytes a record {}  mean sync {} µs",
        stats.batches,
        stats.records as f64 / stats.batches as f64,
        stats.bytes / stats.records.max(1),
        stats.sync_us_total / stats.batches.max(1),
    );
    bench.stop();
}

/// The players of the log; when it has none, so many, whose ids are spread as real ones are.
fn players_of(bench: &Bench, new: u64) -> Vec<PlayerId> {
    let accounts = bench.books.domains().balance.ledger().accounts();
    let known: Vec<_> = accounts.filter_map(|(id, _)| id.owner.player()).collect();
    let spread = |number: u64| u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c81_5ab4_1d2b);
    if known.is_empty() { (0..new).map(|number| PlayerId(spread(number))).collect() } else { known }
}

fn deposit(number: u64, players: &[PlayerId]) -> Tx {
    let player = players[number as usize % players.len()];
    let deposit = Deposit { player, currency: "EUR".parse().expect("a currency"), amount: 100 };
    let id = TxId::of_service("bench", &number.to_string());
    let content = Content::of(&[b"deposit", &number.to_be_bytes()]);
    Tx::new(id, player.into(), Some(content), deposit)
}
