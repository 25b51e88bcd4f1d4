//! The channels this process holds: numbers what comes in, remembers it, and says what subscribers must hear.
//!
//! Both backplanes are shells around it. It is plain data and is told the time. What must be delivered goes
//! to the [`Outbox`], which its owner drains when the mirror is no longer borrowed.
//!
//! A channel is *idle* while it has no subscriber here. Idle channels are remembered for their history age
//! and are the first to be forgotten when a bound is reached.

mod entry;
mod idle;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, rc::Rc};

use protocol::{Channel, Payload};
use tokio::sync::oneshot;

use self::{
    entry::{Entry, Line, Numbered},
    idle::Idle,
};
use crate::{
    At, Counters, Delivery, Options, Outgoing, Position, Publication, PublishError, Recovery, SubscribeError,
    outbox::Outbox, position::Epochs, telemetry::Telemetry,
};

/// What to wait for before a subscription may be confirmed to the caller.
pub(crate) enum Subscribed {
    /// Nothing: the top may be told now.
    Now,
    /// The server's confirmation, or the loss of the link. The sender is dropped with the channel.
    When(oneshot::Receiver<()>),
}

pub(crate) struct Mirror {
    options: Rc<Options>,
    telemetry: Rc<Telemetry>,
    epochs: Epochs,
    channels: HashMap<Channel, Entry>,
    idle: Idle,
    /// Payload bytes of all rings.
    bytes: usize,
    /// `None`: publications come from this process alone, channels are always on line.
    link: Option<LinkState>,
}

/// What the mirror knows and wants of the link to the server.
#[derive(Default)]
struct LinkState {
    up: bool,
    /// Channels to ask the server for.
    wanted: Vec<Channel>,
    /// Channels to tell the server about that nobody needs any more.
    unwanted: Vec<Channel>,
}

impl Mirror {
    /// A mirror of this process's own publications.
    pub(crate) fn local(options: Rc<Options>, telemetry: Rc<Telemetry>) -> Self {
        Self {
            options,
            telemetry,
            epochs: Epochs::new(),
            channels: HashMap::new(),
            idle: Idle::default(),
            bytes: 0,
            link: None,
        }
    }

    /// A mirror of what a server sends over a link, which is down at first.
    pub(crate) fn linked(options: Rc<Options>, telemetry: Rc<Telemetry>) -> Self {
        Self { link: Some(LinkState::default()), ..Self::local(options, telemetry) }
    }

    /// A name no other backplane has.
    pub(crate) fn name(&self) -> &str {
        self.epochs.seed()
    }

    pub(crate) fn subscribe(&mut self, channel: &Channel, now_ms: u64) -> Result<Subscribed, SubscribeError> {
        self.forget_due(now_ms);
        if !self.channels.contains_key(channel) && !self.make_room() {
            return Err(SubscribeError::TooManyChannels { max: self.options.channels_max });
        }
        let fresh = || Entry::new(self.options.namespace(channel.namespace()), self.epochs.next(), now_ms);
        let entry = self.channels.entry(channel.clone()).or_insert_with(fresh);
        entry.subscribed = true;
        self.idle.remove(&mut entry.idle);
        let Some(link) = &mut self.link else {
            entry.line = Line::Live;
            return Ok(Subscribed::Now);
        };
        if entry.line == Line::Off {
            entry.line = Line::Waiting;
            // Without a link it is asked for with all others when there is one.
            if link.up {
                link.wanted.push(channel.clone());
            }
        }
        if !link.up {
            // Answered without the server's word: its word, when it comes, must break continuity.
            entry.fresh = false;
        }
        if entry.line == Line::Live || !link.up {
            return Ok(Subscribed::Now);
        }
        let (waiter, confirmed) = oneshot::channel();
        entry.waiters.push(waiter);
        Ok(Subscribed::When(confirmed))
    }

    pub(crate) fn unsubscribe(&mut self, channel: &Channel, now_ms: u64) {
        if let Some(entry) = self.channels.get_mut(channel)
            && std::mem::replace(&mut entry.subscribed, false)
        {
            entry.touched_ms = now_ms;
            self.idle.insert(channel, entry);
        }
        self.forget_due(now_ms);
    }

    /// Takes in what this process publishes. Makes the channel when a history is to be kept of it.
    pub(crate) fn publish(
        &mut self,
        Outgoing { channel, payload, at }: Outgoing,
        now_ms: u64,
        outbox: &Outbox,
    ) -> Result<Option<Position>, PublishError> {
        self.forget_due(now_ms);
        let keeps = at != At::Ephemeral && self.options.namespace(channel.namespace()).history_size > 0;
        if !self.channels.contains_key(&channel) && keeps && self.make_room() {
            let options = self.options.namespace(channel.namespace());
            let mut entry = Entry::new(options, self.epochs.next(), now_ms);
            entry.line = Line::Live;
            self.idle.insert(&channel, &mut entry);
            self.channels.insert(channel.clone(), entry);
        }
        self.accept(&channel, payload, at, now_ms, outbox)
    }

    /// Takes in what the server sends. What comes for a channel that is not on line is left: it lies before
    /// the server's confirmation or behind the last subscriber.
    pub(crate) fn hear(&mut self, channel: &Channel, payload: Payload, at: At, now_ms: u64, outbox: &Outbox) {
        if self.channels.get(channel).is_some_and(|entry| entry.line == Line::Live)
            && self.accept(channel, payload, at, now_ms, outbox) == Err(PublishError::LogChannel)
        {
            self.telemetry.misnumbered(channel);
        }
    }

    /// Whether a publication would be refused here and now, so that it need not travel.
    pub(crate) fn check(&self, outgoing: &Outgoing) -> Result<(), PublishError> {
        let (bytes, max) = (outgoing.payload.bytes().len(), self.options.payload_bytes_max);
        if bytes > max {
            return Err(PublishError::TooLarge { bytes, max });
        }
        match outgoing.at {
            At::Log(Position { offset: 0, .. }) => Err(PublishError::OffsetZero),
            At::Next if self.numbered(&outgoing.channel) == Some(Numbered::ByLog) => {
                Err(PublishError::LogChannel)
            }
            At::Log(_) | At::Next | At::Ephemeral => Ok(()),
        }
    }

    fn numbered(&self, channel: &Channel) -> Option<Numbered> {
        self.channels.get(channel).map(|entry| entry.numbered)
    }

    fn accept(
        &mut self,
        channel: &Channel,
        payload: Payload,
        at: At,
        now_ms: u64,
        outbox: &Outbox,
    ) -> Result<Option<Position>, PublishError> {
        let Some(entry) = self.channels.get_mut(channel) else {
            return Ok(match at {
                At::Log(position) => Some(position),
                At::Next | At::Ephemeral => None,
            });
        };
        let position = match at {
            At::Ephemeral => None,
            At::Next if entry.numbered == Numbered::ByLog => return Err(PublishError::LogChannel),
            At::Next => Some(Position { offset: entry.top.offset + 1, ..entry.top }),
            At::Log(position) if entry.has(position) => {
                self.telemetry.resent();
                return Ok(Some(position));
            }
            At::Log(position) => {
                let before = Position { offset: position.offset - 1, ..position };
                if entry.numbered == Numbered::ByLog && entry.top.epoch == position.epoch {
                    if entry.top != before {
                        self.telemetry.gap();
                        self.bytes -= entry.ring.clear();
                    }
                } else {
                    self.bytes -= entry.follow_log(before);
                    reset(channel, entry, outbox, &self.telemetry);
                }
                Some(position)
            }
        };
        entry.touched_ms = now_ms;
        if let Some(position) = position {
            entry.top = position;
            self.bytes += payload.bytes().len();
            entry.ring.push(payload.clone(), now_ms);
            self.bytes -= entry.trim(now_ms);
        }
        if entry.subscribed {
            self.telemetry.delivered();
            let publication = Publication { channel: channel.clone(), position, payload };
            outbox.push(Delivery::Publication(publication));
        }
        self.shrink(channel);
        Ok(position)
    }

    pub(crate) fn recover(&mut self, channel: &Channel, since: &Position, now_ms: u64) -> Recovery {
        let Some(entry) = self.channels.get_mut(channel) else { return Recovery::Lost { top: None } };
        self.bytes -= entry.trim(now_ms);
        let top = entry.top;
        let missed = if since.epoch == top.epoch { top.offset.checked_sub(since.offset) } else { None };
        let kept = missed.and_then(|missed| entry.ring.newest(usize::try_from(missed).ok()?));
        let Some(kept) = kept else { return Recovery::Lost { top: Some(top) } };
        let publications = kept.zip(since.offset.saturating_add(1)..).map(|(payload, offset)| Publication {
            channel: channel.clone(),
            position: Some(Position { offset, ..top }),
            payload: payload.clone(),
        });
        Recovery::Recovered { publications: publications.collect(), top }
    }

    pub(crate) fn top(&self, channel: &Channel) -> Option<Position> {
        self.channels.get(channel).map(|entry| entry.top)
    }

    pub(crate) fn declare(&mut self, channel: &Channel, top: Position, now_ms: u64, outbox: &Outbox) {
        self.forget_due(now_ms);
        if let Some(entry) = self.channels.get_mut(channel) {
            if !entry.has(top) {
                self.bytes -= entry.follow_log(top);
                reset(channel, entry, outbox, &self.telemetry);
            }
        } else if self.make_room() {
            let mut entry = Entry::new(self.options.namespace(channel.namespace()), top.epoch, now_ms);
            entry.follow_log(top);
            entry.line = if self.link.is_some() { Line::Off } else { Line::Live };
            entry.fresh = false;
            self.idle.insert(channel, &mut entry);
            self.channels.insert(channel.clone(), entry);
        }
    }

    /// The link is there; its channels must be asked for again.
    pub(crate) fn link_up(&mut self) {
        let Some(link) = &mut self.link else { return };
        link.up = true;
        link.unwanted.clear();
        let waiting = self.channels.iter().filter(|(_, entry)| entry.line == Line::Waiting);
        link.wanted = waiting.map(|(channel, _)| channel.clone()).collect();
    }

    /// The link is gone. Whoever asks meanwhile is told the truth about what can still be proved.
    pub(crate) fn link_down(&mut self) {
        let Some(link) = &mut self.link else { return };
        link.up = false;
        self.channels.retain(|_, entry| {
            entry.waiters.clear(); // dropping a waiter's sender releases it: the answer is due now
            entry.fresh = false;
            entry.line = if entry.subscribed { Line::Waiting } else { Line::Off };
            if entry.numbered == Numbered::Here {
                self.bytes -= entry.renumber(self.epochs.next());
            }
            // Without subscriber and history there is nothing left to remember.
            let remembered = entry.subscribed || entry.numbered == Numbered::ByLog;
            if !remembered {
                self.idle.remove(&mut entry.idle);
            }
            remembered
        });
    }

    /// The server has confirmed the subscription of a channel.
    pub(crate) fn confirmed(&mut self, channel: &Channel, outbox: &Outbox) {
        let Some(entry) = self.channels.get_mut(channel) else { return };
        if entry.line != Line::Waiting {
            return;
        }
        entry.line = Line::Live;
        if !std::mem::replace(&mut entry.fresh, false) {
            match entry.numbered {
                Numbered::Here => {
                    self.bytes -= entry.renumber(self.epochs.next());
                    reset(channel, entry, outbox, &self.telemetry);
                }
                Numbered::ByLog if entry.subscribed => {
                    self.telemetry.reset();
                    outbox.push(Delivery::Doubt { channel: channel.clone(), top: entry.top });
                }
                Numbered::ByLog => {}
            }
        }
        for waiter in entry.waiters.drain(..) {
            let _ = waiter.send(()); // whoever asked may have gone
        }
    }

    /// The server has ended the subscription of a channel. If the channel is on line, something is missed.
    pub(crate) fn ended(&mut self, channel: &Channel) {
        let (Some(entry), Some(link)) = (self.channels.get_mut(channel), &mut self.link) else { return };
        if entry.line == Line::Live {
            entry.line = Line::Waiting;
            if entry.numbered == Numbered::Here {
                self.bytes -= entry.renumber(self.epochs.next());
            }
            link.wanted.push(channel.clone());
        }
    }

    /// The next channels to take off the server, then those to ask it for, at most `max` of either.
    pub(crate) fn take_wishes(&mut self, max: usize) -> (Vec<Channel>, Vec<Channel>) {
        let Some(link) = &mut self.link else { return (Vec::new(), Vec::new()) };
        let unwanted = link.unwanted.split_off(link.unwanted.len().saturating_sub(max));
        // First off, then on: a channel in both was forgotten and is needed again.
        if !unwanted.is_empty() {
            return (unwanted, Vec::new());
        }
        let mut wanted = link.wanted.split_off(link.wanted.len().saturating_sub(max));
        wanted.retain(|channel| self.channels.get(channel).is_some_and(|entry| entry.line == Line::Waiting));
        (Vec::new(), wanted)
    }

    /// Whether [`Mirror::take_wishes`] has something to give.
    pub(crate) fn has_wishes(&self) -> bool {
        self.link.as_ref().is_some_and(|link| !link.wanted.is_empty() || !link.unwanted.is_empty())
    }

    /// Forgets idle channels whose time is over.
    pub(crate) fn forget_due(&mut self, now_ms: u64) {
        while let Some(channel) = self.idle.pop_due(now_ms, &mut self.channels) {
            self.forget(&channel);
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters {
            channels: self.channels.len() as u64,
            history_bytes: self.bytes as u64,
            ..self.telemetry.counters()
        }
    }

    /// Makes room for one more channel. `false` when every channel has a subscriber.
    fn make_room(&mut self) -> bool {
        while self.channels.len() >= self.options.channels_max {
            let Some(channel) = self.idle.pop_first(&mut self.channels) else { return false };
            self.forget(&channel);
        }
        true
    }

    /// Brings the histories back under their common bound, after `channel` has grown.
    fn shrink(&mut self, channel: &Channel) {
        while self.bytes > self.options.history_bytes_max {
            if let Some(idle) = self.idle.pop_first(&mut self.channels) {
                self.forget(&idle);
                continue;
            }
            // All others fitted before this one grew, so this one has something to give.
            let Some(entry) = self.channels.get_mut(channel) else { return };
            let freed = entry.ring.forget_oldest();
            debug_assert!(freed > 0, "the histories' bytes are counted wrong");
            if freed == 0 {
                return;
            }
            self.bytes -= freed;
        }
    }

    fn forget(&mut self, channel: &Channel) {
        let Some(entry) = self.channels.remove(channel) else { return };
        self.bytes -= entry.ring.bytes();
        if let Some(link) = &mut self.link
            && link.up
            && entry.line != Line::Off
        {
            link.unwanted.push(channel.clone());
        }
    }
}

fn reset(channel: &Channel, entry: &Entry, outbox: &Outbox, telemetry: &Telemetry) {
    if entry.subscribed {
        telemetry.reset();
        outbox.push(Delivery::Reset { channel: channel.clone(), top: entry.top });
    }
}
