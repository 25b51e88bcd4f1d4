//! The keys and values of the benchmarks of the store and of its peer (`io/store/compare`), and what both measure.

use std::time::{Duration, Instant};

/// Length of a value. Bytes, of which 16 are random.
pub const VALUE: usize = 46;
/// Look-ups of keys that were never put.
pub const ASKED: u64 = 1_000_000;
/// Keys that are read.
pub const READ: u64 = 100_000;

/// The key of a number: evenly spread, as hashes are.
pub fn key(number: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&mixed(number).to_be_bytes());
    bytes[8..].copy_from_slice(&mixed(!number).to_be_bytes());
    bytes
}

/// The value of a number: it begins with the number.
pub fn value(number: u64) -> [u8; VALUE] {
    let mut value = [0; VALUE];
    value[..8].copy_from_slice(&number.to_le_bytes());
    value[30..38].copy_from_slice(&mixed(number ^ 1 << 60).to_le_bytes());
    value[38..].copy_from_slice(&mixed(number ^ 1 << 61).to_le_bytes());
    value
}

/// The finalizer of SplitMix64: one number for each number.
pub fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Does the work and notes how long it took.
pub fn timed<T>(times: &mut Vec<Duration>, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    times.push(begun.elapsed());
    done
}

/// Prints the percentiles of what was timed.
pub fn print_times(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    println!("{what}: p50 {:?}, p99 {:?}, longest {:?}, {} times", at(0.5), at(0.99), at(1.0), times.len());
}

/// Memory of the process, such as `VmRSS:`. Bytes; 0 where the system does not tell.
pub fn memory(name: &str) -> u64 {
    figure("/proc/self/status", name) * 1024
}

/// A figure of the process, in the unit of its file; 0 where the system does not tell.
pub fn figure(file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or_default()
}
