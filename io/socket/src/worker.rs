//! The worker of one thread: its sessions by slot, and one timer for all of them.
//!
//! Each tick of the timer sets the worker's coarse clock, and checks the time limits of every session. Nothing here is
//! `Send`; other threads identify a session by its [`Slot`].

use std::cell::{OnceCell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior};

use crate::channels::{Channels, OnVacant};
use crate::out::Out;
use crate::session::Session;
use crate::shared::{Shared, Slot, Stats};
use crate::{CloseCodes, Limits};

/// The sessions of one thread. Clones are handles to the same worker.
#[derive(Clone)]
pub struct Worker(pub(crate) Rc<Inner>);

pub(crate) struct Inner {
    pub(crate) shared: Rc<Shared>,
    places: RefCell<Places>,
    pub(crate) channels: RefCell<Channels>,
    pub(crate) on_vacant: RefCell<Option<OnVacant>>,
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
    /// The worker of this thread. The first call makes it; later calls ignore their arguments.
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
        let worker = Worker(Rc::new(Inner {
            shared: Rc::new(Shared::new(limits, codes)),
            places: RefCell::default(),
            channels: RefCell::default(),
            on_vacant: RefCell::default(),
        }));
        tokio::task::spawn_local(keep_time(Rc::downgrade(&worker.0)));
        worker
    }

    /// The session of `slot`, if it has not ended.
    pub fn get(&self, slot: Slot) -> Option<Out> {
        self.find(slot).map(Out)
    }

    /// Sessions connected now, closing ones included.
    pub fn sessions(&self) -> usize {
        let places = self.0.places.borrow();
        places.places.len() - places.free.len()
    }

    /// Calls `f` for each session, for example to drain them. `f` may also end sessions.
    pub fn for_each(&self, mut f: impl FnMut(Slot, &Out)) {
        for session in self.all() {
            f(session.slot, &Out(session));
        }
    }

    /// Holds back every push of this worker until the guard is dropped, so that each socket needs only one write for
    /// several frames. Corks can be nested. Do not hold one across an `await`: all sessions of the worker would wait.
    #[must_use = "dropping the cork flushes"]
    pub fn cork(&self) -> Cork {
        self.0.shared.cork();
        Cork(self.0.shared.clone())
    }

    /// The counters of this worker.
    pub fn stats(&self) -> Stats {
        Stats { sessions: self.sessions(), ..self.0.shared.stats() }
    }

    pub(crate) fn limits(&self) -> &Limits {
        self.0.shared.limits()
    }

    /// Makes a session of a connection, with a slot.
    pub(crate) fn admit(&self, io: TcpStream, encoding: u8) -> Rc<Session> {
        let mut places = self.0.places.borrow_mut();
        let index = places.free.pop().unwrap_or_else(|| {
            places.places.push(Place::default());
            u32::try_from(places.places.len() - 1).expect("file descriptors run out before slots do")
        });
        let place = &mut places.places[index as usize];
        let slot = Slot { index, generation: place.generation };
        let session = Rc::new(Session::new(self.0.shared.clone(), slot, encoding, io));
        place.session = Some(session.clone());
        self.0.shared.count(|stats| stats.opened += 1);
        session
    }

    /// Frees a session's slot: from then on it finds no session.
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
        self.0.shared.tick(now_ms);
        let places = self.0.places.borrow();
        // A session's tick only pushes and wakes; slots change only in the drivers' own polls.
        for session in places.places.iter().filter_map(|place| place.session.as_ref()) {
            session.tick(now_ms);
        }
    }
}

/// While you hold this, the worker's writes are held back; see [`Worker::cork`].
pub struct Cork(Rc<Shared>);

impl Drop for Cork {
    fn drop(&mut self) {
        self.0.uncork();
    }
}

/// Ticks until the worker is dropped.
async fn keep_time(worker: Weak<Inner>) {
    let Some(tick_ms) = worker.upgrade().map(|inner| inner.shared.limits().tick_ms) else { return };
    let start = Instant::now();
    let mut interval = tokio::time::interval(Duration::from_millis(tick_ms));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(inner) = worker.upgrade() else { return };
        Worker(inner).tick(start.elapsed().as_millis() as u64);
    }
}
