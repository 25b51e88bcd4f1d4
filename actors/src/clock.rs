//! The hub's time, the time of day, and alarms for the actors of one thread.

use std::{
    cell::RefCell,
    cmp::Reverse,
    collections::BinaryHeap,
    rc::Rc,
    sync::OnceLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use actix::Recipient;
use tokio::sync::Notify;

use crate::{messages::table::Wake, panics::AbortOnPanic};

/// The hub's time, milliseconds since 1970: the wall clock of the start, and the monotonic clock from there on. A wall
/// clock that is set back while the hub runs neither keeps bets open nor stops a rate from filling. If the log's last
/// record was ahead of the wall clock, this time stays ahead as well. Times that other systems have set, such as the
/// expiry of a token, are compared with [`time_of_day_ms`].
#[must_use]
pub fn now_ms() -> u64 {
    let (wall_ms, began) = START.get_or_init(|| (time_of_day_ms(), Instant::now()));
    wall_ms + u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Starts the clock no earlier than `log_ms`, the time of the log's last record, so that time does not go back over a
/// restart. Milliseconds since 1970.
pub fn start_at_least(log_ms: u64) {
    let wall = time_of_day_ms();
    let ahead_seconds = log_ms.saturating_sub(wall) / 1000;
    if ahead_seconds > FAR_AHEAD_SECONDS {
        tracing::error!(
            ahead_seconds,
            "the log's last record is far in the future: the hub goes on from the time of that record, not of the clock. If \
             the clock is wrong, stop the hub, set the clock and start again"
        );
    } else if ahead_seconds > 60 {
        tracing::warn!(ahead_seconds, "the log's last record is from the future; the hub goes on from there");
    }
    START.get_or_init(|| (wall.max(log_ms), Instant::now()));
}

/// How far the log may be ahead of the clock before that is logged as an error, seconds. Two clocks that differ a
/// little do not explain more.
const FAR_AHEAD_SECONDS: u64 = 3_600;

/// The wall clock and the monotonic clock when this process began to count.
static START: OnceLock<(u64, Instant)> = OnceLock::new();

/// The time of day by the machine's clock, milliseconds since 1970. It may be set, also backwards: only for what the
/// world outside has dated, such as a token.
#[must_use]
pub fn time_of_day_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Alarms of one thread: a heap and one task, so that an actor that waits costs no timer of its own.
#[derive(Clone)]
pub struct Alarms(Rc<Inner>);

struct Inner {
    heap: RefCell<BinaryHeap<Alarm>>,
    sooner: Notify,
}

struct Alarm {
    at_ms: Reverse<u64>,
    whom: Recipient<Wake>,
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.at_ms == other.at_ms
    }
}

impl Eq for Alarm {}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at_ms.cmp(&other.at_ms)
    }
}

impl Alarms {
    /// Starts the alarms of this thread. Needs a running local task set, as every arbiter has.
    #[must_use]
    pub fn start() -> Self {
        let alarms = Self(Rc::new(Inner { heap: RefCell::default(), sooner: Notify::new() }));
        actix::spawn(alarms.clone().ring());
        alarms
    }

    /// Wakes an actor at a time, milliseconds since 1970.
    pub fn at(&self, at_ms: u64, whom: Recipient<Wake>) {
        let mut heap = self.0.heap.borrow_mut();
        let first = heap.peek().is_none_or(|alarm| at_ms < alarm.at_ms.0);
        heap.push(Alarm { at_ms: Reverse(at_ms), whom });
        if first {
            self.0.sooner.notify_one();
        }
    }

    async fn ring(self) {
        let _guard = AbortOnPanic("the alarms of a thread");
        loop {
            let next = self.0.heap.borrow().peek().map(|alarm| alarm.at_ms.0);
            match next {
                None => self.0.sooner.notified().await,
                Some(at_ms) => {
                    let wait = Duration::from_millis(at_ms.saturating_sub(now_ms()));
                    tokio::select! {
                        () = tokio::time::sleep(wait) => self.ring_due(),
                        () = self.0.sooner.notified() => {}
                    }
                }
            }
        }
    }

    fn ring_due(&self) {
        let now = now_ms();
        loop {
            let mut heap = self.0.heap.borrow_mut();
            if heap.peek().is_none_or(|alarm| alarm.at_ms.0 > now) {
                return;
            }
            let alarm = heap.pop();
            drop(heap);
            if let Some(alarm) = alarm {
                alarm.whom.do_send(Wake);
            }
        }
    }
}
