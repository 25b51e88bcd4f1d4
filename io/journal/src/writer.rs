//! The writer's thread: group commit without a timer, and the output gate that opens after each sync.
//!
//! The records that are queued when a sync returns are the next batch. So a single record is written at once, and many
//! records share one sync. Before it takes a batch, the writer gives up its processor as long as that brings records:
//! on a busy machine the threads that make them wait for this processor, and each sync that they share is one less.
//!
//! The queue is two vectors that are swapped; permits, given outside this crate, bound it. A failed write or sync ends
//! the process without releasing anything, because the state of the page cache is unknown after it. Without room for a
//! new segment nothing is written, and the writer waits. When the log is found damaged or gone, nothing is released any
//! more ([`Condition`]); the process goes on, so that it can report it.

use std::mem;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Builder, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rustix::process::setpriority_process;

use crate::condition::{Condition, State};
use crate::seam::{Appended, LogRecords, LogWriter, RecordReader, Truncated, read_kept};
use crate::stats::{Stats, WriterCounters};
use crate::waiting::WaitingThreads;
use crate::{Error, Lsn, MAX_RECORD};

/// A batch is closed once it has this length, so that under high load the first records are still released soon.
/// Bytes. From about 1 MiB on, a disk's bandwidth decides the time of a write, not its latency.
const BATCH_BYTES: usize = 1 << 20;

/// How often the writer gives up its processor before a batch, at most: then the records queued so far go to disk. On a
/// processor that nobody waits for, giving it up takes less than a microsecond.
const GATHER_MAX: usize = 4;

/// Time between two attempts to write when there is no room.
const ROOM_EVERY: Duration = Duration::from_millis(100);

/// The output gate: called on the writer's thread once records are on disk. A panic in it ends the process.
pub trait Gate<C>: Send + 'static {
    /// Everything up to `durable` is on disk: release the outputs in `done`, in order. Those left in it are dropped.
    fn open(&mut self, durable: Lsn, done: &mut Vec<C>);
    /// The log failed: report it. The process aborts when this returns, and nothing more is released.
    fn failed(&mut self, error: &Error);
}

/// The running log. Clones share it; dropping the last one stops the journal as [`Journal::stop`] does.
pub struct Journal<C: Send + 'static> {
    handle: Arc<Handle<C>>,
}

struct Handle<C: Send + 'static> {
    shared: Arc<Shared<C>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared<C> {
    queue: Mutex<Queue<C>>,
    wake: Condvar,
    durable: AtomicU64,
    condition: Condition,
    counters: WriterCounters,
    records: Arc<dyn LogRecords>,
    /// Has the records that were removed as well, if something has.
    whole: OnceLock<Arc<dyn LogRecords>>,
    waiting: WaitingThreads,
}

struct Queue<C> {
    items: Vec<Item<C>>,
    appended: Lsn,
    closing: bool,
    /// The writer is waiting: only then an append must wake it.
    idle: bool,
}

enum Item<C> {
    Record(Vec<u8>, C),
    Barrier(C),
}

impl<C: Send + 'static> Journal<C> {
    /// Starts the thread that writes a log ("hub-journal"), with a priority: negative ones, down to -20, need a right.
    ///
    /// # Panics
    /// When the system cannot start a thread.
    pub fn start(mut log: impl LogWriter, nice: i32, gate: impl Gate<C>) -> Journal<C> {
        log.begins_to_run();
        let last = log.end().lsn;
        let queue = Queue { items: Vec::new(), appended: last, closing: false, idle: false };
        let shared = Arc::new(Shared {
            queue: Mutex::new(queue),
            wake: Condvar::new(),
            durable: AtomicU64::new(last.0),
            condition: log.condition().clone(),
            counters: WriterCounters::default(),
            records: log.records(),
            whole: OnceLock::new(),
            waiting: WaitingThreads::default(),
        });
        let batch = Building { records: Vec::new(), bytes: 0, done: Vec::new() };
        let writer = Writer { epoch: log.epoch(), log, shared: shared.clone(), gate, batch, given_up: false };
        let run = move || {
            let _abort = AbortOnPanic;
            ask_for_priority(nice);
            writer.run();
        };
        let thread =
            Builder::new().name("hub-journal".into()).spawn(run).expect("the system has a thread left");
        Journal { handle: Arc::new(Handle { shared, thread: Mutex::new(Some(thread)) }) }
    }

    /// Queues a record and returns its lsn; `done` is released through the gate once the record is durable. Never waits
    /// for the disk. The order of calls is the order of records. Panics for a record above [`MAX_RECORD`].
    ///
    /// After [`Journal::stop`] the record is lost and `done` is dropped, as if the process had ended.
    pub fn append(&self, bytes: Vec<u8>, done: C) -> Lsn {
        assert!(bytes.len() <= MAX_RECORD, "a record of {} bytes is over MAX_RECORD", bytes.len());
        let mut queue = self.handle.shared.queue.lock();
        queue.appended = queue.appended.next();
        let lsn = queue.appended;
        self.handle.shared.put(queue, Item::Record(bytes, done));
        lsn
    }

    /// Releases `done` through the gate once every record appended before is durable.
    pub fn barrier(&self, done: C) {
        self.handle.shared.put(self.handle.shared.queue.lock(), Item::Barrier(done));
    }

    /// The last record on disk.
    pub fn durable(&self) -> Lsn {
        Lsn(self.handle.shared.durable.load(Ordering::Acquire))
    }

    /// The last record appended, durable or not.
    pub fn appended(&self) -> Lsn {
        self.handle.shared.queue.lock().appended
    }

    /// Parks the calling thread until a record after `after` is durable, it is unparked, or `timeout` has passed. It may
    /// return earlier.
    pub fn wait_for_more(&self, after: Lsn, timeout: Duration) {
        let shared = &self.handle.shared;
        shared.waiting.add_current();
        if self.durable() <= after {
            thread::park_timeout(timeout);
        }
    }

    /// From now on [`Journal::read`] reads records that were removed from the log in `whole`, which has all of them. The
    /// first call counts.
    pub fn read_removed_in(&self, whole: Arc<dyn LogRecords>) {
        let _ = self.handle.shared.whole.set(whole);
    }

    /// Whether records that were removed from the log can be read.
    pub fn reads_removed(&self) -> bool {
        self.handle.shared.whole.get().is_some()
    }

    /// Reads the records after `after`, while more are written; see [`LogRecords::read`]. What was removed is read where
    /// [`Journal::read_removed_in`] says.
    ///
    /// # Errors
    /// [`Error::Removed`] when nothing has what was removed, [`Error::NotFetched`] when it cannot be read there; otherwise
    /// when the log cannot be read.
    pub fn read(&self, after: Lsn) -> Result<Box<dyn RecordReader>, Error> {
        let shared = &self.handle.shared;
        match (shared.records.read(after), shared.whole.get()) {
            (Err(Error::Removed { .. }), Some(whole)) => whole.read(after),
            (opened, _) => opened,
        }
    }

    /// Reads every record that the log keeps.
    pub fn read_kept(&self) -> Result<Box<dyn RecordReader>, Error> {
        read_kept(&*self.handle.shared.records)
    }

    /// Removes the oldest records; see [`LogRecords::truncate_before`]. Writing goes on meanwhile; what has to wait for the
    /// disk waits on the calling thread.
    pub fn truncate_before(&self, lsn: Lsn, needed: &[Lsn]) -> Result<Truncated, Error> {
        self.handle.shared.records.truncate_before(lsn, needed)
    }

    /// Writes all queued records, releases their outputs, ends the thread and releases the lock. Called from the gate
    /// itself, it only starts that and returns.
    pub fn stop(&self) {
        self.handle.stop();
    }

    /// Whether the log takes records, and if not, why.
    pub fn condition(&self) -> &Condition {
        &self.handle.shared.condition
    }

    /// The counters of the writer.
    pub fn stats(&self) -> Stats {
        self.handle.shared.counters.read()
    }
}

impl<C: Send + 'static> Clone for Journal<C> {
    fn clone(&self) -> Self {
        Journal { handle: self.handle.clone() }
    }
}

impl<C: Send + 'static> Handle<C> {
    fn stop(&self) {
        self.shared.queue.lock().closing = true;
        self.shared.wake.notify_one();
        let mut thread = self.thread.lock();
        // The gate may hold the last clone, and the writer's thread cannot wait for itself.
        if thread.as_ref().is_some_and(|writer| writer.thread().id() != thread::current().id())
            && let Some(writer) = thread.take()
        {
            writer.join().expect("the writer's thread aborts rather than panics");
        }
    }
}

impl<C: Send + 'static> Drop for Handle<C> {
    fn drop(&mut self) {
        self.stop();
    }
}

impl<C> Shared<C> {
    fn put(&self, mut queue: parking_lot::MutexGuard<'_, Queue<C>>, item: Item<C>) {
        if queue.closing {
            return;
        }
        queue.items.push(item);
        let wake = mem::replace(&mut queue.idle, false);
        drop(queue);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Lets the threads that wait for this processor run, as long as they queue more.
    fn gather(&self) {
        let mut queued = self.queue.lock().items.len();
        for _ in 0..GATHER_MAX {
            thread::yield_now();
            let now = self.queue.lock().items.len();
            if now == queued {
                return;
            }
            queued = now;
        }
    }

    /// Waits for work and takes all of it. `false` when the journal stops and there is no more.
    fn take(&self, work: &mut Vec<Item<C>>) -> bool {
        let mut queue = self.queue.lock();
        while queue.items.is_empty() && !queue.closing {
            queue.idle = true;
            self.wake.wait(&mut queue);
        }
        queue.idle = false;
        mem::swap(&mut queue.items, work);
        !work.is_empty()
    }
}

struct Writer<L: LogWriter, C, G> {
    log: L,
    epoch: u32,
    shared: Arc<Shared<C>>,
    gate: G,
    batch: Building<C>,
    /// A batch was given up for want of room while the log is being stopped. What is queued behind it belongs behind it in
    /// the log as well, so nothing is written any more.
    given_up: bool,
}

/// The batch being put together, and who waits for it.
struct Building<C> {
    records: Vec<Vec<u8>>,
    /// Length of the records.
    bytes: usize,
    done: Vec<C>,
}

impl<L: LogWriter, C, G: Gate<C>> Writer<L, C, G> {
    fn run(mut self) {
        let mut work = Vec::new();
        while self.shared.take(&mut work) {
            for item in work.drain(..) {
                match item {
                    Item::Record(bytes, done) => {
                        if self.batch.bytes + bytes.len() > BATCH_BYTES {
                            self.commit();
                        }
                        self.batch.bytes += bytes.len();
                        self.batch.records.push(bytes);
                        self.batch.done.push(done);
                    }
                    Item::Barrier(done) => self.batch.done.push(done),
                }
            }
            // After a single item no other thread is at work: giving up the processor would only cost time.
            let several = self.batch.done.len() > 1;
            self.commit();
            if several {
                self.shared.gather();
            }
        }
        // A log that is damaged or gone gets no mark, because the mark would state that it is complete.
        if self.is_unsound() {
            return;
        }
        match self.log.close() {
            Ok(()) => {}
            Err(error) if error.may_be_tried_again() => {
                tracing::warn!(%error, "the log is closed without a mark");
            }
            Err(error) if error.tells_of_loss() => self.shared.condition.lost(&error),
            Err(error) => self.fail(&error),
        }
    }

    /// Makes the batch durable, then opens the gate. Without records there is nothing to sync. Once the log is known to
    /// be unsound, nothing is written or released any more.
    fn commit(&mut self) {
        if self.append() {
            let durable = self.log.end().lsn;
            // Checked after the sync, so that nothing is acknowledged after damage was found.
            if !self.batch.done.is_empty() && !self.is_unsound() {
                self.gate.open(durable, &mut self.batch.done);
            }
            // Players come first.
            self.shared.waiting.wake();
        }
        self.batch.records.clear();
        self.batch.bytes = 0;
        self.batch.done.clear();
    }

    /// Appends the batch, and waits for room as long as there is none. `false` when it is not to be answered.
    fn append(&mut self) -> bool {
        let before = self.log.end().lsn;
        loop {
            if self.given_up || self.is_unsound() {
                return false;
            }
            if self.batch.records.is_empty() {
                return true;
            }
            match self.log.append(self.epoch, before.next(), &self.batch.records) {
                Ok(Appended::Durable { bytes, took }) => {
                    let durable = self.log.end().lsn;
                    self.shared.counters.count(durable.0 - before.0, bytes, took);
                    self.shared.durable.store(durable.0, Ordering::Release);
                    return true;
                }
                Ok(Appended::Fenced) => self.fail(&Error::Fenced { epoch: self.epoch, first: before.next() }),
                // The next start will not find what was written.
                Ok(Appended::Unknown(error)) if error.tells_of_loss() => self.shared.condition.lost(&error),
                Ok(Appended::Unknown(error)) => self.fail(&error),
                Err(error) => self.given_up = !self.wait_for_room(&error),
            }
        }
    }

    fn is_unsound(&self) -> bool {
        self.shared.condition.state() == State::Unsound
    }

    /// Waits before the next attempt. `false` when the log is being stopped; pending records are then never answered.
    fn wait_for_room(&self, error: &Error) -> bool {
        self.shared.condition.not_made(error);
        let mut queue = self.shared.queue.lock();
        if !queue.closing {
            self.shared.wake.wait_for(&mut queue, ROOM_EVERY);
        }
        !queue.closing
    }

    fn fail(&mut self, error: &Error) -> ! {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(%error, cause, "the journal failed; the process ends without releasing anything");
        self.gate.failed(error);
        process::abort();
    }
}

/// Aborts on a panic: without its writer the hub would answer nothing and still hold the lock.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            process::abort();
        }
    }
}

fn ask_for_priority(nice: i32) {
    // On Linux, "this process" is the calling thread.
    if setpriority_process(None, nice).is_err() {
        tracing::debug!(nice, "the journal's thread keeps the usual priority");
    }
}
