//! The writer's thread: natural group commit, and the output gate that opens behind each sync.
//!
//! Whatever is queued when the last sync returns is the next batch: no timer, so a single record is written at once,
//! and many records share one sync. The queue is two vectors that change places; admission, outside, bounds it. A
//! failed write or sync ends the process without releasing anything: after one failure the state of the page cache is
//! unknown. Where there is no room for a new segment nothing was written, so the writer waits; where the log is found
//! to be damaged or gone, nothing is released any more ([`Condition`]), and the process goes on to report it.

use std::mem;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::append::Appender;
use crate::condition::{Condition, State};
use crate::storage::Storage;
use crate::{Error, Lsn, MAX_RECORD, Options};

/// A batch is closed once it is this long, so that a flood still releases its first records soon. Bytes: a
/// write of 1 MiB is where a disk's bandwidth, not its latency, begins to decide.
const BATCH_BYTES: usize = 1 << 20;

/// How often the writer looks for room when there is none.
const ROOM_EVERY: Duration = Duration::from_millis(100);

/// What happens on the writer's thread once records are on disk. A panic in it ends the process.
pub trait Gate<C>: Send + 'static {
    /// Everything up to `durable` is on disk: drain `done`, in order. What is left in it is dropped.
    fn open(&mut self, durable: Lsn, done: &mut Vec<C>);
    /// The log failed. Say so; the process aborts when this returns, and nothing more is released.
    fn failed(&mut self, error: &Error);
}

/// The running log. Clones share it; when the last is dropped the journal stops as by [`Journal::stop`].
pub struct Journal<C: Send + 'static> {
    handle: Arc<Handle<C>>,
}

/// What the writer has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Batches written; each is one write and one sync.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// Length of the batches on disk, padding included. Bytes.
    pub bytes: u64,
    /// Time of the last write and sync. Microseconds.
    pub sync_us_last: u64,
    /// The longest. Microseconds.
    pub sync_us_max: u64,
    /// All together. Microseconds.
    pub sync_us_total: u64,
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
    counters: Counters,
}

struct Queue<C> {
    items: Vec<Item<C>>,
    appended: Lsn,
    closing: bool,
    /// The writer sleeps: only then does an append pay for waking it.
    idle: bool,
}

enum Item<C> {
    Record(Vec<u8>, C),
    Barrier(C),
}

#[derive(Default)]
struct Counters {
    batches: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
    sync_us_last: AtomicU64,
    sync_us_max: AtomicU64,
    sync_us_total: AtomicU64,
}

impl<C: Send + 'static> Journal<C> {
    /// Queues a record and returns its place; `done` goes through the gate once it is durable. Never waits
    /// for the disk; the order of calls is the order of records. Panics beyond [`MAX_RECORD`].
    ///
    /// After [`Journal::stop`] the record is lost and `done` dropped unreleased, as if the process had ended.
    pub fn append(&self, bytes: Vec<u8>, done: C) -> Lsn {
        assert!(bytes.len() <= MAX_RECORD, "a record of {} bytes is over MAX_RECORD", bytes.len());
        let mut queue = self.handle.shared.queue.lock();
        queue.appended = queue.appended.next();
        let lsn = queue.appended;
        self.handle.shared.put(queue, Item::Record(bytes, done));
        lsn
    }

    /// Releases `done` through the gate once everything appended before is durable; at once when it is.
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

    /// Puts all that is queued on disk, releases it, ends the thread and releases the lock. From the
    /// gate itself it only begins to.
    pub fn stop(&self) {
        self.handle.stop();
    }

    /// Whether the log takes records, and why not.
    pub fn condition(&self) -> &Condition {
        &self.handle.shared.condition
    }

    /// What the writer has done so far.
    pub fn stats(&self) -> Stats {
        let counters = &self.handle.shared.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            batches: read(&counters.batches),
            records: read(&counters.records),
            bytes: read(&counters.bytes),
            sync_us_last: read(&counters.sync_us_last),
            sync_us_max: read(&counters.sync_us_max),
            sync_us_total: read(&counters.sync_us_total),
        }
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
        // The gate may hold the last clone: a thread cannot wait for itself.
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

    /// Waits for work and takes all of it. `false`: there will be no more.
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

pub(crate) fn start<S: Storage, C: Send + 'static>(
    appender: Appender<S>,
    options: Options,
    gate: impl Gate<C>,
) -> Journal<C> {
    let last = appender.durable().last;
    let queue = Queue { items: Vec::new(), appended: last, closing: false, idle: false };
    let shared = Arc::new(Shared {
        queue: Mutex::new(queue),
        wake: Condvar::new(),
        durable: AtomicU64::new(last.0),
        condition: appender.condition.clone(),
        counters: Counters::default(),
    });
    let writer = Writer { appender, shared: shared.clone(), gate, done: Vec::new() };
    let run = move || {
        let _abort = AbortOnPanic;
        ask_for_priority(options.nice);
        writer.run();
    };
    let thread = Builder::new().name("hub-journal".into()).spawn(run).expect("the system has a thread left");
    Journal { handle: Arc::new(Handle { shared, thread: Mutex::new(Some(thread)) }) }
}

struct Writer<S: Storage, C, G> {
    appender: Appender<S>,
    shared: Arc<Shared<C>>,
    gate: G,
    done: Vec<C>,
}

impl<S: Storage, C, G: Gate<C>> Writer<S, C, G> {
    fn run(mut self) {
        let mut work = Vec::new();
        while self.shared.take(&mut work) {
            for item in work.drain(..) {
                match item {
                    Item::Record(bytes, done) => {
                        if self.appender.pending() + bytes.len() > BATCH_BYTES {
                            self.commit();
                        }
                        self.appender.push(&bytes);
                        self.done.push(done);
                    }
                    Item::Barrier(done) => self.done.push(done),
                }
            }
            self.commit();
        }
        // A log that is not what it was takes no mark that says so.
        if self.is_unsound() {
            return;
        }
        match self.appender.close() {
            Ok(()) => {}
            Err(error @ Error::NoRoom { .. }) => tracing::warn!(%error, "the log is closed without a mark"),
            Err(error) => self.fail(&error),
        }
    }

    /// Makes the batch durable, then opens the gate. With no records in it there is nothing to sync. Once the log is
    /// known to be unsound nothing is written or released any more.
    fn commit(&mut self) {
        let before = self.appender.durable().last;
        let begun = Instant::now();
        let written = loop {
            if self.is_unsound() {
                return self.done.clear();
            }
            match self.appender.commit() {
                Ok(bytes) => break bytes,
                Err(error @ Error::NoRoom { .. }) => {
                    if !self.wait_for_room(&error) {
                        return self.done.clear();
                    }
                }
                // The names are gone; what was written before is where nobody will find it.
                Err(error) if error.tells_of_missing_file() => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    self.shared.condition.unsound(format!("{error}: {}", cause.unwrap_or_default()));
                }
                Err(error) => self.fail(&error),
            }
        };
        let durable = self.appender.durable().last;
        if durable > before {
            self.shared.counters.count(durable.0 - before.0, written, begun);
            self.shared.durable.store(durable.0, Ordering::Release);
        }
        // Asked after the sync: no acknowledgement follows the discovery.
        if !self.done.is_empty() && !self.is_unsound() {
            self.gate.open(durable, &mut self.done);
        }
        self.done.clear();
    }

    fn is_unsound(&self) -> bool {
        self.shared.condition.state() == State::Unsound
    }

    /// Rests a while. `false`: the log is being stopped, and what is pending was never answered.
    fn wait_for_room(&self, error: &Error) -> bool {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        self.shared.condition.no_room(format!("{error}: {}", cause.unwrap_or_default()));
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

impl Counters {
    fn count(&self, records: u64, bytes: u64, begun: Instant) {
        let us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.sync_us_last.store(us, Ordering::Relaxed);
        self.sync_us_max.fetch_max(us, Ordering::Relaxed);
        self.sync_us_total.fetch_add(us, Ordering::Relaxed);
    }
}

/// A writer that unwinds would leave a hub that answers nothing and holds the lock.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            process::abort();
        }
    }
}

fn ask_for_priority(nice: i32) {
    // SAFETY: setpriority takes three integers and touches no memory of ours; on Linux `who` 0 is this
    // thread.
    let refused = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) } != 0;
    if refused {
        tracing::debug!(nice, "the journal's thread keeps the usual priority");
    }
}
