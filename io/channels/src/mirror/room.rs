//! Bounds: how many channels are held, and how many bytes of histories; who gives way when they are reached.

use protocol::Channel;

use super::{
    Mirror,
    entry::{Entry, Line},
    idle::Idle,
};
use crate::options::GIVEN_NAMESPACES;

/// Channels held and those of them that are idle, counted apart: names that players and services think up must
/// never take the room of those without which nobody can play.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    /// Of [`GIVEN_NAMESPACES`].
    given: Room,
    /// Of all others.
    chosen: Room,
}

#[derive(Debug, Default)]
pub(super) struct Room {
    held: usize,
    pub(super) idle: Idle,
}

fn is_given(channel: &Channel) -> bool {
    GIVEN_NAMESPACES.contains(&channel.namespace())
}

impl Rooms {
    pub(super) fn of(&mut self, channel: &Channel) -> &mut Room {
        if is_given(channel) { &mut self.given } else { &mut self.chosen }
    }

    /// Counts a channel out that is no longer held.
    pub(super) fn left(&mut self, channel: &Channel, entry: &mut Entry) {
        let room = self.of(channel);
        room.idle.remove(&mut entry.idle);
        room.held -= 1;
    }
}

impl Mirror {
    /// Forgets idle channels whose time is over.
    pub(crate) fn forget_due(&mut self, now_ms: u64) {
        for given in [false, true] {
            let pop = |mirror: &mut Self| {
                let Rooms { given: ours, chosen } = &mut mirror.rooms;
                let room = if given { ours } else { chosen };
                room.idle.pop_due(now_ms, &mut mirror.channels)
            };
            while let Some(channel) = pop(self) {
                self.forget(&channel);
            }
        }
    }

    /// Makes room for one more channel. `false` when every channel of its kind has a subscriber; a table or a
    /// player is taken in nevertheless: there are only as many as are configured and connected.
    pub(super) fn make_room(&mut self, channel: &Channel) -> bool {
        loop {
            let room = self.rooms.of(channel);
            if room.held < self.options.channels_max {
                return true;
            }
            let Some(idle) = room.idle.pop_first(&mut self.channels) else { return is_given(channel) };
            self.forget(&idle);
        }
    }

    /// Holds a new channel, after room was made.
    pub(super) fn hold(&mut self, channel: &Channel, entry: Entry) {
        self.rooms.of(channel).held += 1;
        let before = self.channels.insert(channel.clone(), entry);
        debug_assert!(before.is_none(), "a channel is held once");
    }

    /// Brings the histories back under their common bound, after `channel` has grown.
    pub(super) fn shrink(&mut self, channel: &Channel) {
        while self.bytes > self.options.history_bytes_max {
            let Rooms { given, chosen } = &mut self.rooms;
            let idle = chosen.idle.pop_first(&mut self.channels);
            if let Some(idle) = idle.or_else(|| given.idle.pop_first(&mut self.channels)) {
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
