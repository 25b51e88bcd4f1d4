//! The number of channels held, and the lists of those without a subscriber in the order of their removal.

use std::collections::HashMap;

use protocol::Channel;

use super::{entry::ChannelState, idle::Idle};
use crate::options::GIVEN_NAMESPACES;

/// The quotas for two kinds of channels, counted apart, so that channels with names chosen by players or services never
/// use up the one of channels that are needed to play.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    /// For channels of [`GIVEN_NAMESPACES`].
    pub(super) given: Quota,
    /// For all other channels.
    pub(super) chosen: Quota,
}

/// The channels that count against one bound, `channels_max` of the options.
#[derive(Debug, Default)]
pub(super) struct Quota {
    /// Number of channels held.
    pub(super) count: usize,
    /// Channels without a subscriber, with a history.
    pub(super) idle: Idle,
    /// Channels without a subscriber and without a history: the first to be removed.
    quiet: Idle,
}

impl Quota {
    /// Adds a channel without a subscriber to its list.
    pub(super) fn file(&mut self, channel: &Channel, entry: &mut ChannelState) {
        let filed = if entry.quiet { &mut self.quiet } else { &mut self.idle };
        filed.insert(channel, entry);
    }

    /// Removes a channel from its list, if it is in one.
    pub(super) fn take(&mut self, entry: &mut ChannelState) {
        let filed = if std::mem::take(&mut entry.quiet) { &mut self.quiet } else { &mut self.idle };
        filed.remove(&mut entry.idle);
    }

    /// Removes from the lists the channel that is to be removed first.
    pub(super) fn pop(&mut self, entries: &mut HashMap<Channel, ChannelState>) -> Option<Channel> {
        match self.quiet.pop_first(entries) {
            None => self.idle.pop_first(entries),
            quiet => quiet,
        }
    }
}

/// Whether a channel belongs to [`GIVEN_NAMESPACES`].
pub(super) fn is_given(channel: &Channel) -> bool {
    GIVEN_NAMESPACES.contains(&channel.namespace())
}

impl Quotas {
    pub(super) fn of(&mut self, channel: &Channel) -> &mut Quota {
        if is_given(channel) { &mut self.given } else { &mut self.chosen }
    }

    /// Updates the count and the lists for a channel that is no longer held.
    pub(super) fn left(&mut self, channel: &Channel, entry: &mut ChannelState) {
        let quota = self.of(channel);
        quota.take(entry);
        quota.count -= 1;
    }

    /// Number of channels of which only the position is kept.
    pub(super) fn quiet(&self) -> usize {
        self.given.quiet.len() + self.chosen.quiet.len()
    }
}
