//! A log in memory, behind the record seam: no files, and as many writers as open it, of which only the last one may
//! append. For tests of what is above the seam, and of the seam itself.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::condition::Condition;
use crate::entry::{Batch, Location};
use crate::proof::{BatchHash, record_hash};
use crate::seam::{Appended, LogRecords, LogWriter, RecordReader, Truncated};
use crate::{Cursor, Entry, Error, LineageId, Lsn, MAX_RECORD};

/// A log in memory. Clones share it, and it lives as long as one of them, or a writer or reader of it.
#[derive(Debug, Clone, Default)]
pub struct MemoryLog {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// The epoch of the last writer.
    epoch: u32,
    batches: Vec<Arc<Kept>>,
    /// The end of the last batch that was removed.
    begins: Cursor,
    /// The next append loses its answer: whether it is carried out before that.
    lose: Option<bool>,
}

/// A batch.
#[derive(Debug)]
struct Kept {
    epoch: u32,
    first: Lsn,
    hash: [u8; 32],
    records: Vec<(Vec<u8>, [u8; 32])>,
}

impl Kept {
    fn last(&self) -> Lsn {
        Lsn(self.first.0 + self.records.len() as u64 - 1)
    }

    fn bytes(&self) -> u64 {
        self.records.iter().map(|(bytes, _)| bytes.len() as u64).sum()
    }
}

impl State {
    fn end(&self) -> Cursor {
        self.batches.last().map_or(self.begins, |batch| Cursor {
            lsn: batch.last(),
            hash: batch.hash,
            ..self.begins
        })
    }

    fn add(&mut self, epoch: u32, batch: &[Vec<u8>]) {
        let end = self.end();
        let first = end.lsn.next();
        let hashed = |(lsn, bytes): (u64, &Vec<u8>)| (bytes.clone(), record_hash(Lsn(lsn), bytes));
        let records: Vec<_> = (first.0..).zip(batch).map(hashed).collect();
        let mut hash = BatchHash::begin(&end.hash, first);
        records.iter().for_each(|(_, record)| hash.add(record));
        self.batches.push(Arc::new(Kept { epoch, first, hash: hash.finish(), records }));
    }

    fn removed(&self, after: Lsn) -> Result<(), Error> {
        if after >= self.begins.lsn {
            return Ok(());
        }
        Err(Error::Removed { place: "memory".into(), lsn: after.next(), first: self.begins.lsn.next() })
    }
}

impl MemoryLog {
    /// Opens the log for writing. The writer before is deposed: from now on it is fenced.
    #[must_use]
    pub fn open(&self) -> MemoryWriter {
        let mut state = self.state.lock();
        state.epoch += 1;
        if state.begins.lineage == LineageId::default() {
            state.begins.lineage = LineageId([1; 16]);
        }
        let condition = Condition::always_ready();
        MemoryWriter { log: self.clone(), epoch: state.epoch, end: state.end(), lost: false, condition }
    }

    /// The answer to the next append is lost, after the batch was written or before that.
    pub fn lose_answer(&self, written: bool) {
        self.state.lock().lose = Some(written);
    }
}

/// A writer of a log in memory.
#[derive(Debug)]
pub struct MemoryWriter {
    log: MemoryLog,
    epoch: u32,
    /// The end of what it knows to be durable.
    end: Cursor,
    /// It has lost an answer.
    lost: bool,
    condition: Condition,
}

impl LogWriter for MemoryWriter {
    fn epoch(&self) -> u32 {
        self.epoch
    }

    fn end(&self) -> Cursor {
        self.end
    }

    fn append(&mut self, epoch: u32, first: Lsn, batch: &[Vec<u8>]) -> Result<Appended, Error> {
        assert!(batch.iter().all(|record| record.len() <= MAX_RECORD), "a record is over MAX_RECORD");
        if self.lost {
            return Ok(Appended::Unknown(Error::Poisoned));
        }
        let mut state = self.log.state.lock();
        if (epoch, self.epoch) != (state.epoch, state.epoch) || first != state.end().lsn.next() {
            return Ok(Appended::Fenced);
        }
        let lose = state.lose.take();
        if lose != Some(false) {
            state.add(epoch, batch);
        }
        if lose.is_some() {
            self.lost = true;
            return Ok(Appended::Unknown(Error::Poisoned));
        }
        self.end = state.end();
        let bytes = state.batches.last().map_or(0, |batch| batch.bytes());
        // Nothing is written to a disk.
        Ok(Appended::Durable { bytes, took: Duration::ZERO })
    }

    fn records(&self) -> Arc<dyn LogRecords> {
        Arc::new(self.log.clone())
    }

    fn condition(&self) -> &Condition {
        &self.condition
    }

    fn close(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

impl LogRecords for MemoryLog {
    fn begins_after(&self) -> Result<Lsn, Error> {
        Ok(self.state.lock().begins.lsn)
    }

    fn read(&self, after: Lsn) -> Result<Box<dyn RecordReader>, Error> {
        let state = self.state.lock();
        state.removed(after)?;
        Ok(Box::new(MemoryReader { log: self.clone(), batch: None, left: 0, after, end: state.begins }))
    }

    fn truncate_before(&self, lsn: Lsn, needed: &[Lsn]) -> Result<Truncated, Error> {
        let mut state = self.state.lock();
        let bound = needed.iter().map(|cursor| cursor.next()).fold(lsn, Lsn::min);
        // The last batch that begins at or before the bound stays, and what is behind it.
        let parts = state.batches.iter().rposition(|batch| batch.first <= bound).unwrap_or(0);
        let removed: Vec<_> = state.batches.drain(..parts).collect();
        if let Some(last) = removed.last() {
            state.begins = Cursor { lsn: last.last(), hash: last.hash, ..state.begins };
        }
        let bytes = removed.iter().map(|batch| batch.bytes()).sum();
        Ok(Truncated { first: state.begins.lsn.next(), parts, bytes })
    }
}

struct MemoryReader {
    log: MemoryLog,
    batch: Option<Arc<Kept>>,
    /// Records of the batch that are still to come.
    left: usize,
    after: Lsn,
    end: Cursor,
}

impl MemoryReader {
    /// Goes on to the next batch. `false` when there is none yet.
    fn load(&mut self) -> Result<bool, Error> {
        let state = self.log.state.lock();
        state.removed(self.end.lsn)?;
        let place = state.batches.partition_point(|batch| batch.first <= self.end.lsn);
        let Some(batch) = state.batches.get(place) else { return Ok(false) };
        self.end = Cursor { lsn: batch.last(), hash: batch.hash, ..state.begins };
        self.left = batch.records.len();
        self.batch = Some(batch.clone());
        Ok(true)
    }
}

impl RecordReader for MemoryReader {
    fn next(&mut self, limit: Lsn) -> Result<Option<Entry<'_>>, Error> {
        let lsn = loop {
            if self.left == 0 {
                if self.end.lsn >= limit || !self.load()? {
                    return Ok(None);
                }
                continue;
            }
            let lsn = Lsn(self.end.lsn.0 + 1 - self.left as u64);
            self.left -= 1;
            if lsn > self.after {
                break lsn;
            }
        };
        let Some(kept) = &self.batch else { return Ok(None) };
        let count = kept.records.len();
        let (bytes, hash) = &kept.records[count - 1 - self.left];
        let batch = Batch {
            first: kept.first,
            count: count as u32,
            hash: kept.hash,
            bytes: kept.bytes() as u32,
            padding: 0,
        };
        let location = Location::batch(kept.first);
        Ok(Some(Entry { lsn, epoch: kept.epoch, hash: *hash, batch, bytes, location }))
    }

    fn cursor(&self) -> Cursor {
        self.end
    }
}
