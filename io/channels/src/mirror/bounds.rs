//! The bounds of the mirror: number of channels and bytes of histories, and what is removed when one is reached.

use protocol::Channel;

use super::{
    Mirror,
    entry::{ChannelState, Line},
    quota::{Quotas, is_given},
};

/// Shortest time between two searches of all histories for publications that are too old. Milliseconds. A publication
/// trims the history of its own channel; the others are searched only when there is no room.
const SWEEP_EVERY_MS: u64 = 1_000;

impl Mirror {
    /// Drops the histories of idle channels that have reached their age.
    pub(crate) fn forget_due(&mut self, now_ms: u64) {
        for given in [false, true] {
            let pop = |mirror: &mut Self| {
                let Quotas { given: ours, chosen } = &mut mirror.quotas;
                let quota = if given { ours } else { chosen };
                quota.idle.pop_due(now_ms, &mut mirror.channels)
            };
            while let Some(channel) = pop(self) {
                self.rest(&channel);
            }
        }
    }

    /// Drops the history of an idle channel that was taken off its list. Its position is kept when it proves something;
    /// otherwise the channel is removed, such as one numbered by the log, which knows the position itself.
    fn rest(&mut self, channel: &Channel) {
        match self.channels.get_mut(channel) {
            Some(entry) if entry.keeps_its_place() => {
                self.bytes -= entry.ring.clear();
                entry.quiet = true;
                self.quotas.of(channel).file(channel, entry);
            }
            _ => self.forget(channel),
        }
    }

    /// Makes room for one more channel. `false` when every channel of its kind has a subscriber; a channel of a table
    /// or a player gets room in any case: their number is that of the configured tables and connected players.
    pub(super) fn make_room(&mut self, channel: &Channel) -> bool {
        loop {
            let quota = self.quotas.of(channel);
            if quota.count < self.options.channels_max {
                return true;
            }
            let Some(idle) = quota.pop(&mut self.channels) else { return is_given(channel) };
            self.forget(&idle);
        }
    }

    /// Adds a new channel, after room was made.
    pub(super) fn take_in(&mut self, channel: &Channel, entry: ChannelState) {
        self.quotas.of(channel).count += 1;
        let before = self.channels.insert(channel.clone(), entry);
        debug_assert!(before.is_none(), "a channel is held once");
    }

    /// Reduces the histories to their common bound, after `channel` has grown.
    pub(super) fn shrink(&mut self, channel: &Channel, now_ms: u64) {
        if self.bytes > self.options.history_bytes_max
            && now_ms >= self.swept_ms.saturating_add(SWEEP_EVERY_MS)
        {
            self.swept_ms = now_ms;
            self.bytes -= self.channels.values_mut().map(|entry| entry.trim(now_ms)).sum::<usize>();
        }
        while self.bytes > self.options.history_bytes_max {
            let Quotas { given, chosen } = &mut self.quotas;
            let idle = chosen.idle.pop_first(&mut self.channels);
            if let Some(idle) = idle.or_else(|| given.idle.pop_first(&mut self.channels)) {
                self.rest(&idle);
                continue;
            }
            // The others were within the bound before this one grew, so it has publications to drop.
            let Some(entry) = self.channels.get_mut(channel) else { return };
            let freed = entry.ring.forget_oldest();
            debug_assert!(freed > 0, "the histories' bytes are counted wrong");
            if freed == 0 {
                return;
            }
            self.bytes -= freed;
        }
    }

    pub(super) fn forget(&mut self, channel: &Channel) {
        let Some(mut entry) = self.channels.remove(channel) else { return };
        self.quotas.left(channel, &mut entry);
        self.bytes -= entry.ring.bytes();
        if let Some(link) = &mut self.link
            && link.up
            && entry.line != Line::Off
            && !entry.local
        {
            link.to_unsubscribe.push(channel.clone());
        }
    }
}
