//! The fan-out: the subscribers of each channel on this worker, and the broadcast that writes to all of them.
//!
//! A worker subscribes once at pubsub for all its sessions: `subscribe` returns whether a channel got its first
//! subscriber here, `unsubscribe` whether it lost its last. Channels and sessions that are not involved cost no time.

use std::rc::Rc;

use bytes::Bytes;

use crate::queue::Class;
use crate::session::{Session, SocketPhase};
use crate::shared::Slot;
use crate::worker::Worker;

/// Number of encodings; see [`Out::encoding`](crate::Out::encoding).
pub(crate) const ENCODINGS: usize = 2;

impl Worker {
    /// Subscribes the session to a channel. True if it is the channel's first subscriber on this worker. False also if
    /// it is subscribed already or has ended.
    pub fn subscribe(&self, slot: Slot, channel: &str) -> bool {
        match self.find(slot) {
            Some(session) if session.phase.get() == SocketPhase::Open => {
                self.0.channels.borrow_mut().add(&session, channel)
            }
            Some(_) | None => false,
        }
    }

    /// Ends the session's subscription to a channel. True if it was the channel's last subscriber on this worker.
    pub fn unsubscribe(&self, slot: Slot, channel: &str) -> bool {
        let Some(session) = self.find(slot) else { return false };
        let mut channels = self.0.channels.borrow_mut();
        let Some(number) = channels.number(channel) else { return false };
        let nth = session.subscriptions.borrow().iter().position(|&(subscribed, _)| subscribed == number);
        nth.is_some_and(|nth| channels.remove(&session, nth))
    }

    /// Number of subscribers of a channel on this worker.
    pub fn subscribers(&self, channel: &str) -> usize {
        self.0.channels.borrow().members(channel).len()
    }

    /// Calls `f` with each channel that has subscribers here, and their number.
    pub fn for_each_channel(&self, mut f: impl FnMut(&str, usize)) {
        let open = self.0.channels.borrow().listed();
        for (name, members) in open {
            f(&name, members);
        }
    }

    /// Sends to every subscriber of a channel, and returns how many accepted it. `frames` is called once for each
    /// encoding in use. It returns one complete frame, or several joined ones ([`join`](crate::join)), which each
    /// subscriber gets in one write.
    ///
    /// # Panics
    /// If `frames` changes this worker's subscriptions.
    pub fn broadcast(&self, channel: &str, class: Class, mut frames: impl FnMut(u8) -> Bytes) -> usize {
        let channels = self.0.channels.borrow();
        let mut encoded: [Option<Bytes>; ENCODINGS] = Default::default();
        let mut receivers = 0;
        for session in channels.members(channel) {
            let tag = session.encoding();
            let bytes = encoded[usize::from(tag)].get_or_insert_with(|| frames(tag));
            receivers += usize::from(session.push(bytes.clone(), class));
        }
        receivers
    }

    /// Sets the function that is called with each channel that loses its last subscriber because a session ended
    /// without `unsubscribe`.
    pub fn on_vacant(&self, f: impl Fn(&str) + 'static) {
        *self.0.on_vacant.borrow_mut() = Some(Rc::new(f));
    }

    /// Ends all subscriptions of a session.
    pub(crate) fn unsubscribe_all(&self, session: &Session) {
        let mut vacant = Vec::new();
        let mut channels = self.0.channels.borrow_mut();
        loop {
            let first = session.subscriptions.borrow().first().copied();
            let Some((number, _)) = first else { break };
            let name = channels.name(number);
            if channels.remove(session, 0) {
                vacant.push(name);
            }
        }
        drop(channels);
        let on_vacant = self.0.on_vacant.borrow().clone();
        if let Some(on_vacant) = on_vacant {
            vacant.iter().for_each(|name| on_vacant(name));
        }
    }
}
