//! The queue of pushes between a connection and its listener.
//!
//! It is bounded and never makes the connection wait: replies must not wait for a listener that is slow. What does not
//! fit is dropped and counted, and the listener is told, as it would be after a gap on the wire.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use protocol::Push;
use tokio::sync::mpsc;

use crate::Closed;

/// The pushes of the hub, in order.
#[derive(Debug)]
pub struct Pushes {
    queue: mpsc::Receiver<Pushed>,
    missed: Arc<AtomicU64>,
}

/// One item of [`Pushes`].
#[derive(Debug, Clone, PartialEq)]
pub enum Pushed {
    /// A push.
    Push(Push),
    /// So many pushes did not fit, or could not be read, since the last time this was said: load the state again.
    Missed(u64),
    /// A [`crate::Resilient`] has ceased to come back by itself, because the hub does not want it or cannot be
    /// understood. It tries again when one of its methods is called.
    Stopped(Closed),
}

/// The connection's end.
#[derive(Debug, Clone)]
pub(crate) struct PushSink {
    queue: mpsc::Sender<Pushed>,
    missed: Arc<AtomicU64>,
}

pub(crate) fn channel(capacity: usize) -> (PushSink, Pushes) {
    let (sender, receiver) = mpsc::channel(capacity.max(1));
    let missed = Arc::new(AtomicU64::new(0));
    (PushSink { queue: sender, missed: missed.clone() }, Pushes { queue: receiver, missed })
}

impl PushSink {
    pub fn put(&self, push: Push) {
        self.offer(Pushed::Push(push));
    }

    /// A push came that cannot be read.
    pub fn unreadable(&self) {
        self.offer(Pushed::Missed(1));
    }

    /// Waits for room, so that a listener who waits for more is sure to learn that none will come.
    pub async fn stopped(&self, closed: Closed) {
        // There is no listener any more, and no need to report it.
        let _ = self.queue.send(Pushed::Stopped(closed)).await;
    }

    fn offer(&self, pushed: Pushed) {
        match self.queue.try_send(pushed) {
            // There is no listener any more, and nothing is missed.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.missed.fetch_add(1, Relaxed);
            }
        }
    }
}

impl Pushes {
    /// The next push; `None` once no connection feeds the queue any more and it is empty.
    pub async fn recv(&mut self) -> Option<Pushed> {
        match self.missed.swap(0, Relaxed) {
            0 => self.queue.recv().await,
            missed => Some(Pushed::Missed(missed)),
        }
    }

    /// The next push if one waits already.
    pub fn try_recv(&mut self) -> Option<Pushed> {
        match self.missed.swap(0, Relaxed) {
            0 => self.queue.try_recv().ok(),
            missed => Some(Pushed::Missed(missed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain_notice(after: u64) -> Push {
        Push::Drain { reconnect_after_ms: after }
    }

    #[test]
    fn pushes_that_do_not_fit_are_counted_and_reported() {
        let (sink, mut pushes) = channel(2);
        (1..=5).for_each(|after| sink.put(drain_notice(after)));
        assert_eq!(pushes.try_recv(), Some(Pushed::Missed(3)));
        assert_eq!(pushes.try_recv(), Some(Pushed::Push(drain_notice(1))));
        assert_eq!(pushes.try_recv(), Some(Pushed::Push(drain_notice(2))));
        assert_eq!(pushes.try_recv(), None);
    }
}
