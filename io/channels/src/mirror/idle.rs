//! A list of channels without a subscriber, ordered by the time at which their histories are too old.
//!
//! A publication on an idle channel moves its time. The list is not updated each time: a channel that is found too
//! early is inserted again at its right time. So a publication costs nothing here.

use std::collections::{BTreeMap, HashMap};

use protocol::Channel;

use super::entry::{ChannelState, IdleKey};

#[derive(Debug, Default)]
pub(crate) struct Idle {
    by_time: BTreeMap<IdleKey, Channel>,
    filed: u64,
}

impl Idle {
    /// Adds a channel, unless it is in the list.
    pub(crate) fn insert(&mut self, channel: &Channel, entry: &mut ChannelState) {
        if entry.idle.is_none() {
            self.filed += 1;
            let key = (entry.due_ms(), self.filed);
            entry.idle = Some(key);
            self.by_time.insert(key, channel.clone());
        }
    }

    /// Removes a channel, if it is in the list.
    pub(crate) fn remove(&mut self, key: &mut Option<IdleKey>) {
        if let Some(key) = key.take() {
            self.by_time.remove(&key);
        }
    }

    /// Number of channels in the list.
    pub(crate) fn len(&self) -> usize {
        self.by_time.len()
    }

    /// Removes the channel with the earliest time, if that time has passed.
    pub(crate) fn pop_due(
        &mut self,
        now_ms: u64,
        entries: &mut HashMap<Channel, ChannelState>,
    ) -> Option<Channel> {
        while self.by_time.first_key_value().is_some_and(|((due_ms, _), _)| *due_ms <= now_ms) {
            if let Some(channel) = self.pop_first_if_true(entries) {
                return Some(channel);
            }
        }
        None
    }

    /// Removes the channel with the earliest time.
    pub(crate) fn pop_first(&mut self, entries: &mut HashMap<Channel, ChannelState>) -> Option<Channel> {
        while !self.by_time.is_empty() {
            if let Some(channel) = self.pop_first_if_true(entries) {
                return Some(channel);
            }
        }
        None
    }

    /// Removes the first channel if its time in the list is right; otherwise inserts it again.
    fn pop_first_if_true(&mut self, entries: &mut HashMap<Channel, ChannelState>) -> Option<Channel> {
        let ((filed_ms, _), channel) = self.by_time.pop_first()?;
        let entry = entries.get_mut(&channel).expect("a channel that is filed is held");
        entry.idle = None;
        if entry.due_ms() > filed_ms {
            self.insert(&channel, entry);
            return None;
        }
        Some(channel)
    }
}
