//! Tests of the journal through its public interface: a conformance suite over both storages, each crash point, random
//! crashes, every byte flipped, and the writer's thread with its gate.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod condition;
mod conformance;
mod corruption;
mod crash_points;
mod foreign;
mod forked;
mod hooked;
mod lineages;
mod lives;
mod removal;
mod seam;
mod threaded;
mod watched;

use journal::memory::Memory;
use journal::storage::Storage;
use journal::{Entry, Error, Log, Lsn, Options, Reader, SyncLog};

/// Segments so short that a few batches fill one.
const SMALL: Options = Options { segment_bytes: 4 << 10, nice: 0 };

fn open(memory: &Memory) -> SyncLog<Memory> {
    SyncLog::open(memory.clone(), SMALL).unwrap()
}

/// A log of so many records, each a synced batch. Not closed, as after a crash.
fn filled<S: Storage>(storage: &S, records: u64) -> SyncLog<S> {
    let mut log = SyncLog::open(storage.clone(), SMALL).unwrap();
    for n in 1..=records {
        assert_eq!(log.append(&payload(n)), Lsn(n));
        assert_eq!(log.sync().unwrap(), Lsn(n));
    }
    log
}

/// A payload that differs for each record, also in its length.
fn payload(n: u64) -> Vec<u8> {
    format!("record {n} ").repeat(1 + n as usize % 7).into_bytes()
}

fn replayed<S: Storage>(log: &Log<S>) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    log.replay(Lsn(0), |entry| {
        records.push(entry.bytes.to_vec());
        assert_eq!(entry.lsn, Lsn(records.len() as u64));
        Ok::<(), Error>(())
    })
    .unwrap();
    assert_eq!(records.len() as u64, log.last().0);
    records
}

/// The results of `of` for each record after `after`.
fn seen<S: Storage, T>(log: &Log<S>, after: Lsn, of: impl Fn(Entry<'_>) -> T) -> Vec<T> {
    let mut seen = Vec::new();
    log.replay(after, |entry| {
        seen.push(of(entry));
        Ok::<(), Error>(())
    })
    .unwrap();
    seen
}

fn read_all<S: Storage>(storage: &S) -> Result<Vec<Vec<u8>>, Error> {
    let mut reader = Reader::over(storage.clone(), Lsn(0))?;
    let mut records = Vec::new();
    while let Some(entry) = reader.next(Lsn::MAX)? {
        records.push(entry.bytes.to_vec());
    }
    Ok(records)
}

fn expected(records: u64) -> Vec<Vec<u8>> {
    (1..=records).map(payload).collect()
}

fn segments<S: Storage>(storage: &S) -> Vec<String> {
    let mut names: Vec<String> =
        storage.list().unwrap().into_iter().filter(|name| name.ends_with(".log")).collect();
    names.sort();
    names
}
