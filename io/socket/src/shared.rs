//! The state that the sessions of one worker share: limits, the coarse clock, the counters, and the cork.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::queue::Pushed;
use crate::{CloseCodes, Limits};

/// The id of a session within its worker. A place that is used again has a new generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The place in the worker's list of sessions.
    pub index: u32,
    /// How often the place was used before.
    pub generation: u32,
}

/// Counters of one worker since its start, and the number of sessions now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Sessions connected now, closing ones included.
    pub sessions: usize,
    /// Sessions accepted.
    pub opened: u64,
    /// Handshakes refused, by the caller or because they were malformed.
    pub refused: u64,
    /// Sessions closed because they did not read.
    pub closed_too_slow: u64,
    /// Sessions closed because they did not answer a ping.
    pub closed_no_pong: u64,
    /// Sessions closed because they broke the protocol or a size limit.
    pub closed_fault: u64,
    /// Sessions closed because their actor panicked.
    pub closed_panic: u64,
    /// Sessions closed because of too many control frames or empty fragments.
    pub closed_flooding: u64,
    /// Bytes read from clients.
    pub read_bytes: u64,
    /// Write calls, refused ones included.
    pub writes: u64,
    /// Bytes that the kernel took.
    pub written_bytes: u64,
    /// State frames replaced by newer ones.
    pub conflated: u64,
}

impl std::ops::AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        // Destructured without `..`, so that no counter is forgotten.
        let Self {
            sessions,
            opened,
            refused,
            closed_too_slow,
            closed_no_pong,
            closed_fault,
            closed_panic,
            closed_flooding,
            read_bytes,
            writes,
            written_bytes,
            conflated,
        } = other;
        self.sessions += sessions;
        self.opened += opened;
        self.refused += refused;
        self.closed_too_slow += closed_too_slow;
        self.closed_no_pong += closed_no_pong;
        self.closed_fault += closed_fault;
        self.closed_panic += closed_panic;
        self.closed_flooding += closed_flooding;
        self.read_bytes += read_bytes;
        self.writes += writes;
        self.written_bytes += written_bytes;
        self.conflated += conflated;
    }
}

/// A session with frames that wait for the end of a cork.
pub(crate) trait Corked {
    /// Writes the waiting frames.
    fn uncork(&self);
}

/// The state that a worker and its sessions share.
pub(crate) struct Shared {
    limits: Limits,
    codes: CloseCodes,
    /// The read buffer; a session borrows it for one read.
    pub(crate) read_buffer: RefCell<Box<[u8]>>,
    corks: Cell<u32>,
    dirty: RefCell<Vec<Rc<dyn Corked>>>,
    now_ms: Cell<u64>,
    stats: Cell<Stats>,
}

impl Shared {
    pub(crate) fn new(limits: Limits, codes: CloseCodes) -> Self {
        Shared {
            read_buffer: RefCell::new(vec![0; limits.read_bytes].into()),
            limits,
            codes,
            corks: Cell::new(0),
            dirty: RefCell::default(),
            now_ms: Cell::new(0),
            stats: Cell::default(),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn codes(&self) -> CloseCodes {
        self.codes
    }

    /// Milliseconds since the worker's start, as of the last tick.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    pub(crate) fn tick(&self, now_ms: u64) {
        self.now_ms.set(now_ms);
    }

    /// The counters, without the number of sessions now, which the worker adds.
    pub(crate) fn stats(&self) -> Stats {
        self.stats.get()
    }

    pub(crate) fn count(&self, f: impl FnOnce(&mut Stats)) {
        let mut stats = self.stats.get();
        f(&mut stats);
        self.stats.set(stats);
    }

    pub(crate) fn count_push(&self, pushed: &Pushed) {
        match pushed {
            Pushed::Queued | Pushed::Overflow => {}
            Pushed::Conflated => self.count(|stats| stats.conflated += 1),
        }
    }

    pub(crate) fn cork(&self) {
        self.corks.set(self.corks.get() + 1);
    }

    /// Removes a cork. With the last one, the frames that were held back are written.
    pub(crate) fn uncork(&self) {
        let depth = self.corks.get() - 1;
        self.corks.set(depth);
        if depth > 0 {
            return;
        }
        let mut dirty = self.dirty.take();
        for held in dirty.drain(..) {
            held.uncork();
        }
        // Kept, so that the next cork can use its memory again.
        *self.dirty.borrow_mut() = dirty;
    }

    pub(crate) fn is_corked(&self) -> bool {
        self.corks.get() > 0
    }

    /// Adds a session to be flushed when the last cork is removed.
    pub(crate) fn mark_dirty(&self, held: Rc<dyn Corked>) {
        self.dirty.borrow_mut().push(held);
    }
}
