//! Past rounds: wherever the last ones of a table are, in memory or in the state store, they are the same, in the same order.

use std::sync::Arc;

use engine::{
    Formats, ItemId, Level, LogVerifier, Replica, Unknown, Unreadable, World, last_rounds,
    stored_state::memory::MemoryStore,
    table::{History, PAST_ROUNDS_MAX, PastRound, TableLeg, VoidReason},
};
use games::fair::{Seed, commit};
use proptest::prelude::*;

use crate::{
    quarantine::{failed, hand_over, record_unfit},
    rig::{BETTING_MS, Rig, done, seed, table_id},
};

/// The last round that has ended.
fn newest(rig: &Rig) -> u64 {
    let state = rig.live.state();
    state.round - u64::from(state.open.is_some())
}

/// The last rounds of the table, newest first, as the books and their store have them.
fn read(rig: &Rig) -> Result<Vec<PastRound>, Unreadable> {
    let recent: Vec<_> = rig.books.recent_rounds(table_id()).copied().collect();
    last_rounds(&*rig.books.store(), table_id(), newest(rig), &recent, rig.live.state().failed())
}

/// A store that follows the log of a rig.
struct Following {
    replica: Replica,
    store: Arc<MemoryStore>,
    taken: usize,
}

impl Following {
    fn new() -> Self {
        Self { replica: Replica::new(Formats::STANDARD), store: Arc::default(), taken: 0 }
    }

    /// Takes what is new in the log, and commits it. Returns the items that were written, and their bytes.
    fn commit(&mut self, rig: &Rig) -> (usize, usize) {
        for bytes in &rig.log[self.taken..] {
            self.replica.take(bytes).unwrap();
        }
        self.taken = rig.log.len();
        let Some(commit) = self.replica.commit() else { return (0, 0) };
        let bytes = commit.items.iter().map(|(_, bytes)| bytes.as_ref().map_or(0, Vec::len));
        let written = (commit.items.len(), bytes.sum());
        self.store = Arc::new(self.store.with(commit));
        self.replica.committed(self.store.clone());
        written
    }
}

/// What happens to a table and to those who look at it.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Rounds are played: drawn, or void.
    Play(bool, u8),
    /// The store gets a commit, and the books turn to it.
    Commit,
    /// As many items as may leave memory do.
    Forget(u8),
    /// The hub stops and starts: from its store and the rest of the log, or from a store that is built again.
    Start(bool),
    /// Somebody looks: the rounds are asked for, unless they are here.
    Look,
    /// What was asked for arrives.
    Arrive,
    /// Nobody is at the table any more.
    Leave,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (any::<bool>(), 1..20_u8).prop_map(|(drawn, rounds)| Act::Play(drawn, rounds)),
        3 => Just(Act::Commit),
        2 => (0..60_u8).prop_map(Act::Forget),
        1 => any::<bool>().prop_map(Act::Start),
        4 => Just(Act::Look),
        4 => Just(Act::Arrive),
        1 => Just(Act::Leave),
    ]
}

/// Plays a round, which is to be drawn or voided. Returns what is kept of it, made of the log's own legs.
fn play(rig: &mut Rig, drawn: bool) -> PastRound {
    rig.open();
    let (number, begun) = (rig.live.state().round, rig.log.len());
    let staked = if number.is_multiple_of(3) {
        0
    } else {
        done(rig.bet(&format!("k{number}"), 1, &[("red", &[], 10)]));
        10
    };
    if drawn {
        rig.finish();
    } else {
        let envelope = rig.live.void(VoidReason::TableGone, rig.now);
        rig.run(&envelope);
    }
    let legs: Vec<_> = rig.log[begun..].iter().map(|bytes| engine::Record::decode(bytes).unwrap()).collect();
    let mut mix = None;
    let mut past = None;
    for record in &legs {
        match record.leg() {
            Some(TableLeg::Locked { mix: locked, .. }) => mix = Some(*locked),
            Some(TableLeg::Settled { outcome, seed, .. }) => {
                let drawn = engine::table::Drawn { outcome: *outcome, seed: *seed, mix: mix.unwrap() };
                past = Some((record.time, Some(drawn)));
            }
            Some(TableLeg::Voided { .. }) => past = Some((record.time, None)),
            _ => {}
        }
    }
    let (time, drawn) = past.unwrap();
    PastRound { number, time, commit: commit(&Seed(seed(number))), staked, drawn }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Against a list of all rounds: what the books read, and what a table has in memory while somebody looks, are its last
    /// fifty, however commits, starts and answers that come late are mixed.
    #[test]
    fn the_last_fifty_rounds_are_the_same_wherever_they_are(acts in prop::collection::vec(act(), 1..40)) {
        let mut rig = Rig::new();
        rig.deposit(1, 100_000);
        let (mut following, mut history, mut asked) = (Following::new(), History::default(), None);
        let mut all: Vec<PastRound> = Vec::new();
        for act in acts {
            match act {
                Act::Play(drawn, rounds) => for _ in 0..rounds {
                    let past = play(&mut rig, drawn);
                    prop_assert_eq!(rig.live.state().last, Some(past));
                    history.ended(past);
                    all.insert(0, past);
                },
                Act::Commit => {
                    following.commit(&rig);
                    rig.books.turn_to(following.store.clone());
                }
                Act::Forget(most) => drop(rig.books.forget(most.into())),
                Act::Start(rebuilt) => {
                    if rebuilt {
                        following = Following::new();
                        following.commit(&rig);
                    }
                    let store = &following.store;
                    let mut world = match store.lsn {
                        0 => World::default(),
                        _ => store.load(Formats::STANDARD, Unknown::Refused).unwrap(),
                    };
                    for bytes in &rig.log[store.lsn as usize..] {
                        world.apply(&engine::Record::decode(bytes).unwrap()).unwrap();
                        world.check().unwrap();
                    }
                    rig.restart_from(world);
                    (history, asked) = (History::default(), None);
                }
                Act::Look => if history.ask() {
                    asked = Some(read(&rig).unwrap());
                },
                Act::Arrive => if let Some(rounds) = asked.take() {
                    history.read(rounds);
                },
                Act::Leave => history.forget(),
            }
            let last = &all[..all.len().min(PAST_ROUNDS_MAX)];
            prop_assert_eq!(&read(&rig).unwrap()[..], last);
            if let Some(shown) = history.rounds() {
                prop_assert!(shown.iter().eq(last), "{shown:?}");
            }
        }
    }
}

/// Before past rounds were items of their own, each settlement wrote all fifty of its table again.
#[test]
fn a_settlement_writes_one_past_round_however_many_there_were() {
    let (mut rig, mut following) = (Rig::new(), Following::new());
    let mut written = Vec::new();
    for _ in 0..2 * PAST_ROUNDS_MAX {
        rig.open();
        rig.finish();
        let (items, bytes) = following.commit(&rig);
        written.push((items, bytes));
        rig.books.turn_to(following.store.clone());
        rig.books.forget(usize::MAX);
        assert_eq!(rig.books.recent_rounds(table_id()).count(), 0, "nothing of it stays in memory");
    }
    let of_the_table: Vec<_> =
        following.store.items.values().filter(|bytes| bytes[0] == 7).map(Vec::len).collect();
    assert_eq!(of_the_table.len(), PAST_ROUNDS_MAX);
    assert!(of_the_table.iter().all(|bytes| *bytes < 160), "{of_the_table:?}");
    let (_, last) = written[2 * PAST_ROUNDS_MAX - 1];
    let (_, early) = written[3];
    assert!(last < early + 100, "as much as at the beginning: {early} and {last} bytes");
    println!("a round without bets writes {last} bytes of items; its past round has {}", of_the_table[0]);
}

/// A place in the store that has no round, or another one, is damage: a player must not be shown a history with a gap.
#[test]
fn a_round_that_the_store_should_have_and_does_not_is_damage() {
    let (mut rig, mut following) = (Rig::new(), Following::new());
    rig.deposit(1, 1_000);
    for _ in 0..5 {
        play(&mut rig, true);
    }
    following.commit(&rig);
    rig.books.turn_to(following.store.clone());
    rig.books.forget(usize::MAX);
    let place = |number| ItemId::Round(table_id(), PastRound::place(number)).place();
    let rounds = |store: &MemoryStore, gaps| last_rounds(store, table_id(), 5, &[], gaps);
    let whole = rounds(&following.store, false).unwrap();
    assert_eq!(whole.len(), 5);
    let mut missing = (*following.store).clone();
    missing.items.remove(&place(3));
    assert!(rounds(&missing, false).unwrap_err().damaged);
    let of_others: Vec<_> = whole.iter().copied().filter(|past| past.number != 3).collect();
    assert_eq!(rounds(&missing, true).unwrap(), of_others, "a table that failed shows what there is");
    let mut swapped = (*following.store).clone();
    let other = swapped.items[&place(2)].clone();
    swapped.items.insert(place(3), other);
    for gaps in [false, true] {
        assert!(rounds(&swapped, gaps).unwrap_err().damaged, "another item is at its place");
    }
}

/// Whether a record that locks or settles its round does not fit a table: the round ends with its void, for table, money and
/// store alike.
#[test]
fn the_round_of_a_table_that_failed_ends_with_its_void() {
    let settled = TableLeg::Settled { round: 1, deadline: 0, outcome: 0, seed: [0; 32], returned: 0 };
    for unfit in [None, Some(settled)] {
        let mut rig = match unfit {
            None => failed(true),
            Some(leg) => {
                let mut rig = Rig::new();
                rig.deposit(1, 1_000);
                rig.open();
                done(rig.bet("a", 1, &[("red", &[], 50)]));
                record_unfit(&mut rig, &leg);
                hand_over(&mut rig, &leg);
                rig
            }
        };
        rig.release();
        rig.proceed();
        assert!(rig.live.state().quarantined && rig.live.state().open.is_none());
        rig.replay().check().unwrap();
        let rounds = read(&rig).unwrap();
        assert_eq!(rounds, Vec::from_iter(rig.live.state().last), "one round, and it is void");
        assert_eq!(rounds[0].drawn, None);
        let mut following = Following::new();
        following.commit(&rig);
        rig.books.turn_to(following.store.clone());
        rig.books.forget(usize::MAX);
        assert_eq!(read(&rig).unwrap(), rounds);
    }
}

/// What a store has of past rounds follows from the log, whenever it was committed, also when the numbers have a gap:
/// otherwise `hub verify` would take a sound store for a wrong one, of a log that it is asked to explain.
#[test]
fn what_a_store_has_of_past_rounds_does_not_depend_on_when_it_was_committed() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    let (mut often, mut once) = (Following::new(), Following::new());
    for number in 1..=60 {
        play(&mut rig, number % 7 > 0);
        often.commit(&rig);
    }
    let (round, commit, sealed) = (115, commit(&Seed(seed(115))), Box::new([0; 32]));
    let (game, currency) = ("roulette".into(), crate::rig::eur());
    let opened = TableLeg::Opened { round, deadline: 0, game, rules: 1, currency, commit, sealed };
    record_unfit(&mut rig, &opened);
    hand_over(&mut rig, &opened);
    rig.release();
    rig.proceed();
    assert!(rig.live.state().quarantined);
    for following in [&mut often, &mut once] {
        following.commit(&rig);
    }
    let rounds = |following: &Following| -> Vec<_> {
        following.store.items.values().filter(|bytes| bytes[0] == 7).cloned().collect()
    };
    assert_eq!(rounds(&often).len(), PAST_ROUNDS_MAX);
    assert_eq!(rounds(&often), rounds(&once));
    let mut verifier = LogVerifier::default().at(Level::ReApply);
    rig.log.iter().for_each(|bytes| drop(verifier.next(bytes).unwrap()));
    let items = verifier.new_items().into_iter().filter(|(_, bytes)| bytes[0] == 7);
    let mut items: Vec<_> = items.collect();
    items.sort();
    assert_eq!(items.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>(), rounds(&often));
}

/// The digest of the state has the content of every past round: a copy that has another one is found at the next digest.
#[test]
fn the_digest_has_every_past_round() {
    let mut one = Rig::new();
    one.open();
    one.wait(BETTING_MS);
    let before = one.books.digest();
    let mut other = Rig::new();
    other.open();
    other.wait(BETTING_MS);
    assert_eq!(other.books.digest(), before);
    one.finish();
    other.now += 1; // it ends a millisecond later
    other.finish();
    let component = engine::Component::PastRounds;
    assert_eq!(before.of(component), engine::Digest::default());
    assert_ne!(one.books.digest().of(component), other.books.digest().of(component));
    assert_eq!(one.books.digest().differing(&other.books.digest()), Some(component));
}
