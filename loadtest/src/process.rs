//! What a process costs, as the kernel counts it.

use std::{fs, io};

use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

/// Processor time and memory of a process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// User and system time since its start. Seconds, in steps of a clock tick (10 ms).
    pub processor_seconds: f64,
    /// Resident memory. Bytes.
    pub resident_bytes: u64,
}

/// The usage of a process.
pub fn usage(pid: u32) -> io::Result<Usage> {
    let failed = |error: io::Error| io::Error::new(error.kind(), format!("read /proc/{pid}: {error}"));
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(failed)?;
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).map_err(failed)?;
    parse(&stat, &statm).ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))
}

/// Processor time of this process. Seconds.
#[must_use]
pub fn own_seconds() -> f64 {
    usage(std::process::id()).map_or(0.0, |usage| usage.processor_seconds)
}

/// Busy processor seconds of the whole machine since it started.
pub fn machine_seconds() -> io::Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().and_then(|line| line.strip_prefix("cpu "));
    let ticks: Vec<u64> =
        line.unwrap_or_default().split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // Idle and waiting for the disk are the fourth and the fifth figure; what is stolen is not ours either.
    let busy: u64 =
        ticks.iter().take(8).enumerate().filter(|(at, _)| !matches!(at, 3 | 4 | 7)).map(|(_, t)| t).sum();
    Ok(busy as f64 / ticks_per_second())
}

fn parse(stat: &str, statm: &str) -> Option<Usage> {
    // The name of the process may hold spaces and brackets; the last bracket ends it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    let resident_bytes = pages * u64::try_from(page_size()).ok()?;
    Some(Usage { processor_seconds: ticks as f64 / ticks_per_second(), resident_bytes })
}

fn ticks_per_second() -> f64 {
    clock_ticks_per_second() as f64
}

/// Raises the limit of open files to what the system allows at most, and says whether `files` fit.
#[must_use]
pub fn allow_files(files: u64) -> bool {
    let limit = getrlimit(Resource::Nofile);
    let fit = |limit: Option<u64>| limit.is_none_or(|limit| limit >= files);
    if fit(limit.current) {
        return true;
    }
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    raised.is_ok() && fit(limit.maximum)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn a_process_with_a_strange_name_is_read() {
        let stat = "7 (a ) (b) R 1 7 7 0 -1 4194304 10 0 0 0 150 50 0 0 20 0 3 0 99 1 2";
        let usage = parse(stat, "900 3 1 1 0 1 0").unwrap();
        assert_eq!(usage.processor_seconds, 200.0 / ticks_per_second());
        assert_eq!(usage.resident_bytes % 3, 0);
    }

    #[test]
    fn this_process_uses_memory_and_the_machine_time() {
        assert!(usage(std::process::id()).unwrap().resident_bytes > 100_000);
        assert!(machine_seconds().unwrap() > 0.0);
        assert!(usage(u32::MAX).is_err());
    }
}
