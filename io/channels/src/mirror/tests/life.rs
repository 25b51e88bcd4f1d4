//! Property test of C1 to C3: random steps on two channels, a service's and the log's, seen by a correct subscriber.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

/// One step; the flag says which of the two channels.
#[derive(Debug, Clone)]
enum Step {
    /// A publication without a position, of this process or, over a link, of another one.
    Publish(bool, usize),
    /// The next event of the log.
    Log,
    /// The owner of the log declares its position.
    Declare,
    Ephemeral(bool),
    Subscribe(bool),
    Unsubscribe(bool),
    Down,
    Up,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    prop_oneof![
        4 => (any::<bool>(), 1..=16_usize).prop_map(|(which, bytes)| Publish(which, bytes)),
        4 => Just(Log),
        2 => Just(Declare),
        1 => any::<bool>().prop_map(Ephemeral),
        2 => any::<bool>().prop_map(Subscribe),
        2 => any::<bool>().prop_map(Unsubscribe),
        1 => Just(Down),
        2 => Just(Up),
        1 => (0..80_u64).prop_map(Pass),
    ]
}

const NAMES: [&str; 2] = ["news:a", LOGGED];
const LOGGED: &str = "table:b";
/// Room for about four publications, and for about three of one channel.
const BYTES_MAX: usize = 4 * (KEPT_BYTES + 10);
const BYTES_MAX_OF_ONE: usize = 3 * (KEPT_BYTES + 10);
/// The log's epoch.
const LOG: &str = "Lhere";

struct Life {
    world: World,
    linked: bool,
    /// Newest event of the log.
    logged: u64,
    /// The last position that a subscriber got.
    told: HashMap<Channel, Position>,
    /// Number of publications on the service's channel, received here or not.
    published: u64,
    /// The last position of a subscriber that has left the service's channel, and the number of publications then.
    left: Option<(Position, u64)>,
    /// Subscriptions that wait for the confirmation.
    waiting: Vec<(Channel, oneshot::Receiver<()>)>,
}

impl Life {
    fn step(&mut self, step: &Step) {
        let name = |which: &bool| NAMES[usize::from(*which)];
        let (now_ms, linked) = (self.world.now_ms, self.linked);
        if matches!(step, Step::Publish(false, _)) {
            self.published += 1;
        }
        match step {
            Step::Publish(which, bytes) if linked => {
                let heard = Heard { payload: payload(*bytes), ephemeral: false };
                self.world.mirror.hear(&channel(name(which)), heard, now_ms, &self.world.outbox);
            }
            Step::Publish(which, bytes) => {
                let (channel, payload) = (channel(name(which)), payload(*bytes));
                let outgoing = Outgoing { channel, payload, at: At::Next };
                self.world.mirror.publish(outgoing, now_ms, &self.world.outbox).ok();
            }
            Step::Log => {
                self.logged += 1;
                self.world.publish(LOGGED, log(LOG, self.logged));
            }
            Step::Declare => {
                let top = Position { epoch: LOG.parse().unwrap(), offset: self.logged };
                self.world.mirror.declare(&channel(LOGGED), top, now_ms, &self.world.outbox);
            }
            Step::Ephemeral(which) if linked => {
                let heard = Heard { payload: payload(1), ephemeral: true };
                self.world.mirror.hear(&channel(name(which)), heard, now_ms, &self.world.outbox);
            }
            Step::Ephemeral(which) => drop(self.world.publish(name(which), At::Ephemeral)),
            Step::Subscribe(which) => {
                let channel = channel(name(which));
                match self.world.subscribe(name(which)) {
                    Ok(Subscribed::Now) => drop(self.told.insert(channel, self.world.top(name(which)))),
                    Ok(Subscribed::When(answer)) => self.waiting.push((channel, answer)),
                    Err(_) => {}
                }
            }
            Step::Unsubscribe(which) => {
                self.world.unsubscribe(name(which));
                let told = self.told.remove(&channel(name(which)));
                if let (false, Some(told)) = (*which, told) {
                    self.left = Some((told, self.published));
                }
                self.waiting.retain(|(waiting, _)| *waiting != channel(name(which)));
            }
            Step::Down => self.world.mirror.link_down(),
            Step::Up => {
                self.world.mirror.link_up();
                while self.world.mirror.has_changes() {
                    for channel in self.world.mirror.take_changes(1).1 {
                        self.world.mirror.confirmed(&channel, &self.world.outbox);
                    }
                }
            }
            Step::Pass(ms) => self.world.now_ms += ms,
        }
    }

    /// Checks that every delivery continues the subscriber's position, or is a reset.
    fn listen(&mut self) -> Result<(), TestCaseError> {
        self.world.outbox.drain();
        for delivery in self.world.heard.take() {
            match delivery {
                Delivery::Publication(Publication { position: None, .. }) => {}
                Delivery::Publication(Publication { channel, position: Some(position), .. }) => {
                    let Some(told) = self.told.get(&channel).copied() else {
                        // A subscriber that still waits for its answer gets a position that includes it.
                        prop_assert!(self.waiting.iter().any(|(waiting, _)| *waiting == channel));
                        continue;
                    };
                    prop_assert_eq!(told.epoch, position.epoch);
                    prop_assert!(told.offset < position.offset);
                    prop_assert!(told.offset + 1 == position.offset, "{told:?}, {position:?}");
                    self.told.insert(channel, position);
                }
                Delivery::Reset { channel, top } => {
                    if let Some(told) = self.told.get_mut(&channel) {
                        let back = told.epoch == top.epoch && top.offset < told.offset;
                        prop_assert!(!back, "{told:?} stepped back to {top:?}");
                        *told = top;
                    }
                }
            }
        }
        let (told, mirror) = (&mut self.told, &self.world.mirror);
        self.waiting.retain_mut(|(channel, answer)| {
            let waits = answer.try_recv() == Err(oneshot::error::TryRecvError::Empty);
            if let (false, Some(top)) = (waits, mirror.top(channel)) {
                told.insert(channel.clone(), top);
            }
            waits
        });
        Ok(())
    }

    fn holds(&mut self) -> Result<(), TestCaseError> {
        let counters = self.world.mirror.counters();
        prop_assert!(counters.history_bytes <= BYTES_MAX as u64 && counters.channels <= 2);
        for entry in self.world.mirror.channels.values() {
            prop_assert!(entry.ring.bytes() <= BYTES_MAX_OF_ONE);
        }
        let held: usize = self.world.mirror.channels.values().map(|entry| entry.ring.bytes()).sum();
        prop_assert_eq!(counters.history_bytes, held as u64);
        for name in NAMES {
            let Some(entry) = self.world.mirror.channels.get(&channel(name)) else { continue };
            let top = entry.top;
            if top.epoch.as_str() == LOG {
                prop_assert_eq!(name, LOGGED);
                prop_assert_eq!(top.offset, self.logged, "the mirror is behind the log, or ahead of it");
            }
            // A subscriber that comes back gets everything published meanwhile, or is told that some is lost.
            if name == NAMES[0]
                && let Some((left, published)) = self.left
                && self.told.contains_key(&channel(name))
                && entry.line == Line::Live
                && let Some(missed) = self.world.recovered(name, left)
            {
                prop_assert_eq!(missed.len() as u64, self.published - published);
            }
            for offset in 0..=top.offset + 1 {
                let since = Position { offset, ..top };
                let Some(offsets) = self.world.recovered(name, since) else { continue };
                prop_assert_eq!(offsets, (offset + 1..=top.offset).collect::<Vec<_>>());
            }
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn a_subscriber_is_told_of_every_break_and_recovery_is_exact_or_lost(
        linked: bool, steps in proptest::collection::vec(step(), 1..120),
    ) {
        let options = Options {
            history_size: 3, history_age_ms: 100, history_bytes_max: BYTES_MAX, history_bytes_per_channel_max: BYTES_MAX_OF_ONE, channels_max: 2, ..Options::default()
        };
        let world = World::new(options, linked);
        let (told, waiting) = (HashMap::new(), Vec::new());
        let mut life = Life { world, linked, logged: 0, told, published: 0, left: None, waiting };
        for step in steps {
            life.step(&step);
            life.listen()?;
            life.holds()?;
        }
    }
}
