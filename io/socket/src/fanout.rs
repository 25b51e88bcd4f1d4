//! The subscribers of each channel on this worker, and the broadcast that writes to all of them.
//!
//! A worker subscribes once with the hub for all its sessions: `subscribe` says when a channel gets its first
//! listener here and `unsubscribe` when it loses its last. Both and the broadcast cost nothing per channel or
//! session that is not involved.

use std::rc::Rc;

use bytes::Bytes;

use crate::queue::Class;
use crate::session::{Session, SocketPhase};
use crate::shared::Slot;
use crate::worker::Worker;

/// Encodings a session may have; see [`Out::encoding`](crate::Out::encoding).
pub(crate) const ENCODINGS: usize = 2;

impl Worker {
    /// Adds the session to a channel. True if it is the channel's first listener on this worker; false also
    /// if it listens already or is gone.
    pub fn subscribe(&self, slot: Slot, channel: &str) -> bool {
        match self.find(slot) {
            Some(session) if session.phase.get() == SocketPhase::Open => {
                self.0.channels.borrow_mut().add(&session, channel)
            }
            Some(_) | None => false,
        }
    }

    /// Removes the session from a channel. True if it was the channel's last listener on this worker.
    pub fn unsubscribe(&self, slot: Slot, channel: &str) -> bool {
        let Some(session) = self.find(slot) else { return false };
        let mut channels = self.0.channels.borrow_mut();
        let Some(number) = channels.number(channel) else { return false };
        let nth = session.subscriptions.borrow().iter().position(|&(subscribed, _)| subscribed == number);
        nth.is_some_and(|nth| channels.remove(&session, nth))
    }

    /// Listeners of a channel on this worker.
    pub fn subscribers(&self, channel: &str) -> usize {
        self.0.channels.borrow().members(channel).len()
    }

    /// Calls `f` with each channel that has a listener here.
    pub fn for_each_channel(&self, mut f: impl FnMut(&str, usize)) {
        let open = self.0.channels.borrow().listed();
        for (name, members) in open {
            f(&name, members);
        }
    }

    /// Sends to every listener of a channel and says how many took it. `frames` is called once for each
    /// encoding in use and returns complete frames: one, or several that waited together
    /// ([`join`](crate::join)), in one write a listener.
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

    /// Sets what is called with each channel that loses its last listener because a session ended while
    /// subscribed: the caller's `unsubscribe` did not see that one.
    pub fn on_vacant(&self, f: impl Fn(&str) + 'static) {
        *self.0.on_vacant.borrow_mut() = Some(Rc::new(f));
    }

    /// Takes a session off all its channels.
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
