//! Where a session stands in each channel it follows, so that the next one can go on from there.

use std::collections::BTreeMap;

use protocol::{
    Channel, Push, Reply, Text, U53,
    push::Pub,
    reply::{Subscribed, Welcome},
    request::{RESUME_MAX, Since},
};

/// The last position seen of every followed channel.
#[derive(Debug, Default, Clone)]
pub(crate) struct Positions(BTreeMap<Channel, (String, u64)>);

impl Positions {
    /// What `hello` may carry: at most [`RESUME_MAX`] channels.
    pub fn resume(&self) -> Vec<Since> {
        let since = |(channel, (epoch, offset)): (&Channel, &(String, u64))| {
            Some(Since { ch: channel.clone(), e: Text::new(epoch)?, o: U53::new(*offset)? })
        };
        self.0.iter().filter_map(since).take(RESUME_MAX).collect()
    }

    pub fn heard_reply(&mut self, reply: &Reply) {
        match reply {
            Reply::Welcome(welcome) => self.welcomed(welcome),
            Reply::Subscribed(subscribed) => self.follows(subscribed),
            Reply::Unsubscribed { ch } => {
                self.0.remove(ch);
            }
            Reply::Pong { .. }
            | Reply::Joined { .. }
            | Reply::Left { .. }
            | Reply::Tables { .. }
            | Reply::BetAccepted(_)
            | Reply::BetsCleared(_)
            | Reply::Balances { .. }
            | Reply::TableHistory { .. }
            | Reply::PlayerHistory { .. }
            | Reply::Outcome { .. }
            | Reply::Error(_) => {}
        }
    }

    pub fn heard_push(&mut self, push: &Push) {
        match push {
            Push::Pub(Pub { ch, e: Some(epoch), o: Some(offset), .. }) => {
                // Only what is followed counts: a publication may still be on its way after an unsubscribe.
                if let Some(position) = self.0.get_mut(ch) {
                    if position.0 != *epoch {
                        position.0.clone_from(epoch);
                    }
                    position.1 = *offset;
                }
            }
            Push::Reset { ch, e, o } => {
                self.0.insert(ch.clone(), (e.clone(), *o));
            }
            Push::Pub(_) | Push::Drain { .. } => {}
        }
    }

    fn welcomed(&mut self, welcome: &Welcome) {
        self.0.clear();
        self.follows(&welcome.personal);
        welcome.resumed.iter().for_each(|subscribed| self.follows(subscribed));
    }

    fn follows(&mut self, subscribed: &Subscribed) {
        self.0.insert(subscribed.ch.clone(), (subscribed.e.clone(), subscribed.o));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use protocol::Payload;

    use super::*;

    fn subscribed(channel: &str, offset: u64) -> Reply {
        Reply::Subscribed(Subscribed {
            ch: channel.parse().unwrap(),
            e: "e1".into(),
            o: offset,
            recovered: true,
            pubs: Vec::new(),
        })
    }

    fn publication(channel: &str, offset: u64) -> Push {
        let d = Payload::from_json(b"1").unwrap();
        Push::Pub(Pub { ch: channel.parse().unwrap(), e: Some("e1".into()), o: Some(offset), d })
    }

    #[test]
    fn a_position_moves_with_each_publication_and_ends_with_the_subscription() {
        let mut positions = Positions::default();
        positions.heard_reply(&subscribed("lobby", 4));
        positions.heard_push(&publication("lobby", 5));
        let resume = positions.resume();
        assert_eq!((resume[0].ch.as_str(), resume[0].o.get()), ("lobby", 5));
        positions.heard_reply(&Reply::Unsubscribed { ch: "lobby".parse().unwrap() });
        positions.heard_push(&publication("lobby", 6));
        assert!(positions.resume().is_empty());
    }

    #[test]
    fn a_reset_starts_from_its_own_epoch_and_offset() {
        let mut positions = Positions::default();
        positions.heard_reply(&subscribed("lobby", 4));
        positions.heard_push(&Push::Reset { ch: "lobby".parse().unwrap(), e: "e2".into(), o: 1 });
        let resume = positions.resume();
        assert_eq!((&*resume[0].e, resume[0].o.get()), ("e2", 1));
    }
}
