//! Channels without a subscriber, by the time at which their histories have aged out.
//!
//! A publication on an idle channel puts its time off. That is not written here each time: a channel that
//! comes up too early is put back at its true time, so a publication costs nothing here.

use std::collections::{BTreeMap, HashMap};

use protocol::Channel;

use super::entry::{ChannelState, IdleKey};

#[derive(Debug, Default)]
pub(crate) struct Idle {
    by_time: BTreeMap<IdleKey, Channel>,
    filed: u64,
}

impl Idle {
    /// Files a channel, unless it is filed.
    pub(crate) fn insert(&mut self, channel: &Channel, entry: &mut ChannelState) {
        if entry.idle.is_none() {
            self.filed += 1;
            let key = (entry.due_ms(), self.filed);
            entry.idle = Some(key);
            self.by_time.insert(key, channel.clone());
        }
    }

    /// Takes a channel out, if it is filed.
    pub(crate) fn remove(&mut self, key: &mut Option<IdleKey>) {
        if let Some(key) = key.take() {
            self.by_time.remove(&key);
        }
    }

    /// How many are filed.
    pub(crate) fn len(&self) -> usize {
        self.by_time.len()
    }

    /// Takes out the channel whose time comes first, if it is over.
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

    /// Takes out the channel whose time comes first.
    pub(crate) fn pop_first(&mut self, entries: &mut HashMap<Channel, ChannelState>) -> Option<Channel> {
        while !self.by_time.is_empty() {
            if let Some(channel) = self.pop_first_if_true(entries) {
                return Some(channel);
            }
        }
        None
    }

    /// Takes out the first if it is filed under its true time; otherwise files it anew.
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
