//! The workload of `io/store/examples/keys_bench.rs` on fjall, for docs/adr/0026.
//!
//! `cargo run --release --manifest-path io/store/compare/Cargo.toml -- [directory] [keys] [keys a commit] [MiB of
//! memtable] [bits a key]`. fjall is set as it suits this work best: one worker thread, the journal persisted by hand,
//! filters and indexes pinned in memory, a cache of 128 MiB, and the cursor in the same batch as the keys, synced
//! with each commit.

#[path = "../../examples/workload/mod.rs"]
mod workload;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fjall::config::{BloomConstructionPolicy, FilterPolicy, FilterPolicyEntry, PinningPolicy};
use fjall::{Database, KeyspaceCreateOptions, PersistMode};
use workload::{ASKED, READ, figure, key, memory, mixed, print_times, timed, value};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The cache, and the most that its journal has. Bytes.
const CACHE: u64 = 128 << 20;

fn main() -> fjall::Result<()> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().map_or_else(std::env::temp_dir, PathBuf::from).join("compare");
    let [keys, batch, memtable, bits] = [10_000_000, 16_384, 32, 10]
        .map(|default| args.next().map_or(default, |text| text.replace('_', "").parse().unwrap_or(default)));
    let _ = std::fs::remove_dir_all(&dir);
    let base = memory("VmRSS:");
    {
        let (database, rows, index) = open(&dir, memtable, bits)?;
        let mut commits = Vec::new();
        let begun = Instant::now();
        let mut done = 0;
        while done < keys {
            let numbers = done..keys.min(done + batch);
            done = numbers.end;
            timed(&mut commits, || {
                let mut write = database.batch().durability(Some(PersistMode::SyncData));
                for number in numbers {
                    write.insert(&index, key(number), value(number));
                }
                write.insert(&rows, "cursor", done.to_le_bytes());
                write.commit()
            })?;
        }
        println!("memtable of {memtable} MiB, filters of {bits} bits a key");
        println!("inserted: {:.0} keys/s", keys as f64 / begun.elapsed().as_secs_f64());
        print_times("commit", commits);
        tell("at the end of the commits", &database, base, keys);
        let begun = Instant::now();
        index.rotate_memtable_and_wait()?;
        while database.outstanding_flushes() > 0 || database.active_compactions() > 0 {
            std::thread::sleep(Duration::from_millis(100));
        }
        println!("compactions under way took {:?} more", begun.elapsed());
        tell("after them", &database, base, keys);
        ask(&index, keys)?;
        index.major_compact()?;
        tell("after a whole compaction", &database, base, keys);
        ask(&index, keys)?;
    }
    let begun = Instant::now();
    let opened = open(&dir, memtable, bits)?;
    println!("open: {:?} with warm files", begun.elapsed());
    drop(opened);
    let _ = std::fs::remove_dir_all(&dir);
    Ok(())
}

fn open(
    dir: &std::path::Path,
    memtable: u64,
    bits: u64,
) -> fjall::Result<(Database, fjall::Keyspace, fjall::Keyspace)> {
    let database = Database::builder(dir)
        .worker_threads(1)
        .manual_journal_persist(true)
        .cache_size(CACHE)
        .max_journaling_size(CACHE)
        .open()?;
    let options = || {
        KeyspaceCreateOptions::default()
            .manual_journal_persist(true)
            .max_memtable_size(memtable << 20)
            .filter_policy(FilterPolicy::all(FilterPolicyEntry::Bloom(BloomConstructionPolicy::BitsPerKey(
                bits as f32,
            ))))
            .filter_block_pinning_policy(PinningPolicy::all(true))
            .index_block_pinning_policy(PinningPolicy::all(true))
    };
    let (rows, index) = (database.keyspace("rows", options)?, database.keyspace("keys", options)?);
    Ok((database, rows, index))
}

fn ask(index: &fjall::Keyspace, keys: u64) -> fjall::Result<()> {
    let (begun, read) = (Instant::now(), figure("/proc/self/io", "syscr:"));
    let (mut there, mut longest) = (0, Duration::ZERO);
    for n in 0..ASKED {
        let one = Instant::now();
        there += u64::from(index.contains_key(key(1 << 50 | n))?);
        longest = longest.max(one.elapsed());
    }
    let each = begun.elapsed().as_nanos() as f64 / ASKED as f64;
    let read = figure("/proc/self/io", "syscr:") - read;
    println!("contains_key of an absent key: {each:.0} ns, longest {longest:?}, {there} there, {read} reads");
    let mut times = Vec::new();
    for n in 0..READ {
        let number = mixed(n) % keys;
        let found = timed(&mut times, || index.get(key(number)))?;
        assert!(found.is_some_and(|value| value[..8] == number.to_le_bytes()), "key {number} is lost");
    }
    print_times("get of a key", times);
    Ok(())
}

fn tell(when: &str, database: &Database, base: u64, keys: u64) {
    let each = |bytes: u64| bytes as f64 / keys as f64;
    println!(
        "{when}: disk {:.1} bytes a key, memory {:.1} MiB, at most {:.1} MiB, written {:.1} bytes a key",
        each(database.disk_space().unwrap_or_default()),
        memory("VmRSS:").saturating_sub(base) as f64 / 1048576.0,
        memory("VmHWM:").saturating_sub(base) as f64 / 1048576.0,
        each(written()),
    );
}

/// Bytes that the process has handed to the system to write.
fn written() -> u64 {
    figure("/proc/self/io", "wchar:")
}
