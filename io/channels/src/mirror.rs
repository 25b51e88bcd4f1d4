//! The channels this process holds: numbers what comes in, remembers it, and says what subscribers must hear.
//!
//! Both backplanes are shells around it. It is plain data and is told the time. What must be delivered goes
//! to the [`Outbox`], which its owner drains when the mirror is no longer borrowed.
//!
//! A channel is *idle* while it has no subscriber here. Idle channels are remembered for their history age
//! and are the first to be forgotten when a bound is reached.
//!
//! A channel is *owned* when the log that numbers it lives in this process. What this process says of it is all
//! there is: it goes into the mirror at once, whatever the link does, and what the link brings of it is an echo.

mod entry;
mod idle;
mod link;
mod room;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, rc::Rc};

use protocol::{Channel, Payload};
use tokio::sync::oneshot;

use self::{
    entry::{Entry, Line, Numbered},
    link::LinkState,
    room::Rooms,
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
    rooms: Rooms,
    /// Payload bytes of all rings.
    bytes: usize,
    /// `None`: publications come from this process alone, channels are always on line.
    link: Option<LinkState>,
}

impl Mirror {
    /// A mirror of this process's own publications.
    pub(crate) fn local(options: Rc<Options>, telemetry: Rc<Telemetry>) -> Self {
        Self {
            options,
            telemetry,
            epochs: Epochs::new(),
            channels: HashMap::new(),
            rooms: Rooms::default(),
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
        if !self.channels.contains_key(channel) {
            if !self.make_room(channel) {
                return Err(SubscribeError::TooManyChannels { max: self.options.channels_max });
            }
            let options = self.options.namespace(channel.namespace());
            let fresh = Entry::new(options, self.epochs.next(), now_ms);
            self.hold(channel, fresh);
        }
        let entry = self.channels.get_mut(channel).expect("a channel that is held");
        entry.subscribed = true;
        self.rooms.of(channel).idle.remove(&mut entry.idle);
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
        if entry.owned || entry.line == Line::Live || !link.up {
            return Ok(Subscribed::Now);
        }
        Ok(Subscribed::When(entry.wait()))
    }

    pub(crate) fn unsubscribe(&mut self, channel: &Channel, now_ms: u64) {
        if let Some(entry) = self.channels.get_mut(channel)
            && std::mem::replace(&mut entry.subscribed, false)
        {
            entry.touched_ms = now_ms;
            self.rooms.of(channel).idle.insert(channel, entry);
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
        if !self.channels.contains_key(&channel) && keeps && self.make_room(&channel) {
            let options = self.options.namespace(channel.namespace());
            let mut entry = Entry::new(options, self.epochs.next(), now_ms);
            entry.line = Line::Live;
            self.rooms.of(&channel).idle.insert(&channel, &mut entry);
            self.hold(&channel, entry);
        }
        self.accept(&channel, payload, at, now_ms, outbox)
    }

    /// Takes in what this process says of its own log's channels, before it travels: nothing that happens to the
    /// link can make it late or lose it. Makes no channel: of one that nobody follows no history is kept.
    /// Anything else is left, to be numbered when it is heard.
    pub(crate) fn own(&mut self, outgoing: &Outgoing, now_ms: u64, outbox: &Outbox) {
        let Outgoing { channel, payload, at } = outgoing;
        let Some(entry) = self.channels.get_mut(channel) else { return };
        match at {
            At::Log(_) => entry.own(),
            At::Ephemeral if entry.owned => {}
            At::Next | At::Ephemeral => return,
        }
        let taken = self.accept(channel, payload.clone(), *at, now_ms, outbox);
        debug_assert!(taken.is_ok(), "only a publication that asks for a number can be refused");
    }

    /// Takes in what the server sends. What comes for a channel that is not on line is left: it lies before
    /// the server's confirmation or behind the last subscriber.
    pub(crate) fn hear(&mut self, channel: &Channel, payload: Payload, at: At, now_ms: u64, outbox: &Outbox) {
        let Some(entry) = self.channels.get(channel).filter(|entry| entry.line == Line::Live) else { return };
        if entry.owned {
            match at {
                At::Log(position) if position.epoch != entry.top.epoch => {
                    return self.telemetry.foreign_log(channel, &position.epoch);
                }
                // An echo, or another hub's of that name: either way not for this hub's players.
                At::Ephemeral => return,
                At::Log(position) if entry.has(position) => return,
                At::Log(_) | At::Next => {}
            }
        }
        if self.accept(channel, payload, at, now_ms, outbox) == Err(PublishError::LogChannel) {
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
            entry.own();
            if !entry.has(top) {
                self.bytes -= entry.follow_log(top);
                reset(channel, entry, outbox, &self.telemetry);
            }
        } else if self.make_room(channel) {
            let mut entry = Entry::new(self.options.namespace(channel.namespace()), top.epoch, now_ms);
            entry.follow_log(top);
            entry.line = if self.link.is_some() { Line::Off } else { Line::Live };
            (entry.fresh, entry.owned) = (false, true);
            self.rooms.of(channel).idle.insert(channel, &mut entry);
            self.hold(channel, entry);
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters {
            channels: self.channels.len() as u64,
            history_bytes: self.bytes as u64,
            ..self.telemetry.counters()
        }
    }
}

fn reset(channel: &Channel, entry: &Entry, outbox: &Outbox, telemetry: &Telemetry) {
    if entry.subscribed {
        telemetry.reset();
        outbox.push(Delivery::Reset { channel: channel.clone(), top: entry.top });
    }
}
