//! The position of a session in each channel that it follows: gaps are found and closed here.
//!
//! A publication is handed on only when it is the next one of its channel. A jump, a new epoch without notice, or a
//! heartbeat whose tops a channel has not reached by the heartbeat after it, means that something is missing: the
//! channel is asked for again from the last position, and what comes back fills the gap. Only when the hub no longer
//! has it is the listener told, by a [`Push::Reset`].
//!
//! No channel is lost over a new connection either: one that is missing in the welcome is requested again with every
//! heartbeat, until the hub sends what was missed or refuses for good; the listener gets a reset for a refusal.

use std::collections::BTreeMap;

use protocol::{
    Channel, Push, Text, U53,
    push::Pub,
    reply::{Subscribed, Welcome},
    request::Since,
};

/// The last position seen of every followed channel.
#[derive(Debug, Default, Clone)]
pub(crate) struct Positions(BTreeMap<Channel, Followed>);

#[derive(Debug, Clone)]
struct Followed {
    epoch: String,
    offset: u64,
    /// Asked for again; the answer is on its way.
    healing: bool,
    /// The hub has said on this connection that it follows the channel for us.
    granted: bool,
    /// What was missed cannot be read, and that was reported: whatever publication comes next is taken.
    adrift: bool,
    /// The newest position in the last heartbeat, when it had not been reached then.
    awaited: Option<(String, u64)>,
}

/// What to do with a push.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Hand it on.
    Deliver,
    /// It was there before, or comes again with the recovery.
    Drop,
    /// Something before it is missing: drop it, and ask for the channel from here.
    Heal(Since),
}

impl Positions {
    /// Every channel and its position. The player's own comes first: a `hello` may have room for the first few only,
    /// and the welcome follows that one from where it stands, asked or not.
    pub fn resume(&self) -> Vec<Since> {
        let mut all: Vec<_> =
            self.0.iter().filter_map(|(channel, followed)| followed.since(channel)).collect();
        all.sort_by_key(|since| since.ch.namespace() != "player");
        all
    }

    /// A session begins that wants to go on from `resume`. Returns what was missed, and the channels that the welcome
    /// does not speak of: they are to be asked for.
    pub fn welcomed(&mut self, welcome: &Welcome, resume: &[Since]) -> (Vec<Push>, Vec<Since>) {
        self.0.clear();
        let mut missed = Vec::new();
        for subscribed in std::iter::once(&welcome.personal).chain(&welcome.resumed) {
            self.follow(subscribed);
            // Without a position before it there is nothing that could be lost.
            if resume.iter().any(|since| since.ch == subscribed.ch) {
                missed.extend(replay(subscribed, 0));
            }
        }
        let mut absent = Vec::new();
        for since in resume {
            self.0.entry(since.ch.clone()).or_insert_with(|| {
                absent.push(since.clone());
                Followed { healing: true, granted: false, ..Followed::at(&since.e, since.o.get()) }
            });
        }
        (missed, absent)
    }

    /// A caller follows a channel, and gets what was missed with the reply.
    pub fn follow(&mut self, subscribed: &Subscribed) {
        self.0.insert(subscribed.ch.clone(), Followed::at(&subscribed.e, subscribed.o));
    }

    /// A channel is not followed any more.
    pub fn forget(&mut self, channel: &Channel) {
        self.0.remove(channel);
    }

    /// The answer to a [`Verdict::Heal`]: what was missed, or the notice that it is lost.
    pub fn healed(&mut self, subscribed: &Subscribed) -> Vec<Push> {
        // The listener may have left the channel in the meantime.
        let Some(before) = self.0.get(&subscribed.ch) else { return Vec::new() };
        let seen = if before.epoch == subscribed.e { before.offset } else { 0 };
        self.follow(subscribed);
        replay(subscribed, seen)
    }

    /// The hub refused a channel for good. The listener is told that it goes on no longer.
    pub fn refused(&mut self, channel: &Channel) -> Option<Push> {
        let Followed { epoch, offset, .. } = self.0.remove(channel)?;
        Some(Push::Reset { ch: channel.clone(), e: epoch, o: offset })
    }

    /// The answer that would close a gap cannot be read, now or later.
    pub fn not_readable(&mut self, channel: &Channel) {
        if let Some(followed) = self.0.get_mut(channel) {
            (followed.healing, followed.granted, followed.adrift) = (false, true, true);
        }
    }

    /// The hub cannot heal a channel now: it is tried again at the next sign of a gap.
    pub fn not_healed(&mut self, channel: &Channel) {
        if let Some(followed) = self.0.get_mut(channel) {
            followed.healing = false;
        }
    }

    /// A push came.
    pub fn heard(&mut self, push: &Push) -> Verdict {
        match push {
            Push::Pub(Pub { ch, e: Some(epoch), o: Some(offset), .. }) => match self.0.get_mut(ch) {
                Some(followed) => followed.heard(ch, epoch, *offset),
                // Still on its way when the channel was left.
                None => Verdict::Drop,
            },
            Push::Reset { ch, e, o } => {
                if let Some(followed) = self.0.get_mut(ch) {
                    *followed = Followed::at(e, *o);
                }
                Verdict::Deliver
            }
            Push::Pub(_) | Push::Drain { .. } => Verdict::Deliver,
        }
    }

    /// A heartbeat brought the newest position of each channel. Returns the channels that have not yet reached the
    /// position of the heartbeat before: a publication may be overtaken by a reply, so each has the time of one
    /// heartbeat.
    pub fn beat(&mut self, tops: &BTreeMap<String, (String, u64)>) -> Vec<Since> {
        let mut heal = Vec::new();
        for (channel, followed) in &mut self.0 {
            let behind =
                |(epoch, offset): &(String, u64)| *epoch != followed.epoch || *offset > followed.offset;
            let is_late = followed.awaited.as_ref().is_some_and(behind);
            let awaited = tops.get(channel.as_str()).filter(|top| behind(top)).cloned();
            followed.awaited = awaited;
            if (is_late || !followed.granted) && !followed.healing && !followed.adrift {
                followed.healing = true;
                heal.extend(followed.since(channel));
            }
        }
        heal
    }
}

impl Followed {
    fn at(epoch: &str, offset: u64) -> Self {
        Self { epoch: epoch.into(), offset, healing: false, granted: true, adrift: false, awaited: None }
    }

    fn since(&self, channel: &Channel) -> Option<Since> {
        Some(Since { ch: channel.clone(), e: Text::new(&self.epoch)?, o: U53::new(self.offset)? })
    }

    fn heard(&mut self, channel: &Channel, epoch: &str, offset: u64) -> Verdict {
        if self.epoch == epoch && offset <= self.offset {
            return Verdict::Drop;
        }
        if self.adrift {
            *self = Self::at(epoch, offset);
            return Verdict::Deliver;
        }
        if self.epoch == epoch && self.offset.checked_add(1) == Some(offset) {
            self.offset = offset;
            return Verdict::Deliver;
        }
        if self.healing {
            return Verdict::Drop;
        }
        self.healing = true;
        self.since(channel).map_or(Verdict::Drop, Verdict::Heal)
    }
}

/// What was missed after `seen`, or the notice that continuity is lost.
pub(crate) fn replay(subscribed: &Subscribed, seen: u64) -> Vec<Push> {
    let (ch, e) = (&subscribed.ch, &subscribed.e);
    if !subscribed.recovered {
        return vec![Push::Reset { ch: ch.clone(), e: e.clone(), o: subscribed.o }];
    }
    let missed = subscribed.pubs.iter().filter(|missed| missed.o > seen);
    let publication = |missed: &protocol::reply::Missed| {
        Push::Pub(Pub { ch: ch.clone(), e: Some(e.clone()), o: Some(missed.o), d: missed.d.clone() })
    };
    missed.map(publication).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use protocol::{Payload, reply::Missed};

    use super::*;

    fn lobby() -> Channel {
        "lobby".parse().unwrap()
    }

    fn data() -> Payload {
        Payload::from_json(b"1").unwrap()
    }

    fn subscribed(epoch: &str, offset: u64, recovered: bool, missed: &[u64]) -> Subscribed {
        let pubs = missed.iter().map(|o| Missed { o: *o, d: data() }).collect();
        Subscribed { ch: lobby(), e: epoch.into(), o: offset, recovered, pubs }
    }

    fn following(offset: u64) -> Positions {
        let mut positions = Positions::default();
        positions.follow(&subscribed("e1", offset, true, &[]));
        positions
    }

    fn hear(positions: &mut Positions, epoch: &str, offset: u64) -> Verdict {
        positions.heard(&Push::Pub(Pub { ch: lobby(), e: Some(epoch.into()), o: Some(offset), d: data() }))
    }

    fn since(offset: u64) -> Since {
        Since { ch: lobby(), e: Text::new("e1").unwrap(), o: U53::new(offset).unwrap() }
    }

    fn tops(offset: u64) -> BTreeMap<String, (String, u64)> {
        BTreeMap::from([("lobby".to_owned(), ("e1".to_owned(), offset))])
    }

    fn offsets(pushes: &[Push]) -> Vec<u64> {
        let offset = |push: &Push| match push {
            Push::Pub(publication) => publication.o,
            Push::Reset { .. } | Push::Drain { .. } => None,
        };
        pushes.iter().filter_map(offset).collect()
    }

    #[test]
    fn only_the_next_publication_is_handed_on() {
        let mut positions = following(4);
        assert_eq!(hear(&mut positions, "e1", 5), Verdict::Deliver);
        assert_eq!(hear(&mut positions, "e1", 5), Verdict::Drop);
        assert_eq!(positions.resume(), [since(5)]);
    }

    #[test]
    fn a_gap_is_asked_for_once_and_filled_without_doubles() {
        let mut positions = following(4);
        assert_eq!(hear(&mut positions, "e1", 7), Verdict::Heal(since(4)));
        assert_eq!(hear(&mut positions, "e1", 8), Verdict::Drop);
        assert_eq!(hear(&mut positions, "e1", 5), Verdict::Deliver, "it was only late");
        let filled = positions.healed(&subscribed("e1", 8, true, &[5, 6, 7, 8]));
        assert_eq!(offsets(&filled), [6, 7, 8]);
        assert_eq!(hear(&mut positions, "e1", 9), Verdict::Deliver);
    }

    #[test]
    fn a_gap_that_cannot_be_filled_is_told() {
        let mut positions = following(4);
        assert_eq!(hear(&mut positions, "e2", 1), Verdict::Heal(since(4)));
        let told = positions.healed(&subscribed("e2", 3, false, &[]));
        assert_eq!(told, [Push::Reset { ch: lobby(), e: "e2".into(), o: 3 }]);
        assert_eq!(hear(&mut positions, "e2", 4), Verdict::Deliver);
    }

    #[test]
    fn a_lost_last_message_is_found_by_the_second_heartbeat() {
        let mut positions = following(4);
        assert_eq!(positions.beat(&tops(5)), []);
        assert_eq!(positions.beat(&tops(5)), [since(4)]);
        assert_eq!(positions.beat(&tops(5)), [], "it is asked for already");
        assert_eq!(offsets(&positions.healed(&subscribed("e1", 5, true, &[5]))), [5]);
        assert_eq!((positions.beat(&tops(5)), positions.beat(&tops(5))), (vec![], vec![]));
    }

    #[test]
    fn a_message_that_comes_between_two_heartbeats_is_no_loss() {
        let mut positions = following(4);
        positions.beat(&tops(5));
        hear(&mut positions, "e1", 5);
        assert_eq!(positions.beat(&tops(6)), []);
    }

    #[test]
    fn a_refused_healing_is_tried_again() {
        let mut positions = following(4);
        hear(&mut positions, "e1", 7);
        positions.not_healed(&lobby());
        assert_eq!(hear(&mut positions, "e1", 8), Verdict::Heal(since(4)));
    }

    #[test]
    fn a_channel_left_is_silent_and_not_resumed() {
        let mut positions = following(4);
        positions.forget(&lobby());
        assert_eq!(hear(&mut positions, "e1", 5), Verdict::Drop);
        assert!(
            positions.resume().is_empty() && positions.healed(&subscribed("e1", 5, true, &[5])).is_empty()
        );
    }

    #[test]
    fn a_channel_the_welcome_leaves_out_is_asked_for_with_every_heartbeat_until_it_is_answered() {
        let (mut positions, personal) = (Positions::default(), protocol::PlayerId(7));
        let welcome = Welcome {
            player: personal,
            time: 1,
            version: "0".into(),
            ping_every_ms: 1,
            personal: Subscribed { ch: Channel::player(personal), ..subscribed("e1", 0, true, &[]) },
            resumed: Vec::new(),
            play: None,
        };
        assert_eq!(positions.welcomed(&welcome, &[since(4)]), (vec![], vec![since(4)]));
        assert_eq!(positions.beat(&BTreeMap::new()), [], "it is asked for already");
        positions.not_healed(&lobby());
        assert_eq!(positions.beat(&BTreeMap::new()), [since(4)]);
        assert_eq!(offsets(&positions.healed(&subscribed("e1", 6, true, &[5, 6]))), [5, 6]);
        assert_eq!(positions.beat(&BTreeMap::new()), []);
    }

    #[test]
    fn a_channel_refused_for_good_is_told_and_forgotten() {
        let mut positions = following(4);
        assert_eq!(positions.refused(&lobby()), Some(Push::Reset { ch: lobby(), e: "e1".into(), o: 4 }));
        assert_eq!((positions.refused(&lobby()), positions.resume()), (None, vec![]));
    }

    #[test]
    fn after_an_unreadable_answer_a_channel_goes_on_with_the_next_publication() {
        let mut positions = following(4);
        assert_eq!(hear(&mut positions, "e1", 6), Verdict::Heal(since(4)));
        positions.not_readable(&lobby());
        assert_eq!((positions.beat(&tops(6)), positions.beat(&tops(6))), (vec![], vec![]));
        assert_eq!(hear(&mut positions, "e1", 7), Verdict::Deliver);
        assert_eq!(hear(&mut positions, "e1", 9), Verdict::Heal(since(7)));
    }

    #[test]
    fn the_players_own_channel_is_resumed_first() {
        let mut positions = following(4);
        let own = Channel::player(protocol::PlayerId(7));
        positions.follow(&Subscribed { ch: own.clone(), ..subscribed("e1", 1, true, &[]) });
        assert_eq!(positions.resume().into_iter().map(|since| since.ch).collect::<Vec<_>>(), [own, lobby()]);
    }

    #[test]
    fn ephemeral_publications_and_resets_pass() {
        let mut positions = following(4);
        assert_eq!(
            positions.heard(&Push::Pub(Pub { ch: lobby(), e: None, o: None, d: data() })),
            Verdict::Deliver
        );
        assert_eq!(positions.heard(&Push::Reset { ch: lobby(), e: "e2".into(), o: 1 }), Verdict::Deliver);
        assert_eq!(hear(&mut positions, "e2", 2), Verdict::Deliver);
    }
}
