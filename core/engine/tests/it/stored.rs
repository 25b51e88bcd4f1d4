//! The state store: what it has, the rest of the log, and the state are one. A copy that follows the log needs no item but
//! those that records touch.

use std::sync::Arc;

use domains::results::{RESULTS_MAX, Settled};
use engine::{
    DecodeError, Formats, Found, KeyState, Parted, Record, Replica, StoredState, Turn, TxId, Unknown,
    Unloadable, Unreadable, Verdict, World, last_results, last_rounds, look_up,
    stored_state::{
        hooked::{HookedStore, StoreRead},
        memory::MemoryStore,
    },
    table::PastRound,
};
use games::fair::Share;
use protocol::{ErrorCode, PlayerId};

use crate::{
    quarantine::failed,
    rig::{BETTING_MS, LOCKED_MS, Rig, done, refused, stored, table_id},
};

/// A log with every kind of record.
fn story() -> Rig {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.deposit(2, 500);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50), ("straight", &[3], 10)]));
    done(rig.bet("b", 2, &[("black", &[], 100)]));
    assert_eq!(rig.bet("c", 2, &[("black", &[], 100)]), refused(ErrorCode::AboveLimit));
    done(rig.clear("d", 1));
    done(rig.bet("e", 1, &[("odd", &[], 20)]));
    rig.wait(BETTING_MS);
    rig.wait(LOCKED_MS);
    rig.open();
    let mut request = rig.request("f", 1, &[("red", &[], 50)]);
    request.share = Some(Share::of(request.player, "clover"));
    done(rig.place(request));
    let digest = rig.books.digest_record(rig.now);
    rig.append(&digest);
    rig.wait(BETTING_MS);
    rig.wait(LOCKED_MS);
    rig
}

fn same(one: &World, other: &World) {
    assert_eq!(one.tables, other.tables);
    assert_eq!((one.books.lsn(), one.books.time()), (other.books.lsn(), other.books.time()));
    assert_eq!(one.books.keys(), other.books.keys());
    assert_eq!(one.books.digest(), other.books.digest());
    for player in [1, 2].map(PlayerId) {
        assert_eq!(results(one, player), results(other, player));
    }
    assert_eq!(rounds(one), rounds(other));
}

/// The last results of a player, newest first.
fn results(world: &World, player: PlayerId) -> Vec<Settled> {
    let balance = &world.books.domains().balance;
    let count = balance.player(player).map_or(0, |player| player.results);
    let recent = balance.recent(player).cloned().collect();
    last_results(&*world.books.store(), player, count, recent).unwrap()
}

/// The last rounds of the table, newest first.
fn rounds(world: &World) -> Vec<PastRound> {
    let Some(state) = world.tables.get(&table_id()) else { return Vec::new() };
    let newest = state.round - u64::from(state.open.is_some());
    let recent: Vec<_> = world.books.recent_rounds(table_id()).copied().collect();
    last_rounds(&*world.books.store(), table_id(), newest, &recent, state.failed()).unwrap()
}

/// The state after the first records.
fn after(log: &[Vec<u8>], records: usize) -> World {
    let mut world = World::default();
    go_on(&mut world, &log[..records]);
    world
}

fn go_on(world: &mut World, log: &[Vec<u8>]) {
    for bytes in log {
        world.apply(&Record::decode(bytes).unwrap()).unwrap();
        world.check().unwrap();
    }
}

/// A copy that has taken records one by one, and was committed at some of them.
fn followed(log: &[Vec<u8>], commits: impl Fn(usize) -> bool) -> (Replica, Arc<MemoryStore>) {
    let (mut replica, mut store) = (Replica::new(Formats::STANDARD), Arc::new(MemoryStore::default()));
    for (place, bytes) in log.iter().enumerate() {
        replica.take(bytes).unwrap();
        if commits(place) {
            store = Arc::new(store.with(replica.commit().unwrap()));
            replica.committed(store.clone());
        }
    }
    (replica, store)
}

#[test]
fn at_every_record_the_store_and_the_rest_of_the_log_make_the_same_state() {
    let rig = story();
    let whole = rig.replay();
    for place in 1..=rig.log.len() {
        let world = after(&rig.log, place);
        let mut restored = stored(&world);
        same(&restored, &world);
        go_on(&mut restored, &rig.log[place..]);
        same(&restored, &whole);
    }
}

#[test]
fn a_copy_that_has_only_what_records_touch_keeps_the_store_that_the_whole_state_would_make() {
    let rig = story();
    let last = rig.log.len() - 1;
    for every in [1, 2, 3, 5, 8, last] {
        let (replica, store) = followed(&rig.log, |place| place % every == 0 || place == last);
        let whole = rig.replay();
        assert_eq!(replica.world().books.digest(), whole.books.digest());
        let expected = MemoryStore::of(&whole);
        assert_eq!(
            (&store.items, &store.keys, &store.head),
            (&expected.items, &expected.keys, &expected.head),
            "{every}"
        );
        same(&store.load(Formats::STANDARD, Unknown::Refused).unwrap(), &whole);
    }
}

#[test]
fn a_copy_goes_on_from_any_commit_of_its_store_after_a_restart() {
    let rig = story();
    let whole = MemoryStore::of(&rig.replay());
    for stop in 0..rig.log.len() {
        let (_, store) = followed(&rig.log[..=stop], |place| place == stop);
        let mut replica = Replica::open(&store.head, store.clone(), Formats::STANDARD).unwrap();
        rig.log[stop + 1..].iter().for_each(|bytes| drop(replica.take(bytes).unwrap()));
        let store = replica.commit().map_or((*store).clone(), |commit| store.with(commit));
        assert_eq!(
            (&store.items, &store.keys, &store.head),
            (&whole.items, &whole.keys, &whole.head),
            "{stop}"
        );
    }
}

#[test]
fn a_copy_refuses_what_the_whole_state_refuses() {
    let rig = story();
    for place in 0..rig.log.len() {
        let (mut replica, _) = followed(&rig.log[..place], |_| true);
        let mut world = after(&rig.log, place);
        // Each record again, and each out of its turn.
        for bytes in &rig.log {
            let refused = world.clone().apply(&Record::decode(bytes).unwrap()).err();
            let parted = replica.clone().take(bytes).err();
            assert_eq!(refused.is_some(), parted.is_some(), "{refused:?} {parted:?} after {place}");
        }
        replica.take(&rig.log[place]).unwrap();
        go_on(&mut world, &rig.log[place..=place]);
    }
}

#[test]
fn no_bit_of_a_store_changes_without_being_noticed() {
    let world = story().replay();
    let store = MemoryStore::of(&world);
    let load = |store: &MemoryStore| store.load(Formats::STANDARD, Unknown::Refused);
    for end in 0..store.head.len() {
        let cut = MemoryStore { head: store.head[..end].to_vec(), ..store.clone() };
        assert!(load(&cut).is_err(), "cut at {end}");
    }
    let long = MemoryStore { head: [&store.head[..], &[0]].concat(), ..store.clone() };
    assert_eq!(load(&long).err(), Some(Unloadable::Unread(DecodeError::TrailingBytes)));
    let table = engine::item::ItemId::Table(table_id()).place();
    // Results and past rounds are compared when they are read: they are in no digest of what is kept now.
    let is_digested = |bytes: &[u8]| bytes[0] != 5 && bytes[0] != 7;
    for (place, item) in store.items.iter().filter(|(place, item)| **place != table && is_digested(item)) {
        let mut without = store.clone();
        without.items.remove(place);
        assert!(matches!(load(&without), Err(Unloadable::Differs(_))), "an item is missing");
        for bit in 0..item.len() * 8 {
            let mut changed = store.clone();
            changed.items.get_mut(place).unwrap()[bit / 8] ^= 1 << (bit % 8);
            assert!(load(&changed).is_err(), "bit {bit} of {item:?}");
        }
    }
}

#[test]
fn nothing_is_committed_while_a_table_waits_for_its_quarantine_nor_twice() {
    let mut rig = failed(false);
    let (mut replica, store) = followed(&rig.log, |_| false);
    let waits = rig.log.len();
    assert_eq!(replica.commit(), None, "the quarantine is not recorded yet");
    let quarantine = rig.due().unwrap();
    rig.run(&quarantine);
    rig.log[waits..].iter().for_each(|bytes| drop(replica.take(bytes).unwrap()));
    let commit = replica.commit().unwrap();
    replica.committed(Arc::new(store.with(commit)));
    assert_eq!(replica.commit(), None, "nothing is new");
}

/// The books of a start from a store with all keys.
fn restarted(rig: &mut Rig) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::of(&rig.replay()));
    rig.restart_from(store.load(Formats::STANDARD, Unknown::Refused).unwrap());
    store
}

#[test]
fn an_old_key_keeps_its_outcome_and_is_looked_up_beside_the_turn() {
    let mut rig = story();
    let (old, outcome) =
        (TxId::of_key(PlayerId(1), &"a".parse().unwrap()), rig.bet("a", 1, &[("red", &[], 1)]));
    assert_eq!(outcome, Verdict::KeyReused);
    let store = restarted(&mut rig);
    assert_eq!(rig.books.keys_in_memory(), 0);
    assert_eq!(rig.books.key_state(old, None), KeyState::Older(1));
    let found = look_up(&*store, old).unwrap();
    assert!(matches!(rig.books.key_state(old, Some(&found)), KeyState::Known(_)));
    let of_another = Found { id: TxId(7), ..found };
    assert_eq!(
        rig.books.key_state(old, Some(&of_another)),
        KeyState::Older(1),
        "it says nothing of this key"
    );
    rig.open();
    let request = rig.request("a", 1, &[("red", &[], 50)]);
    let envelope = rig.live.place_bet(request, rig.now).now().unwrap();
    let aside = rig.books.try_turn(envelope, rig.now, None).unwrap_err();
    assert_eq!((aside.envelope.id(), aside.generation), (old, 1));
    let turn = rig.books.try_turn(aside.envelope.clone(), rig.now, Some(&found));
    assert!(matches!(turn, Ok(Turn::KeyReused)), "{turn:?}");
    assert_eq!(rig.run(&aside.envelope), Verdict::KeyReused, "the same with a wait");
    assert_eq!(done(rig.deposit_as("d0", 1, 1_000)).lsn, 1, "it is not paid in again");
    done(rig.bet("new", 1, &[("red", &[], 50)]));
}

/// What was looked up in a store says nothing once another one is current: the key may have moved there meanwhile.
#[test]
fn a_look_up_counts_only_while_its_store_is_the_current_one() {
    let mut rig = story();
    rig.open();
    let id = TxId::of_key(PlayerId(1), &"late".parse().unwrap());
    let first = rig.books.store();
    let absent = look_up(&*first, id).unwrap();
    assert_eq!(absent.kept, None);
    let receipt = rig.bet("late", 1, &[("red", &[], 50)]);
    let store = Arc::new(MemoryStore::of(&rig.replay()));
    rig.books.turn_to(store.clone());
    assert!(rig.books.forget(usize::MAX));
    assert_eq!(rig.books.key_state(id, Some(&absent)), KeyState::Older(store.generation()));
    assert_eq!(rig.bet("late", 1, &[("red", &[], 50)]), receipt, "it is not carried out again");
}

#[test]
fn a_key_leaves_memory_only_when_the_current_store_has_it() {
    let mut rig = story();
    let (keys, before) = (rig.books.keys(), Arc::new(MemoryStore::of(&rig.replay())));
    rig.open();
    done(rig.bet("late", 1, &[("red", &[], 50)]));
    rig.books.turn_to(before);
    assert!(!rig.books.forget(1), "one after the other");
    assert_eq!(rig.books.keys_in_memory() as u64, keys);
    assert!(rig.books.forget(usize::MAX));
    assert_eq!((rig.books.keys_in_memory(), rig.books.keys()), (1, keys + 1));
}

#[test]
fn the_last_fifty_results_of_a_player_are_found_wherever_they_are() {
    let mut rig = Rig::new();
    rig.deposit(1, 100_000);
    let mut expected = Vec::new();
    for number in 1..=RESULTS_MAX as u64 + 20 {
        rig.open();
        done(rig.bet(&format!("k{number}"), 1, &[("red", &[], 10)]));
        rig.finish();
        expected.insert(0, number);
        expected.truncate(RESULTS_MAX);
        if number % 7 == 3 {
            let (_, store) = followed(&rig.log, |place| place % 5 == 0 || place + 1 == rig.log.len());
            rig.books.turn_to(store);
            rig.books.forget(usize::MAX);
        }
        let world = World { books: rig.books.clone(), ..World::default() };
        let found: Vec<_> = results(&world, PlayerId(1)).iter().map(|settled| settled.number).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_copy_whose_store_has_unreadable_keys_says_so_and_not_that_the_log_is_another() {
    let mut rig = story();
    let store = MemoryStore::of(&rig.replay());
    let head = store.head.clone();
    let store = HookedStore::over(Arc::new(store)).may_have(|_| true).before_read(|read| match read {
        StoreRead::Key(_) => Err(Unreadable::damage("a block is damaged")),
        StoreRead::Item(_) => Ok(()),
    });
    let mut replica = Replica::open(&head, Arc::new(store), Formats::STANDARD).unwrap();
    rig.open();
    let error = replica.take(rig.log.last().unwrap()).unwrap_err();
    assert!(matches!(error, Parted::Store(_)), "{error:?}");
}
