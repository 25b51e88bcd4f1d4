//! The channels of a worker, each with its members, the sessions that are subscribed to it.

use std::collections::HashMap;
use std::rc::Rc;

use crate::session::Session;

/// Called with the name of a channel that has no member on this worker any more.
pub(crate) type OnVacant = Rc<dyn Fn(&str)>;

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
    /// Adds the session to a channel; true if it is the channel's first member.
    pub(crate) fn add(&mut self, session: &Rc<Session>, name: &str) -> bool {
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

    /// Ends the session's `nth` subscription; true if it was the channel's last member.
    pub(crate) fn remove(&mut self, session: &Session, nth: usize) -> bool {
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

    pub(crate) fn members(&self, name: &str) -> &[Rc<Session>] {
        self.numbers.get(name).map_or(&[], |&number| &self.channels[number as usize].members)
    }

    /// The number of a channel that has members.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// The name of a channel that has members.
    pub(crate) fn name(&self, number: u32) -> Rc<str> {
        self.channels[number as usize].name.clone()
    }

    /// Every channel that has members, with their number.
    pub(crate) fn listed(&self) -> Vec<(Rc<str>, usize)> {
        let members = |number: u32| self.channels[number as usize].members.len();
        self.numbers.iter().map(|(name, &number)| (name.clone(), members(number))).collect()
    }
}
