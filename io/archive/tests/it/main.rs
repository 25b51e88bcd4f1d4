//! Tests of the archive: what is sent is what was written, what is found in it is never trusted, and a crash at any step
//! of sending and removing loses nothing.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod altered;
mod anchors;
mod crashes;
mod directory;
mod retained;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "s3")]
mod stand_in;
mod unfit;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use archive::{Archive, RetryRule, Sent};
use journal::memory::Memory;
use journal::storage::{File, Storage};
use journal::{Claim, Files, Lsn, Options, Reader, SyncLog};
use object_store::memory::InMemory;

/// Segments so short that a few batches fill one.
const SMALL: Options = Options { segment_bytes: 4 << 10, nice: 0 };

/// Gives up soon: a test has no network.
const SOON: RetryRule = RetryRule {
    first: Duration::from_millis(1),
    longest: Duration::from_millis(10),
    within: Duration::from_millis(200),
    call: Duration::from_secs(5),
};

fn payload(n: u64) -> Vec<u8> {
    format!("record {n} ").repeat(1 + n as usize % 7).into_bytes()
}

/// Appends records up to one, each a synced batch.
fn fill<S: Storage>(log: &mut SyncLog<S>, to: u64) {
    for n in log.durable().0 + 1..=to {
        log.append(&payload(n));
        log.sync().unwrap();
    }
}

/// A log of so many records that was stopped in order.
fn filled(records: u64) -> Memory {
    let memory = Memory::new(1);
    let mut log = SyncLog::open(memory.clone(), SMALL).unwrap();
    fill(&mut log, records);
    log.close().unwrap();
    memory
}

fn files<S: Storage>(storage: &S) -> Files<S> {
    Files::over(storage.clone()).unwrap()
}

/// An archive in memory; a second one over the same store stands for a second process.
fn over(store: &Arc<InMemory>) -> Archive {
    Archive::over(store.clone(), "memory", SOON).unwrap()
}

/// Sends every sealed segment.
fn send_all<S: Storage>(archive: &Archive, storage: &S) -> Vec<Sent> {
    let files = files(storage);
    let sealed: Vec<_> = files.sealed().collect();
    sealed.iter().map(|segment| archive.send(&files, segment).unwrap()).collect()
}

/// All records of a log, which begins with record 1.
fn records<S: Storage>(storage: &S) -> Vec<Vec<u8>> {
    let mut reader = Reader::over(storage.clone(), Lsn(0)).unwrap();
    let mut records = Vec::new();
    while let Some(entry) = reader.next(Lsn::MAX).unwrap() {
        records.push(entry.bytes.to_vec());
    }
    records
}

fn expected(records: u64) -> Vec<Vec<u8>> {
    (1..=records).map(payload).collect()
}

fn bytes_of<S: Storage>(storage: &S, name: &str) -> Vec<u8> {
    let file = storage.read(name).unwrap();
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

/// Removes what comes before a record, as the operator does while no hub runs.
fn truncate(memory: &Memory, lsn: Lsn) {
    Claim::over(memory.clone()).unwrap().truncate_before(lsn, &[]).unwrap();
}
