//! The measurement of idle sessions: many of them are opened and held, and the server's memory is read before and
//! after.

use std::{error::Error, time::Duration};

use serde::Serialize;

use crate::{
    crowd::{Crowd, Manner},
    process,
    progress::Progress,
    target::Target,
    tokens,
};

/// The result of a measurement.
#[derive(Debug, Serialize)]
pub struct Idle {
    /// Sessions held.
    pub connections: usize,
    /// Resident memory of the server before the first. Bytes.
    pub resident_before: u64,
    /// With all of them. Bytes.
    pub resident_with: u64,
    /// The difference for each. KiB.
    pub kib_per_connection: f64,
    /// Server's processor time to open one. Microseconds.
    pub open_microseconds: f64,
    /// Processor cores the server used while nothing happened.
    pub idle_cores: f64,
}

/// Opens the sessions, holds them, and prints what they cost.
pub fn idle(url: &str, connections: usize, pid: u32, hold: Duration) -> Result<Idle, Box<dyn Error>> {
    let target = Target::parse(url)?;
    if !process::allow_files(connections as u64 + 64) {
        return Err(format!("{connections} sessions need as many open files: ulimit -n").into());
    }
    let progress = Progress::new();
    progress.line(&format!("asking for {connections} players"));
    let tokens = tokens::tokens(&target, connections)?;
    let before = process::usage(pid)?;
    let mut crowd = Crowd::open(&target, connections, Manner::Hub { tokens, channel: None }, &progress)?;
    let opened = process::usage(pid)?;
    crowd.hold(hold)?;
    let with = process::usage(pid)?;
    progress.finish();
    let grown = with.resident_bytes.saturating_sub(before.resident_bytes);
    let count = connections as f64;
    Ok(Idle {
        connections,
        resident_before: before.resident_bytes,
        resident_with: with.resident_bytes,
        kib_per_connection: grown as f64 / 1_024.0 / count,
        open_microseconds: (opened.processor_seconds - before.processor_seconds) * 1e6 / count,
        idle_cores: (with.processor_seconds - opened.processor_seconds) / hold.as_secs_f64(),
    })
}
