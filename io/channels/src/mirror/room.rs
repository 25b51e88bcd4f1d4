//! The channels that are held, counted, and those without a subscriber in the order in which they are removed.

use std::collections::HashMap;

use protocol::Channel;

use super::{entry::ChannelState, idle::Idle};
use crate::options::GIVEN_NAMESPACES;

/// Channels held, and those of them without a subscriber, counted apart: names that players and services think up must
/// never take the room of those without which nobody can play.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    /// Of [`GIVEN_NAMESPACES`].
    pub(super) given: Room,
    /// Of all others.
    pub(super) chosen: Room,
}

#[derive(Debug, Default)]
pub(super) struct Room {
    /// Channels held.
    pub(super) count: usize,
    /// Without a subscriber, with a history.
    pub(super) idle: Idle,
    /// Without a subscriber and a history: the first to give way.
    quiet: Idle,
}

impl Room {
    /// Files a channel that has no subscriber.
    pub(super) fn file(&mut self, channel: &Channel, entry: &mut ChannelState) {
        let filed = if entry.quiet { &mut self.quiet } else { &mut self.idle };
        filed.insert(channel, entry);
    }

    /// Takes a channel out of its file, if it is in one.
    pub(super) fn take(&mut self, entry: &mut ChannelState) {
        let filed = if std::mem::take(&mut entry.quiet) { &mut self.quiet } else { &mut self.idle };
        filed.remove(&mut entry.idle);
    }

    /// Takes out the channel that may be forgotten first.
    pub(super) fn pop(&mut self, entries: &mut HashMap<Channel, ChannelState>) -> Option<Channel> {
        match self.quiet.pop_first(entries) {
            None => self.idle.pop_first(entries),
            quiet => quiet,
        }
    }
}

/// Whether a channel is of the namespaces that have a room of their own.
pub(super) fn is_given(channel: &Channel) -> bool {
    GIVEN_NAMESPACES.contains(&channel.namespace())
}

impl Rooms {
    pub(super) fn of(&mut self, channel: &Channel) -> &mut Room {
        if is_given(channel) { &mut self.given } else { &mut self.chosen }
    }

    /// Counts a channel out that is no longer held.
    pub(super) fn left(&mut self, channel: &Channel, entry: &mut ChannelState) {
        let room = self.of(channel);
        room.take(entry);
        room.count -= 1;
    }

    /// Channels of which only the position is kept.
    pub(super) fn quiet(&self) -> usize {
        self.given.quiet.len() + self.chosen.quiet.len()
    }
}
