//! Idle and quiet channels: how long their histories and positions are kept, and what a position proves.

use super::*;

fn aged(linked: bool) -> World {
    let mut world = World::new(Options { history_age_ms: 100, ..Options::default() }, linked);
    world.mirror.link_up();
    world
}

impl World {
    /// A subscriber was here, received a publication, and left. Returns its last position.
    fn visited(&mut self, name: &str) -> Position {
        self.subscribe(name).unwrap();
        self.confirmed(name);
        self.say(name);
        self.unsubscribe(name);
        self.top(name)
    }

    /// Publishes in this process, or receives a publication over the link.
    fn say(&mut self, name: &str) {
        if self.mirror.link.is_some() {
            self.hear(name);
        } else {
            self.publish(name, At::Next);
        }
    }

    fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        self.mirror.forget_due(self.now_ms);
    }

    fn counted(&self) -> (u64, u64) {
        let counters = self.mirror.counters();
        (counters.channels, counters.quiet)
    }
}

#[test]
fn a_client_that_comes_back_to_a_channel_without_new_publications_recovers_however_late() {
    for linked in [false, true] {
        let mut world = aged(linked);
        let left = world.visited("news");
        world.pass(1_000_000);
        assert_eq!(world.counted(), (0, 1), "its history is gone, its position is not");
        assert_eq!(world.mirror.counters().history_bytes, 0);
        assert!(matches!(world.subscribe("news"), Ok(Subscribed::Now)));
        assert_eq!(world.recovered("news", left), Some(vec![]));
        assert_eq!(world.recovered("news", Position { offset: 0, ..left }), None, "that one is gone");
        world.say("news");
        world.heard();
        assert_eq!(world.recovered("news", left), Some(vec![2]));
        assert_eq!(world.counted(), (1, 0));
    }
}

#[test]
fn a_local_publication_on_a_quiet_channel_is_kept() {
    let mut world = aged(false);
    let left = world.visited("news");
    world.pass(1_000);
    world.say("news");
    assert_eq!(world.counted(), (1, 0), "it has a history again");
    assert_eq!(world.recovered("news", left), Some(vec![2]));
    world.pass(101);
    assert_eq!(world.counted(), (0, 1));
    world.subscribe("news").unwrap();
    assert_eq!(world.recovered("news", left), None);
}

#[test]
fn a_received_publication_on_a_quiet_channel_ends_its_subscription_and_its_epoch() {
    let mut world = aged(true);
    let left = world.visited("news");
    world.mirror.take_changes(10);
    world.pass(1_000);
    assert!(!world.mirror.has_changes(), "while nobody publishes, nothing is heard in vain");
    world.hear("news");
    assert_eq!(world.counted(), (0, 0));
    world.subscribe("news").ok();
    assert_eq!(world.mirror.take_changes(10), (vec![channel("news")], vec![]), "off before on");
    assert_eq!(world.mirror.take_changes(10), (vec![], vec![channel("news")]));
    assert!(!world.mirror.has_changes());
    world.confirmed("news");
    assert_ne!(world.top("news").epoch, left.epoch, "an epoch is not used again (C4)");
    assert_eq!(world.recovered("news", left), None);
}

#[test]
fn a_quiet_position_proves_nothing_after_the_link_was_away() {
    let mut world = aged(true);
    let left = world.visited("news");
    world.pass(1_000);
    world.mirror.link_down();
    world.mirror.link_up();
    assert_eq!(world.counted(), (0, 0));
    world.subscribe("news").ok();
    assert_ne!(world.top("news").epoch, left.epoch);
}

#[test]
fn an_idle_channel_keeps_its_history_for_its_age_after_the_last_publication() {
    let mut world = aged(false);
    let (quiet, busy) = (world.visited("quiet"), world.visited("busy"));
    world.pass(60);
    world.say("busy");
    world.pass(60);
    assert_eq!(world.counted(), (1, 1));
    assert_eq!(world.recovered("quiet", Position { offset: 0, ..quiet }), None);
    assert_eq!(world.recovered("busy", busy), Some(vec![2]));
    world.subscribe("busy").unwrap();
    world.pass(1_000_000);
    assert_eq!(world.counted(), (1, 1), "with a subscriber it is never quiet");
}

#[test]
fn the_logs_channels_are_forgotten_and_their_positions_come_from_the_log() {
    let mut world = aged(false);
    world.declare("player:1", 7);
    world.subscribe("player:1").unwrap();
    let left = world.top("player:1");
    world.unsubscribe("player:1");
    world.pass(101);
    assert_eq!(world.counted(), (0, 0));
    world.declare("player:1", 7);
    assert_eq!(world.recovered("player:1", left), Some(vec![]));
}

#[test]
fn quiet_channels_are_removed_first_beginning_with_the_longest_quiet_one() {
    let mut world = World::new(Options { history_age_ms: 100, channels_max: 3, ..Options::default() }, false);
    world.visited("a");
    world.pass(50);
    world.visited("b");
    world.pass(60);
    assert_eq!(world.counted(), (1, 1), "a is quiet, b still idle");
    world.visited("c");
    world.subscribe("d").unwrap();
    assert_eq!(world.mirror.top(&channel("a")), None);
    world.pass(60);
    world.visited("e");
    assert_eq!(world.mirror.top(&channel("b")), None);
    assert!(world.mirror.top(&channel("c")).is_some());
    for name in ["f", "g", "h", "i"] {
        world.visited(name);
        let (channels, quiet) = world.counted();
        assert!(channels + quiet <= 3, "quiet ones count against the bound");
    }
}
