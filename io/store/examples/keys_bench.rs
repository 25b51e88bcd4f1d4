//! Measures what keys cost: memory, disk, writes and time.
//!
//! `cargo run --release -p store --example keys_bench -- [directory] [keys] [keys a commit]`: puts so many keys of 16
//! bytes with values of 46 bytes, of which 16 are random, merges after each commit until nothing is due, and then asks
//! for keys. Memory is that of the process over what it had before the first commit; the peak is the kernel's
//! (VmHWM), so that it has the building of filters in it. 100,000,000 keys need 8 GB of disk.

mod workload;

use std::path::PathBuf;
use std::time::Instant;

use journal::{Cursor, LineageId, Lsn};
use store::{Change, Error, Key, Options, Store, Tree};
use workload::{ASKED, READ, VALUE, key, memory, mixed, print_times, timed, value};

/// As in the hub.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Entries that a scan reads.
const SCANNED: usize = 1_000_000;

fn main() -> Result<(), Error> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().map_or_else(std::env::temp_dir, PathBuf::from).join("keys_bench");
    let [keys, batch] = [10_000_000, 16_384]
        .map(|default| args.next().map_or(default, |text| text.replace('_', "").parse().unwrap_or(default)));
    Store::remove(&dir)?;
    let mut store = Store::open(&dir, Options::default())?;
    fill(&mut store, keys, batch)?;
    ask(&store, keys)?;
    drop(store);
    let begun = Instant::now();
    let store = Store::open(&dir, Options::default())?;
    println!("open: {:?} with warm files", begun.elapsed());
    drop(store);
    Store::remove(&dir)
}

/// Puts the keys, and prints what they have cost at each doubling.
fn fill(store: &mut Store, keys: u64, batch: u64) -> Result<(), Error> {
    let mut values = vec![0; batch as usize * VALUE];
    let (mut commits, mut steps) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    let (base, mut done, mut tell, mut before) = (memory("VmRSS:"), 0, keys.min(1_000_000), (0, 0));
    println!(
        "{:>12} {:>10} {:>9} {:>9} {:>11} {:>9} {:>7} {:>6} {:>6}",
        "keys", "keys/s", "memory/k", "peak/k", "further/k", "disk/k", "writes", "runs", "due"
    );
    while done < keys {
        let numbers = done..keys.min(done + batch);
        for (place, bytes) in values.chunks_exact_mut(VALUE).enumerate() {
            bytes.copy_from_slice(&value(done + place as u64));
        }
        done = numbers.end;
        let changes = numbers.zip(values.chunks_exact(VALUE)).map(|(number, value)| Change {
            tree: Tree::Keys,
            key: Key(key(number)),
            value: Some(value),
        });
        let at = Cursor { lineage: LineageId([1; 16]), lsn: Lsn(done), hash: [0; 32] };
        timed(&mut commits, || store.commit(changes, at, &[0; 64]))?;
        while timed(&mut steps, || store.merge_step())? {}
        if done >= tell {
            let (stats, now) = (store.stats(), memory("VmRSS:").saturating_sub(base));
            let each = |bytes: u64| bytes as f64 / done as f64;
            println!(
                "{done:>12} {:>10.0} {:>9.2} {:>9.2} {:>11.2} {:>9.2} {:>7.2} {:>6} {:>6}",
                done as f64 / begun.elapsed().as_secs_f64(),
                each(now),
                each(memory("VmHWM:").saturating_sub(base)),
                (now as f64 - before.1 as f64) / (done - before.0) as f64,
                each(stats.disk_bytes),
                (stats.committed_bytes + stats.merged_bytes) as f64 / stats.committed_bytes as f64,
                stats.runs,
                stats.merges_due
            );
            before = (done, now);
            tell = keys.min(done * 2);
        }
    }
    println!(
        "counted in filters and indexes: {:.3} bytes a key",
        store.stats().memory_bytes as f64 / keys as f64
    );
    print_times("commit", commits);
    print_times("piece of a merge", steps);
    Ok(())
}

/// Asks for keys that were never put, and reads some that were.
fn ask(store: &Store, keys: u64) -> Result<(), Error> {
    let view = store.view();
    let begun = Instant::now();
    let maybe = (0..ASKED).filter(|n| view.may_have(Tree::Keys, &Key(key(1 << 50 | n)))).count();
    let each = begun.elapsed().as_nanos() as f64 / ASKED as f64;
    println!("may_have of an absent key: {each:.0} ns, {maybe} of {ASKED} maybe");
    let mut times = Vec::new();
    for n in 0..READ {
        let number = mixed(n) % keys;
        let value = timed(&mut times, || view.get(Tree::Keys, &Key(key(number))))?;
        assert!(value.is_some_and(|value| value[..8] == number.to_le_bytes()), "key {number} is lost");
    }
    print_times("get of a key", times);
    let begun = Instant::now();
    let read = view.scan(Tree::Keys).take(SCANNED).filter(|entry| entry.is_ok()).count();
    println!("scan: {:.0} entries/s", read as f64 / begun.elapsed().as_secs_f64());
    Ok(())
}
