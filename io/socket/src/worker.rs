//! The worker of one thread: its sessions by slot, its clock, its counters, and the cork.
//!
//! One timer serves all sessions: each tick moves the worker's coarse clock and lets every session look at
//! it. Nothing here is `Send`; other threads name a session by its [`Slot`].

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior};

use crate::fanout::{Channels, OnVacant};
use crate::out::Out;
use crate::queue::Pushed;
use crate::session::Session;
use crate::{CloseCodes, Limits};

/// Names one session of a worker, and never another: a slot used again has a new generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Place among the worker's sessions.
    pub index: u32,
    /// How often the place has been given out before.
    pub generation: u32,
}

/// Counters of one worker since its start, and what holds now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Sessions connected now, closing ones included.
    pub sessions: usize,
    /// Sessions accepted.
    pub opened: u64,
    /// Handshakes refused, by the caller or for their form.
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
    /// Writes asked of the kernel, refused ones included.
    pub writes: u64,
    /// Bytes the kernel took for clients.
    pub written_bytes: u64,
    /// State frames replaced by newer ones.
    pub conflated: u64,
}

impl std::ops::AddAssign for Stats {
    fn add_assign(&mut self, other: Self) {
        // Taken apart whole, so that no counter is forgotten.
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

/// The sessions of one thread. Clones are handles to the same worker.
#[derive(Clone)]
pub struct Worker(pub(crate) Rc<Shared>);

pub(crate) struct Shared {
    limits: Limits,
    codes: CloseCodes,
    places: RefCell<Places>,
    pub(crate) channels: RefCell<Channels>,
    pub(crate) on_vacant: RefCell<Option<OnVacant>>,
    /// Lent to each session for the length of one read.
    pub(crate) read_buffer: RefCell<Box<[u8]>>,
    corks: Cell<u32>,
    dirty: RefCell<Vec<Rc<Session>>>,
    now_ms: Cell<u64>,
    stats: Cell<Stats>,
}

#[derive(Default)]
struct Places {
    places: Vec<Place>,
    free: Vec<u32>,
}

#[derive(Default)]
struct Place {
    generation: u32,
    session: Option<Rc<Session>>,
}

thread_local! {
    static CURRENT: OnceCell<Worker> = const { OnceCell::new() };
}

impl Worker {
    /// The worker of this thread, made at the first call; later calls ignore their arguments.
    ///
    /// # Panics
    /// As [`new`](Worker::new).
    pub fn current(limits: &Limits, codes: CloseCodes) -> Worker {
        CURRENT.with(|current| current.get_or_init(|| Worker::new(limits.clone(), codes)).clone())
    }

    /// Makes a worker and starts its timer on this thread's runtime.
    ///
    /// # Panics
    /// Outside a tokio `LocalSet` or local runtime (an actix worker is one), and when [`Limits::check`]
    /// fails.
    pub fn new(limits: Limits, codes: CloseCodes) -> Worker {
        if let Err(error) = limits.check() {
            panic!("limits: {error}");
        }
        let worker = Worker(Rc::new(Shared {
            read_buffer: RefCell::new(vec![0; limits.read_bytes].into()),
            limits,
            codes,
            places: RefCell::default(),
            channels: RefCell::default(),
            on_vacant: RefCell::default(),
            corks: Cell::new(0),
            dirty: RefCell::default(),
            now_ms: Cell::new(0),
            stats: Cell::default(),
        }));
        tokio::task::spawn_local(keep_time(Rc::downgrade(&worker.0)));
        worker
    }

    /// The session of `slot`, if it is still there.
    pub fn get(&self, slot: Slot) -> Option<Out> {
        self.find(slot).map(Out)
    }

    /// Sessions connected now, closing ones included.
    pub fn sessions(&self) -> usize {
        let places = self.0.places.borrow();
        places.places.len() - places.free.len()
    }

    /// Calls `f` for each session, for example to drain them. `f` may do anything, also end sessions.
    pub fn for_each(&self, mut f: impl FnMut(Slot, &Out)) {
        for session in self.all() {
            f(session.slot, &Out(session));
        }
    }

    /// Holds back every push of this worker until the guard is dropped, so that what belongs together leaves
    /// each socket in one write. Corks nest. Not to be held across an `await`: the whole worker would wait.
    #[must_use = "dropping the cork flushes"]
    pub fn cork(&self) -> Cork {
        self.0.corks.set(self.0.corks.get() + 1);
        Cork(self.clone())
    }

    /// What this worker has counted.
    pub fn stats(&self) -> Stats {
        Stats { sessions: self.sessions(), ..self.0.stats.get() }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn codes(&self) -> CloseCodes {
        self.0.codes
    }

    /// Milliseconds since the worker's start, as of the last tick.
    pub(crate) fn now_ms(&self) -> u64 {
        self.0.now_ms.get()
    }

    pub(crate) fn count(&self, f: impl FnOnce(&mut Stats)) {
        let mut stats = self.0.stats.get();
        f(&mut stats);
        self.0.stats.set(stats);
    }

    pub(crate) fn count_push(&self, pushed: &Pushed) {
        match pushed {
            Pushed::Queued | Pushed::Overflow => {}
            Pushed::Conflated => self.count(|stats| stats.conflated += 1),
        }
    }

    pub(crate) fn is_corked(&self) -> bool {
        self.0.corks.get() > 0
    }

    pub(crate) fn mark_dirty(&self, session: &Rc<Session>) {
        if !session.dirty.replace(true) {
            self.0.dirty.borrow_mut().push(session.clone());
        }
    }

    /// Gives a connection a slot.
    pub(crate) fn admit(&self, io: TcpStream, encoding: u8) -> Rc<Session> {
        let mut places = self.0.places.borrow_mut();
        let index = places.free.pop().unwrap_or_else(|| {
            places.places.push(Place::default());
            u32::try_from(places.places.len() - 1).expect("file descriptors run out before slots do")
        });
        let place = &mut places.places[index as usize];
        let slot = Slot { index, generation: place.generation };
        let session = Rc::new(Session::new(self.clone(), slot, encoding, io));
        place.session = Some(session.clone());
        self.count(|stats| stats.opened += 1);
        session
    }

    /// Takes a session's slot back; its name is stale from here on.
    pub(crate) fn retire(&self, slot: Slot) {
        let mut places = self.0.places.borrow_mut();
        let place = &mut places.places[slot.index as usize];
        if place.generation == slot.generation && place.session.take().is_some() {
            place.generation = place.generation.wrapping_add(1);
            places.free.push(slot.index);
        }
    }

    pub(crate) fn find(&self, slot: Slot) -> Option<Rc<Session>> {
        let places = self.0.places.borrow();
        let place = places.places.get(slot.index as usize)?;
        place.session.clone().filter(|_| place.generation == slot.generation)
    }

    fn all(&self) -> Vec<Rc<Session>> {
        let places = self.0.places.borrow();
        places.places.iter().filter_map(|place| place.session.clone()).collect()
    }

    fn tick(&self, now_ms: u64) {
        self.0.now_ms.set(now_ms);
        let places = self.0.places.borrow();
        // A session's tick pushes and wakes; slots change only in the drivers' own turns.
        for session in places.places.iter().filter_map(|place| place.session.as_ref()) {
            session.tick(now_ms);
        }
    }
}

/// Holds back a worker's writes while it lives; see [`Worker::cork`].
pub struct Cork(Worker);

impl Drop for Cork {
    fn drop(&mut self) {
        let shared = &self.0.0;
        let depth = shared.corks.get() - 1;
        shared.corks.set(depth);
        if depth > 0 {
            return;
        }
        let mut dirty = shared.dirty.take();
        for session in dirty.drain(..) {
            session.dirty.set(false);
            session.flush();
        }
        // Kept for its room: the next cork fills it again.
        *shared.dirty.borrow_mut() = dirty;
    }
}

/// Ticks until the worker is gone.
async fn keep_time(shared: Weak<Shared>) {
    let Some(tick_ms) = shared.upgrade().map(|shared| shared.limits.tick_ms) else { return };
    let start = Instant::now();
    let mut interval = tokio::time::interval(Duration::from_millis(tick_ms));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        Worker(shared).tick(start.elapsed().as_millis() as u64);
    }
}
