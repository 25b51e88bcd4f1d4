//! The link's side of the mirror: the subscriptions it needs, and the effect of the server's messages and of a lost
//! link.

use protocol::Channel;

use super::{Mirror, entry::Line, reset};
use crate::outbox::Outbox;

impl Mirror {
    /// The link is up: its channels must be subscribed again.
    pub(crate) fn link_up(&mut self) {
        let Some(link) = &mut self.link else { return };
        link.up = true;
        link.unwanted.clear();
        let waiting = self.channels.iter().filter(|(_, entry)| entry.line == Line::Waiting);
        link.wanted = waiting.map(|(channel, _)| channel.clone()).collect();
    }

    /// The link is lost: channels on it begin a new epoch, and those without a subscriber are removed.
    pub(crate) fn link_down(&mut self) {
        let Some(link) = &mut self.link else { return };
        link.up = false;
        self.channels.retain(|channel, entry| {
            if entry.local {
                return true;
            }
            entry.waiters.clear(); // dropping a sender releases its waiter
            entry.fresh = false;
            entry.line = if entry.subscribed { Line::Waiting } else { Line::Off };
            self.bytes -= entry.renumber(self.epochs.next());
            // Without a subscriber and a history there is nothing to keep.
            if !entry.subscribed {
                self.rooms.left(channel, entry);
            }
            entry.subscribed
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
            self.bytes -= entry.renumber(self.epochs.next());
            reset(channel, entry, outbox, &self.telemetry);
        }
        for waiter in entry.waiters.drain(..) {
            let _ = waiter.send(()); // the caller may have given up
        }
    }

    /// The server has ended the subscription of a channel. If it was confirmed, publications may be missed.
    pub(crate) fn ended(&mut self, channel: &Channel) {
        let (Some(entry), Some(link)) = (self.channels.get_mut(channel), &mut self.link) else { return };
        if entry.line == Line::Live && !entry.local {
            entry.line = Line::Waiting;
            self.bytes -= entry.renumber(self.epochs.next());
            link.wanted.push(channel.clone());
        }
    }

    /// The next channels to unsubscribe at the server; when there are none, the next to subscribe. At most `max`.
    pub(crate) fn take_wishes(&mut self, max: usize) -> (Vec<Channel>, Vec<Channel>) {
        let Some(link) = &mut self.link else { return (Vec::new(), Vec::new()) };
        let unwanted = link.unwanted.split_off(link.unwanted.len().saturating_sub(max));
        // Unsubscribe first: a channel in both lists was removed and is needed again.
        if !unwanted.is_empty() {
            return (unwanted, Vec::new());
        }
        let mut wanted = link.wanted.split_off(link.wanted.len().saturating_sub(max));
        wanted.retain(|channel| self.channels.get(channel).is_some_and(|entry| entry.line == Line::Waiting));
        (Vec::new(), wanted)
    }

    /// Whether [`Mirror::take_wishes`] may return channels.
    pub(crate) fn has_wishes(&self) -> bool {
        self.link.as_ref().is_some_and(|link| !link.wanted.is_empty() || !link.unwanted.is_empty())
    }
}
