//! The mirror: the channels that this process holds. It numbers publications, keeps histories, and decides what
//! subscribers get.
//!
//! Both backplanes are thin shells around it. It is plain data; the time is an input. Deliveries go to the [`Outbox`],
//! which its owner drains when the mirror is no longer borrowed.
//!
//! A channel is *idle* while it has no subscriber here. After its history age an idle channel becomes *quiet*: its
//! history is dropped, and its epoch and offset are kept, so that a client that missed nothing is told so. Over a link,
//! the server's subscription of a quiet channel stays until the first publication on it; then the channel is removed.
//! When a bound is reached, quiet channels are removed first, then idle ones.
//!
//! A channel is *local* when only this process publishes on it: every channel of a backplane in memory, and over Redis
//! those of the hub's own namespaces and of namespaces with `publish = "hub"`. A publication on it goes into the mirror
//! at once, whatever the state of the link. Only local channels can be numbered by the log (ADR-0013).

mod bounds;
mod entry;
mod idle;
mod link;
mod quota;
mod subscriptions;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, rc::Rc};

use protocol::{Channel, Payload};
use tokio::sync::oneshot;

use self::{
    entry::{ChannelState, Line, Numbered},
    quota::Quotas,
    subscriptions::LinkState,
};
use crate::{
    At, Counters, Delivery, OWNED_NAMESPACES, Options, Outgoing, Position, Publication, PublishError,
    Recovery, SubscribeError, outbox::Outbox, position::Epochs, telemetry::Telemetry,
};

/// A message of the server on a channel. It has no position, so that no position can be forged.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) payload: Payload,
    /// Not numbered and not kept.
    pub(crate) ephemeral: bool,
}

/// What to wait for before a subscription is confirmed to the caller.
pub(crate) enum Subscribed {
    /// Nothing: the top can be returned now.
    Now,
    /// The server's confirmation, or the loss of the link. The sender is dropped with the channel.
    When(oneshot::Receiver<()>),
}

pub(crate) struct Mirror {
    options: Rc<Options>,
    telemetry: Rc<Telemetry>,
    epochs: Epochs,
    channels: HashMap<Channel, ChannelState>,
    quotas: Quotas,
    /// Bytes of all histories, overhead included.
    bytes: usize,
    /// When all histories were last searched for publications that are too old. Milliseconds.
    swept_ms: u64,
    /// `None` for the backplane in memory: every channel is local.
    link: Option<LinkState>,
}

/// Whether a channel belongs to the hub's own namespaces, so that the log may number it.
pub(crate) fn is_owned(channel: &Channel) -> bool {
    OWNED_NAMESPACES.contains(&channel.namespace())
}

impl Mirror {
    /// A mirror for the backplane in memory.
    pub(crate) fn local(options: Rc<Options>, telemetry: Rc<Telemetry>) -> Self {
        Self {
            options,
            telemetry,
            epochs: Epochs::new(),
            channels: HashMap::new(),
            quotas: Quotas::default(),
            bytes: 0,
            swept_ms: 0,
            link: None,
        }
    }

    /// A mirror for a backplane with a link to a server. The link is down at first.
    pub(crate) fn linked(options: Rc<Options>, telemetry: Rc<Telemetry>) -> Self {
        Self { link: Some(LinkState::default()), ..Self::local(options, telemetry) }
    }

    /// A name that no other backplane has.
    pub(crate) fn name(&self) -> &str {
        self.epochs.seed()
    }

    pub(crate) fn subscribe(&mut self, channel: &Channel, now_ms: u64) -> Result<Subscribed, SubscribeError> {
        self.forget_due(now_ms);
        if !self.channels.contains_key(channel) {
            if !self.make_room(channel) {
                return Err(SubscribeError::TooManyChannels { max: self.options.channels_max });
            }
            let fresh = self.entry(channel, now_ms);
            self.take_in(channel, fresh);
        }
        let entry = self.channels.get_mut(channel).expect("a channel that is held");
        entry.subscribed = true;
        self.quotas.of(channel).take(entry);
        let Some(link) = self.link.as_mut().filter(|_| !entry.local) else { return Ok(Subscribed::Now) };
        if entry.line == Line::Off {
            entry.line = Line::Waiting;
            // Without a link it is subscribed, with all others, when the link is up.
            if link.up {
                link.to_subscribe.push(channel.clone());
            }
        }
        if !link.up {
            // Answered without the server's confirmation: the later confirmation must begin a new epoch.
            entry.fresh = false;
        }
        if entry.line == Line::Live || !link.up {
            return Ok(Subscribed::Now);
        }
        Ok(Subscribed::When(entry.wait()))
    }

    pub(crate) fn unsubscribe(&mut self, channel: &Channel, now_ms: u64) {
        if let Some(entry) = self.channels.get_mut(channel)
            && std::mem::replace(&mut entry.subscribed, false)
        {
            entry.touched_ms = now_ms;
            self.quotas.of(channel).file(channel, entry);
        }
        self.forget_due(now_ms);
    }

    /// Accepts a publication of this process on a local channel. Creates the channel when its history is to be kept.
    pub(crate) fn publish(
        &mut self,
        Outgoing { channel, payload, at }: Outgoing,
        now_ms: u64,
        outbox: &Outbox,
    ) -> Result<Option<Position>, PublishError> {
        self.forget_due(now_ms);
        let keeps = at != At::Ephemeral && self.options.namespace(channel.namespace()).history_size > 0;
        if !self.channels.contains_key(&channel) && keeps && self.make_room(&channel) {
            let mut entry = self.entry(&channel, now_ms);
            self.quotas.of(&channel).file(&channel, &mut entry);
            self.take_in(&channel, entry);
        }
        self.accept(&channel, payload, at, now_ms, outbox)
    }

    /// The state of a new channel.
    fn entry(&mut self, channel: &Channel, now_ms: u64) -> ChannelState {
        ChannelState::new(channel, &self.options, self.is_local(channel), self.epochs.next(), now_ms)
    }

    /// Whether only this process publishes on the channel.
    pub(crate) fn is_local(&self, channel: &Channel) -> bool {
        self.link.is_none() || self.options.is_local(channel.namespace())
    }

    /// Accepts a message of the server. It is ignored when the server's subscription is not confirmed (it came before
    /// the confirmation or after the end), and on a local channel (there is no subscription).
    pub(crate) fn hear(&mut self, channel: &Channel, heard: Heard, now_ms: u64, outbox: &Outbox) {
        if !self.channels.get(channel).is_some_and(|entry| entry.line == Line::Live && !entry.local) {
            return;
        }
        // No subscriber here needs the channel; removing it also ends the server's subscription.
        if self.channels.get(channel).is_some_and(|entry| entry.quiet) {
            return self.forget(channel);
        }
        let at = if heard.ephemeral { At::Ephemeral } else { At::Next };
        let taken = self.accept(channel, heard.payload, at, now_ms, outbox);
        debug_assert!(taken.is_ok(), "only the log's channels refuse a number, and they are local");
    }

    /// Checks whether a publication would be refused, before it is sent.
    pub(crate) fn check(&self, outgoing: &Outgoing) -> Result<(), PublishError> {
        let (bytes, max) = (outgoing.payload.bytes().len(), self.options.payload_bytes_max);
        if bytes > max {
            return Err(PublishError::TooLarge { bytes, max });
        }
        match outgoing.at {
            At::Log(_) if !is_owned(&outgoing.channel) => Err(PublishError::NotALogChannel),
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
        if entry.quiet {
            let quota = self.quotas.of(channel);
            quota.take(entry);
            quota.file(channel, entry);
        }
        if let Some(position) = position {
            entry.top = position;
            self.bytes += entry.ring.push(payload.clone(), now_ms);
            self.bytes -= entry.trim(now_ms);
        }
        if entry.subscribed {
            self.telemetry.delivered();
            let publication = Publication { channel: channel.clone(), position, payload };
            outbox.push(Delivery::Publication(publication));
        }
        self.shrink(channel, now_ms);
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
        debug_assert!(is_owned(channel), "{channel} is not the log's to number");
        self.forget_due(now_ms);
        if let Some(entry) = self.channels.get_mut(channel) {
            if !entry.has(top) {
                self.bytes -= entry.follow_log(top);
                reset(channel, entry, outbox, &self.telemetry);
            }
        } else if self.make_room(channel) {
            let mut entry = ChannelState::new(channel, &self.options, true, top.epoch, now_ms);
            entry.follow_log(top);
            self.quotas.of(channel).file(channel, &mut entry);
            self.take_in(channel, entry);
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters {
            channels: (self.channels.len() - self.quotas.quiet()) as u64,
            quiet: self.quotas.quiet() as u64,
            history_bytes: self.bytes as u64,
            ..self.telemetry.counters()
        }
    }
}

fn reset(channel: &Channel, entry: &ChannelState, outbox: &Outbox, telemetry: &Telemetry) {
    if entry.subscribed {
        telemetry.reset();
        outbox.push(Delivery::Reset { channel: channel.clone(), top: entry.top });
    }
}
