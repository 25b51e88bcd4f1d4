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
        link.to_unsubscribe.clear();
        let waiting = self.channels.iter().filter(|(_, entry)| entry.line == Line::Waiting);
        link.to_subscribe = waiting.map(|(channel, _)| channel.clone()).collect();
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
                self.quotas.left(channel, entry);
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
            link.to_subscribe.push(channel.clone());
        }
    }

    /// The next channels to unsubscribe at the server; when there are none, the next to subscribe. At most `max`.
    pub(crate) fn take_changes(&mut self, max: usize) -> (Vec<Channel>, Vec<Channel>) {
        let Some(link) = &mut self.link else { return (Vec::new(), Vec::new()) };
        let to_unsubscribe = link.to_unsubscribe.split_off(link.to_unsubscribe.len().saturating_sub(max));
        // Unsubscribe first: a channel in both lists was removed and is needed again.
        if !to_unsubscribe.is_empty() {
            return (to_unsubscribe, Vec::new());
        }
        let mut to_subscribe = link.to_subscribe.split_off(link.to_subscribe.len().saturating_sub(max));
        to_subscribe
            .retain(|channel| self.channels.get(channel).is_some_and(|entry| entry.line == Line::Waiting));
        (Vec::new(), to_subscribe)
    }

    /// Whether [`Mirror::take_changes`] may return channels.
    pub(crate) fn has_changes(&self) -> bool {
        self.link
            .as_ref()
            .is_some_and(|link| !link.to_subscribe.is_empty() || !link.to_unsubscribe.is_empty())
    }
}
