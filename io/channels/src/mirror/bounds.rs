//! What is removed when a bound is reached: of the number of channels, or of the bytes of histories.

use protocol::Channel;

use super::{
    Mirror,
    entry::{ChannelState, Line},
    room::{Rooms, is_given},
};

/// Shortest time between two searches of all histories for what has aged out. Milliseconds. A channel's own is trimmed
/// with each publication on it; the others are looked at only when there is no room, and not with each publication.
const SWEEP_EVERY_MS: u64 = 1_000;

impl Mirror {
    /// Lets idle channels rest whose time is over.
    pub(crate) fn forget_due(&mut self, now_ms: u64) {
        for given in [false, true] {
            let pop = |mirror: &mut Self| {
                let Rooms { given: ours, chosen } = &mut mirror.rooms;
                let room = if given { ours } else { chosen };
                room.idle.pop_due(now_ms, &mut mirror.channels)
            };
            while let Some(channel) = pop(self) {
                self.rest(&channel);
            }
        }
    }

    /// Drops the history of an idle channel that was taken out of its file. Its position is kept where it proves
    /// something; otherwise the channel is forgotten, as one of the log's, whose position the log keeps.
    fn rest(&mut self, channel: &Channel) {
        match self.channels.get_mut(channel) {
            Some(entry) if entry.keeps_its_place() => {
                self.bytes -= entry.ring.clear();
                entry.quiet = true;
                self.rooms.of(channel).file(channel, entry);
            }
            _ => self.forget(channel),
        }
    }

    /// Makes room for one more channel. `false` when every channel of its kind has a subscriber; a table or a
    /// player is taken in nevertheless: there are only as many as are configured and connected.
    pub(super) fn make_room(&mut self, channel: &Channel) -> bool {
        loop {
            let room = self.rooms.of(channel);
            if room.count < self.options.channels_max {
                return true;
            }
            let Some(idle) = room.pop(&mut self.channels) else { return is_given(channel) };
            self.forget(&idle);
        }
    }

    /// Holds a new channel, after room was made.
    pub(super) fn take_in(&mut self, channel: &Channel, entry: ChannelState) {
        self.rooms.of(channel).count += 1;
        let before = self.channels.insert(channel.clone(), entry);
        debug_assert!(before.is_none(), "a channel is held once");
    }

    /// Brings the histories back under their common bound, after `channel` has grown.
    pub(super) fn shrink(&mut self, channel: &Channel, now_ms: u64) {
        if self.bytes > self.options.history_bytes_max
            && now_ms >= self.swept_ms.saturating_add(SWEEP_EVERY_MS)
        {
            self.swept_ms = now_ms;
            self.bytes -= self.channels.values_mut().map(|entry| entry.trim(now_ms)).sum::<usize>();
        }
        while self.bytes > self.options.history_bytes_max {
            let Rooms { given, chosen } = &mut self.rooms;
            let idle = chosen.idle.pop_first(&mut self.channels);
            if let Some(idle) = idle.or_else(|| given.idle.pop_first(&mut self.channels)) {
                self.rest(&idle);
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

    pub(super) fn forget(&mut self, channel: &Channel) {
        let Some(mut entry) = self.channels.remove(channel) else { return };
        self.rooms.left(channel, &mut entry);
        self.bytes -= entry.ring.bytes();
        if let Some(link) = &mut self.link
            && link.up
            && entry.line != Line::Off
            && !entry.local
        {
            link.unwanted.push(channel.clone());
        }
    }
}
