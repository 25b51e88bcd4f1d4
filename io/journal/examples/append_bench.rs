//! Measures how many durable records a second the journal takes, with different numbers in flight, and how long a
//! restart takes.
//!
//! `cargo run --release -p journal --example append_bench -- [directory] [seconds]`: records of 160 bytes through the
//! writer's thread, a closed loop of 1, 256 and 65,536 in flight. It counts what the gate has released. The waits are
//! the longest of each batch; "sync us" is the mean time of a write and sync. Choose a directory on the disk that is
//! to be measured.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use journal::{Error, Gate, Lsn, Options};

const RECORD: usize = 160;

/// Reports how many records each sync has released, and the longest wait among them.
struct Count(SyncSender<(usize, Duration)>);

impl Gate<Instant> for Count {
    fn open(&mut self, _: Lsn, done: &mut Vec<Instant>) {
        let waits = done.iter().map(Instant::elapsed);
        // The receiver is dropped at the end of the run, before the last batches.
        let _ = self.0.send((done.len(), waits.max().unwrap_or_default()));
    }

    fn failed(&mut self, error: &Error) {
        eprintln!("{error}");
    }
}

fn main() -> Result<(), Error> {
    let mut args = std::env::args_os().skip(1);
    let dir = args.next().map_or_else(std::env::temp_dir, PathBuf::from).join("append_bench");
    let seconds = args.next().and_then(|text| text.to_str()?.parse().ok()).unwrap_or(3);
    println!(
        "{:>9} {:>12} {:>12} {:>10} {:>10} {:>10}",
        "in flight", "records/s", "batches/s", "p50 us", "p99 us", "sync us"
    );
    for in_flight in [1, 256, 65_536] {
        run(&dir.join(in_flight.to_string()), in_flight, Duration::from_secs(seconds))?;
    }
    reopen(&dir.join("65536"))?;
    std::fs::remove_dir_all(&dir).map_err(|source| Error::Io { action: "remove", file: dir, source })
}

fn run(dir: &std::path::Path, in_flight: usize, length: Duration) -> Result<(), Error> {
    let (tell, released): (_, Receiver<_>) = sync_channel(1 << 16);
    let journal = journal::open(dir, Options::default())?.start(Count(tell));
    // Waits for the first spare, which a log that has run for a while has.
    while !dir.join("spare.ready").exists() {
        std::thread::yield_now();
    }
    let (mut count, mut waits) = (0, Vec::new());
    let begun = Instant::now();
    let append = |n| {
        for _ in 0..n {
            journal.append(vec![7; RECORD], Instant::now());
        }
    };
    append(in_flight);
    while begun.elapsed() < length {
        let (n, wait) = released.recv().expect("the gate lives as long as the journal");
        count += n;
        waits.push(wait);
        append(n);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let (batches, stats) = (waits.len(), journal.stats());
    waits.sort();
    let quantile = |q: f64| waits[((batches - 1) as f64 * q) as usize].as_micros();
    let rate = |n: usize| (n as f64 / seconds).round();
    println!(
        "{in_flight:>9} {:>12} {:>12} {:>10} {:>10} {:>10}",
        rate(count),
        rate(batches),
        quantile(0.5),
        quantile(0.99),
        stats.sync_us_total / stats.batches
    );
    drop(released);
    journal.stop();
    Ok(())
}

/// Times a restart: opening checks every segment, replay verifies the chain of every record.
fn reopen(dir: &std::path::Path) -> Result<(), Error> {
    let begun = Instant::now();
    let log = journal::open(dir, Options::default())?;
    let opened = begun.elapsed();
    let mut bytes = 0;
    log.replay(Lsn(0), |entry| {
        bytes += entry.bytes.len();
        Ok::<(), Error>(())
    })?;
    let replayed = begun.elapsed() - opened;
    println!("{} records of {bytes} bytes: opened in {opened:.2?}, replayed in {replayed:.2?}", log.last().0);
    Ok(())
}
