//! The workload of `io/store/examples/keys_bench.rs` on fjall, for docs/adr/0026.
//!
//! `cargo run --release --manifest-path io/store/compare/Cargo.toml -- [directory] [keys] [keys a commit] [MiB of
//! memtable] [bits a key]`. fjall is set as it suits this work best: one worker thread, the journal persisted by hand,
//! filters and indexes pinned in memory, a cache of 128 MiB, and the cursor in the same batch as the keys, synced
//! with each commit.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fjall::config::{BloomConstructionPolicy, FilterPolicy, FilterPolicyEntry, PinningPolicy};
use fjall::{Database, KeyspaceCreateOptions, PersistMode};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const VALUE: usize = 46;
const CACHE: u64 = 128 << 20;
/// Look-ups that are timed.
const ASKED: u64 = 1_000_000;
const READ: u64 = 100_000;

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

fn key(number: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&mixed(number).to_be_bytes());
    bytes[8..].copy_from_slice(&mixed(!number).to_be_bytes());
    bytes
}

fn value(number: u64) -> [u8; VALUE] {
    let mut value = [0; VALUE];
    value[..8].copy_from_slice(&number.to_le_bytes());
    value[30..38].copy_from_slice(&mixed(number ^ 1 << 60).to_le_bytes());
    value[38..].copy_from_slice(&mixed(number ^ 1 << 61).to_le_bytes());
    value
}

fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
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

fn timed<T>(times: &mut Vec<Duration>, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    times.push(begun.elapsed());
    done
}

fn print_times(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!("{what}: p50 {:?}, p99 {:?}, longest {:?}, {} times", at(0.5), at(0.99), at(1.0), times.len());
}

/// A figure of the process, in bytes; 0 where the system does not tell.
fn memory(name: &str) -> u64 {
    figure("/proc/self/status", name) * 1024
}

/// Bytes that the process has handed to the system to write.
fn written() -> u64 {
    figure("/proc/self/io", "wchar:")
}

fn figure(file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or_default()
}
