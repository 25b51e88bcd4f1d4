//! Who of this worker listens to what, and the broadcast that writes to all of them.
//!
//! A worker subscribes once with the hub for all its sessions: `subscribe` says when a channel gets its first
//! listener here and `unsubscribe` when it loses its last. Both and the broadcast cost nothing per channel or
//! session that is not involved.

use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;

use crate::queue::Class;
use crate::session::{Phase, Session};
use crate::worker::{Slot, Worker};

/// Told the name of a channel nobody of this worker listens to any more.
pub(crate) type OnVacant = Rc<dyn Fn(&str)>;

/// Encodings a session may have; see [`Out::encoding`](crate::Out::encoding).
pub(crate) const ENCODINGS: usize = 2;

#[derive(Default)]
pub(crate) struct Channels {
    numbers: HashMap<Rc<str>, u32>,
    channels: Vec<Channel>,
    free: Vec<u32>,
}

struct Channel {
    name: Rc<str>,
    members: Vec<Rc<Session>>,
}

impl Channels {
    fn add(&mut self, session: &Rc<Session>, name: &str) -> bool {
        let number = match self.numbers.get(name) {
            Some(&number) => number,
            None => self.open(name),
        };
        let mut subscriptions = session.subscriptions.borrow_mut();
        if subscriptions.iter().any(|&(channel, _)| channel == number) {
            return false;
        }
        let members = &mut self.channels[number as usize].members;
        subscriptions.push((number, members.len() as u32));
        members.push(session.clone());
        members.len() == 1
    }

    fn open(&mut self, name: &str) -> u32 {
        let name: Rc<str> = name.into();
        let channel = Channel { name: name.clone(), members: Vec::new() };
        let number = match self.free.pop() {
            Some(number) => {
                self.channels[number as usize] = channel;
                number
            }
            None => {
                self.channels.push(channel);
                self.channels.len() as u32 - 1
            }
        };
        self.numbers.insert(name, number);
        number
    }

    /// Removes the session from its `nth` subscription; true if that was the channel's last member.
    fn remove(&mut self, session: &Session, nth: usize) -> bool {
        let (number, position) = session.subscriptions.borrow_mut().swap_remove(nth);
        let channel = &mut self.channels[number as usize];
        channel.members.swap_remove(position as usize);
        if let Some(moved) = channel.members.get(position as usize) {
            let mut subscriptions = moved.subscriptions.borrow_mut();
            let entry = subscriptions.iter_mut().find(|(channel, _)| *channel == number);
            entry.expect("a member's own list names the channel").1 = position;
        }
        if !channel.members.is_empty() {
            return false;
        }
        self.numbers.remove(&channel.name);
        channel.members = Vec::new();
        self.free.push(number);
        true
    }

    fn members(&self, name: &str) -> &[Rc<Session>] {
        self.numbers.get(name).map_or(&[], |&number| &self.channels[number as usize].members)
    }
}

impl Worker {
    /// Adds the session to a channel. True if it is the channel's first listener on this worker; false also
    /// if it listens already or is gone.
    pub fn subscribe(&self, slot: Slot, channel: &str) -> bool {
        match self.find(slot) {
            Some(session) if session.phase.get() == Phase::Open => {
                self.0.channels.borrow_mut().add(&session, channel)
            }
            Some(_) | None => false,
        }
    }

    /// Removes the session from a channel. True if it was the channel's last listener on this worker.
    pub fn unsubscribe(&self, slot: Slot, channel: &str) -> bool {
        let Some(session) = self.find(slot) else { return false };
        let mut channels = self.0.channels.borrow_mut();
        let Some(&number) = channels.numbers.get(channel) else { return false };
        let nth = session.subscriptions.borrow().iter().position(|&(subscribed, _)| subscribed == number);
        nth.is_some_and(|nth| channels.remove(&session, nth))
    }

    /// Listeners of a channel on this worker.
    pub fn subscribers(&self, channel: &str) -> usize {
        self.0.channels.borrow().members(channel).len()
    }

    /// Calls `f` with each channel that has a listener here.
    pub fn for_each_channel(&self, mut f: impl FnMut(&str, usize)) {
        let channels = self.0.channels.borrow();
        let open: Vec<_> = channels
            .numbers
            .iter()
            .map(|(name, &n)| (name.clone(), channels.channels[n as usize].members.len()))
            .collect();
        drop(channels);
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
            let name = channels.channels[number as usize].name.clone();
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
