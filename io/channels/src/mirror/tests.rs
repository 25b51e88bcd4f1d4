//! Tests of the mirror: bounds, ages and losses of the link, with the time and the server's messages as inputs.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod life;
mod quiet;

use std::{cell::RefCell, collections::BTreeMap};

use super::*;
use crate::{Namespace, ring::KEPT_BYTES};

type Log = Rc<RefCell<Vec<Delivery>>>;

struct World {
    mirror: Mirror,
    outbox: Outbox,
    heard: Log,
    now_ms: u64,
}

impl World {
    fn new(options: Options, linked: bool) -> Self {
        let heard = Log::default();
        let into = heard.clone();
        let (options, telemetry) = (Rc::new(options), Rc::default());
        Self {
            mirror: if linked {
                Mirror::linked(options, telemetry)
            } else {
                Mirror::local(options, telemetry)
            },
            outbox: Outbox::new(Rc::new(move |delivery| into.borrow_mut().push(delivery))),
            heard,
            now_ms: 1_000,
        }
    }

    fn subscribe(&mut self, name: &str) -> Result<Subscribed, SubscribeError> {
        self.mirror.subscribe(&channel(name), self.now_ms)
    }

    fn unsubscribe(&mut self, name: &str) {
        self.mirror.unsubscribe(&channel(name), self.now_ms);
    }

    fn publish(&mut self, name: &str, at: At) -> Option<Position> {
        self.publish_bytes(name, at, 1)
    }

    /// Publishes an array of nils that takes `bytes` bytes, at most 16.
    fn publish_bytes(&mut self, name: &str, at: At, bytes: usize) -> Option<Position> {
        let outgoing = Outgoing { channel: channel(name), payload: payload(bytes), at };
        self.mirror.publish(outgoing, self.now_ms, &self.outbox).unwrap()
    }

    /// Declares a position of the log L1.
    fn declare(&mut self, name: &str, offset: u64) {
        let top = Position { epoch: "L1".parse().unwrap(), offset };
        self.mirror.declare(&channel(name), top, self.now_ms, &self.outbox);
    }

    fn hear(&mut self, name: &str) {
        let heard = Heard { payload: payload(1), ephemeral: false };
        self.mirror.hear(&channel(name), heard, self.now_ms, &self.outbox);
    }

    fn confirmed(&mut self, name: &str) {
        self.mirror.confirmed(&channel(name), &self.outbox);
    }

    fn top(&self, name: &str) -> Position {
        self.mirror.top(&channel(name)).unwrap()
    }

    /// Offsets recovered since `since`; `None` when lost.
    fn recovered(&mut self, name: &str, since: Position) -> Option<Vec<u64>> {
        match self.mirror.recover(&channel(name), &since, self.now_ms) {
            Recovery::Recovered { publications, .. } => {
                Some(publications.iter().map(|publication| publication.position.unwrap().offset).collect())
            }
            Recovery::Lost { .. } => None,
        }
    }

    fn heard(&self) -> Vec<String> {
        self.outbox.drain();
        let spell = |delivery: &Delivery| match delivery {
            Delivery::Publication(Publication { channel, position: Some(position), .. }) => {
                format!("{channel} {}", position.offset)
            }
            Delivery::Publication(Publication { channel, position: None, .. }) => format!("{channel} -"),
            Delivery::Reset { channel, top } => format!("{channel} reset {}", top.offset),
        };
        self.heard.take().iter().map(spell).collect()
    }
}

fn channel(name: &str) -> Channel {
    name.parse().unwrap()
}

fn payload(bytes: usize) -> Payload {
    assert!((1..=16).contains(&bytes));
    let mut packed = vec![0xC0; bytes];
    if bytes > 1 {
        packed[0] = 0x90 + (bytes - 1) as u8;
    }
    Payload::from_msgpack(packed.into()).unwrap()
}

fn log(epoch: &str, offset: u64) -> At {
    At::Log(Position { epoch: epoch.parse().unwrap(), offset })
}

#[test]
fn publications_age_out_of_the_history_but_the_top_is_remembered() {
    let mut world = World::new(Options { history_age_ms: 100, ..Options::default() }, false);
    world.subscribe("a").unwrap();
    let start = world.top("a");
    world.publish("a", At::Next);
    world.now_ms += 60;
    let second = world.publish("a", At::Next).unwrap();
    assert_eq!(world.recovered("a", start), Some(vec![1, 2]));
    world.now_ms += 41;
    assert_eq!(world.recovered("a", start), None, "the first is 101 ms old");
    world.now_ms += 1_000;
    assert_eq!(world.recovered("a", second), Some(vec![]), "who has seen the top misses nothing");
    assert_eq!(world.mirror.counters().history_bytes, 0);
}

#[test]
fn a_namespace_has_its_own_history() {
    let scores = Namespace { history_size: 1, history_age_ms: 1_000, local: false };
    let namespaces = BTreeMap::from([("scores".into(), scores)]);
    let mut world = World::new(Options { namespaces, ..Options::default() }, false);
    for name in ["scores:1", "news"] {
        world.subscribe(name).unwrap();
        let start = world.top(name);
        let first = world.publish(name, At::Next).unwrap();
        world.publish(name, At::Next);
        assert_eq!(world.recovered(name, start).is_some(), name == "news");
        assert_eq!(world.recovered(name, first), Some(vec![2]));
    }
}

#[test]
fn a_full_table_forgets_the_longest_idle_and_refuses_when_none_is() {
    let mut world = World::new(Options { channels_max: 2, ..Options::default() }, false);
    world.subscribe("a").unwrap();
    world.publish("b", At::Next);
    world.subscribe("c").unwrap();
    assert_eq!(world.mirror.top(&channel("b")), None);
    assert_eq!(world.subscribe("d").err(), Some(SubscribeError::TooManyChannels { max: 2 }));
    assert!(world.subscribe("a").is_ok(), "a channel that is held may always be subscribed");
    assert_eq!(world.publish("d", At::Next), None, "nobody hears it and there is no room to keep it");
    assert_eq!(
        world.publish("table:d", log("L1", 9)).unwrap().offset,
        9,
        "a log publication is never refused"
    );
    world.unsubscribe("a");
    assert!(world.subscribe("d").is_ok());
    assert_eq!(world.mirror.counters().channels, 2 + 1);
}

#[test]
fn histories_share_one_bound_of_bytes_in_which_the_overhead_of_each_publication_counts() {
    let kept = |payload: usize| payload + KEPT_BYTES;
    let mut world = World::new(Options { history_bytes_max: 2 * kept(8) + 7, ..Options::default() }, false);
    world.publish_bytes("idle", At::Next, 8);
    world.subscribe("a").unwrap();
    world.subscribe("b").unwrap();
    world.publish_bytes("a", At::Next, 8);
    let start = world.top("b");
    let start_of_idle = Position { offset: 0, ..world.top("idle") };
    world.publish_bytes("b", At::Next, 8);
    assert_eq!(world.recovered("idle", start_of_idle), None, "idle channels give way first");
    let first = world.publish_bytes("b", At::Next, 8).unwrap();
    assert_eq!(world.mirror.counters().history_bytes, 2 * kept(8) as u64);
    assert_eq!(world.recovered("b", start), None, "then the growing channel's own oldest");
    assert_eq!(world.recovered("b", first), Some(vec![]));
    world.publish_bytes("b", At::Next, 16);
    assert_eq!(
        world.mirror.counters().history_bytes,
        kept(8) as u64,
        "one that does not fit is delivered, not kept"
    );
}

#[test]
fn a_history_that_is_too_old_takes_no_room_from_others() {
    let bound = 4 * (1 + KEPT_BYTES);
    let options = Options { history_age_ms: 5_000, history_bytes_max: bound, ..Options::default() };
    let mut world = World::new(options, false);
    for name in ["silent", "talking"] {
        world.subscribe(name).unwrap();
    }
    for _ in 0..4 {
        world.publish("silent", At::Next);
    }
    world.now_ms += 5_001;
    let start = world.top("talking");
    for _ in 0..3 {
        world.publish("talking", At::Next);
    }
    assert_eq!(world.recovered("talking", start), Some(vec![1, 2, 3]));
}

#[test]
fn one_channel_has_a_bound_of_bytes_of_its_own_and_takes_nothing_from_others() {
    let bound = 4 * (1 + KEPT_BYTES);
    let options = Options { history_size: 1_000, history_bytes_per_channel_max: bound, ..Options::default() };
    let mut world = World::new(options, false);
    let quiet = world.publish("quiet", At::Next).unwrap();
    for _ in 0..100 {
        world.publish("loud", At::Next);
    }
    assert_eq!(world.mirror.counters().history_bytes, (5 * (1 + KEPT_BYTES)) as u64);
    let top = world.top("loud");
    assert_eq!(world.recovered("loud", Position { offset: 96, ..top }), Some(vec![97, 98, 99, 100]));
    assert_eq!(world.recovered("loud", Position { offset: 95, ..top }), None);
    assert_eq!(world.recovered("quiet", Position { offset: 0, ..quiet }), Some(vec![1]));
}

#[test]
fn without_a_history_only_subscribed_channels_are_held() {
    let mut world = World::new(Options { history_size: 0, ..Options::default() }, false);
    assert_eq!(world.publish("a", At::Next), None);
    world.subscribe("a").unwrap();
    let start = world.top("a");
    let first = world.publish("a", At::Next).unwrap();
    assert_eq!(world.recovered("a", start), None);
    assert_eq!(world.recovered("a", first), Some(vec![]));
}

#[test]
fn the_log_takes_a_channel_over_and_a_gap_shows() {
    let mut world = World::new(Options::default(), false);
    world.subscribe("table:1").unwrap();
    for at in [At::Next, log("L1", 7), log("L1", 8), log("L1", 8), log("L1", 3), log("L1", 10), log("L2", 1)]
    {
        world.publish("table:1", at);
    }
    let expected = ["1", "reset 6", "7", "8", "10", "reset 0", "1"].map(|rest| format!("table:1 {rest}"));
    assert_eq!(world.heard(), expected);
    let counters = world.mirror.counters();
    assert_eq!((counters.resent, counters.gaps, counters.resets), (2, 1, 2));
}

#[test]
fn a_history_with_a_gap_recovers_only_what_was_published_after_it() {
    let mut world = World::new(Options::default(), false);
    for offset in [1, 2, 5, 6] {
        world.publish("table:a", log("L1", offset));
    }
    let at = |offset| Position { epoch: "L1".parse().unwrap(), offset };
    for lost in [0, 1, 2, 3, 7, u64::MAX] {
        assert_eq!(world.recovered("table:a", at(lost)), None, "since {lost}");
    }
    assert_eq!(world.recovered("table:a", at(4)), Some(vec![5, 6]));
    assert_eq!(world.recovered("table:a", at(6)), Some(vec![]));
}

#[test]
fn messages_count_only_after_the_servers_confirmation() {
    let mut world = World::new(Options::default(), true);
    world.mirror.link_up();
    let Subscribed::When(mut answer) = world.subscribe("a").unwrap() else { panic!("not confirmed yet") };
    assert_eq!(world.mirror.take_changes(10), (vec![], vec![channel("a")]));
    world.hear("a");
    assert!(answer.try_recv().is_err());
    world.confirmed("a");
    assert!(answer.try_recv().is_ok());
    world.hear("a");
    assert_eq!(world.heard(), ["a 1"], "no reset: no position was told before the confirmation");
}

#[test]
fn a_lost_link_begins_new_epochs_only_on_channels_received_over_it() {
    let mut world = World::new(Options::default(), true);
    world.mirror.link_up();
    for name in ["chat", "left"] {
        world.subscribe(name).ok();
        world.confirmed(name);
        world.hear(name);
    }
    world.unsubscribe("left");
    world.declare("table:1", 4);
    world.subscribe("table:1").unwrap();
    let before = world.top("chat");
    world.heard();

    world.mirror.link_down();
    let during = world.top("chat");
    assert_ne!(during.epoch, before.epoch, "who asks while the link is away is not told that all is well");
    assert_eq!(world.recovered("chat", before), None);
    assert!(matches!(world.subscribe("chat"), Ok(Subscribed::Now)), "there is nothing to wait for");
    assert!(matches!(world.subscribe("new"), Ok(Subscribed::Now)));
    world.hear("chat");
    world.publish("table:1", log("L1", 5));
    assert_eq!(world.heard(), ["table:1 5"]);

    world.mirror.link_up();
    let (_, mut wanted) = world.mirror.take_changes(10);
    wanted.sort();
    assert_eq!(wanted, [channel("chat"), channel("new")]);
    for name in ["chat", "new"] {
        world.confirmed(name);
        world.hear(name);
    }
    world.publish("table:1", log("L1", 6));
    assert_eq!(world.heard(), ["chat reset 0", "chat 1", "new reset 0", "new 1", "table:1 6"]);
    assert_ne!(world.top("chat").epoch, during.epoch, "what was told without the link is void too");
    let told = Position { epoch: "L1".parse().unwrap(), offset: 4 };
    assert_eq!(world.recovered("table:1", told), Some(vec![5, 6]));
}

#[test]
fn losing_the_link_releases_callers_that_wait_for_a_confirmation() {
    let mut world = World::new(Options::default(), true);
    world.mirror.link_up();
    let Subscribed::When(mut answer) = world.subscribe("a").unwrap() else { panic!("not confirmed yet") };
    world.mirror.link_down();
    assert_eq!(answer.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    world.mirror.link_up();
    world.confirmed("a");
    assert_eq!(world.heard(), ["a reset 0"]);
}

#[test]
fn a_subscription_the_server_ends_by_itself_is_asked_for_again_and_reset() {
    let mut world = World::new(Options::default(), true);
    world.mirror.link_up();
    world.subscribe("a").ok();
    world.mirror.take_changes(10);
    world.confirmed("a");
    world.mirror.ended(&channel("a"));
    world.hear("a");
    assert_eq!(world.mirror.take_changes(10), (vec![], vec![channel("a")]));
    world.confirmed("a");
    assert_eq!(world.heard(), ["a reset 0"]);
}

#[test]
fn many_changes_are_given_in_portions_and_outdated_ones_not_at_all() {
    let mut world = World::new(Options { channels_max: 5, ..Options::default() }, true);
    world.mirror.link_up();
    for number in 0..5 {
        world.subscribe(&format!("n:{number}")).ok();
    }
    world.unsubscribe("n:0");
    world.subscribe("n:5").ok(); // n:0 is forgotten
    let (mut off, mut on) = (Vec::new(), Vec::new());
    while world.mirror.has_changes() {
        let (to_unsubscribe, to_subscribe) = world.mirror.take_changes(2);
        assert!(to_unsubscribe.len() <= 2 && to_subscribe.len() <= 2);
        off.extend(to_unsubscribe);
        on.extend(to_subscribe);
    }
    on.sort();
    assert_eq!(off, [channel("n:0")]);
    assert_eq!(on, (1..=5).map(|number| channel(&format!("n:{number}"))).collect::<Vec<_>>());
}

#[test]
fn a_declared_position_continues_the_positions_from_before_a_start() {
    let mut world = World::new(Options::default(), false);
    let top = Position { epoch: "L1".parse().unwrap(), offset: 57 };
    world.mirror.declare(&channel("player:1"), top, world.now_ms, &world.outbox);
    world.subscribe("player:1").unwrap();
    assert_eq!(world.recovered("player:1", top), Some(vec![]));
    world.mirror.declare(&channel("player:1"), Position { offset: 56, ..top }, world.now_ms, &world.outbox);
    world.publish("player:1", log("L1", 58));
    assert_eq!(world.heard(), ["player:1 58"]);
    world.mirror.declare(&channel("player:1"), Position { offset: 60, ..top }, world.now_ms, &world.outbox);
    assert_eq!(world.heard(), ["player:1 reset 60"]);
}

#[test]
fn the_server_cannot_change_the_hubs_own_channels() {
    let mut world = World::new(Options::default(), true);
    world.declare("table:1", 5);
    for offset in 6..=11 {
        match offset {
            7 | 11 => world.mirror.link_down(),
            8 | 10 => world.mirror.link_up(),
            9 => world.confirmed("table:1"),
            _ => {}
        }
        let subscribed = world.subscribe("table:1");
        assert!(matches!(subscribed, Ok(Subscribed::Now)), "there is nothing to wait for");
        world.publish("table:1", log("L1", offset));
        world.publish("table:1", At::Ephemeral);
        world.hear("table:1");
        world.mirror.ended(&channel("table:1"));
        assert!(!world.mirror.has_changes(), "the server is not asked for it");
    }
    let expected: Vec<_> =
        (6..=11).flat_map(|offset| [format!("table:1 {offset}"), "table:1 -".into()]).collect();
    assert_eq!(world.heard(), expected);
    assert_eq!(world.mirror.counters().resets, 0);
    assert!(
        world
            .mirror
            .check(&Outgoing { channel: channel("news:1"), payload: payload(1), at: log("L1", 1) })
            .is_err()
    );
}

#[test]
fn channels_named_by_players_never_take_the_room_of_tables_and_players() {
    let mut world = World::new(Options { channels_max: 2, ..Options::default() }, false);
    for name in ["news:1", "news:2"] {
        world.subscribe(name).unwrap();
    }
    assert_eq!(world.subscribe("news:3").err(), Some(SubscribeError::TooManyChannels { max: 2 }));
    assert_eq!(world.subscribe("lobby:3").err(), Some(SubscribeError::TooManyChannels { max: 2 }));
    let own = ["player:1", "player:2", "player:3", "table:1"];
    for name in own {
        assert!(world.subscribe(name).is_ok(), "{name}: whoever is connected may play");
    }
    assert!(world.subscribe("news:3").is_err(), "and the other way round nothing is given away");
    for name in own {
        world.unsubscribe(name);
    }
    world.subscribe("player:4").unwrap();
    assert_eq!(world.mirror.counters().channels, 2 + 2, "idle ones give way");
    assert!(world.mirror.top(&channel("table:1")).is_some(), "the one idle for the shortest time is left");
}

#[test]
fn callers_that_gave_up_waiting_for_the_server_are_removed() {
    let mut world = World::new(Options::default(), true);
    world.mirror.link_up();
    for _ in 0..1_000 {
        drop(world.subscribe("news:1"));
    }
    assert!(world.mirror.channels[&channel("news:1")].waiters.len() < 4);
}
