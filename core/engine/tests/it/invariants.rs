//! Each named invariant of the turn passes what is in order and finds what is not.

use domains::{Recipe, StateMachine};
use engine::{
    Content, Envelope, Record, Turn, Tx, TxId, World,
    invariant::{self, Violation},
};
use ledger::HoldId;
use protocol::PlayerId;

use crate::rig::{Rig, done, eur, table_id, tx_id};

/// A world with one bet that stands, and a hold of its own.
fn playing() -> (World, HoldId) {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    (rig.replay(), HoldId(tx_id(1, "a").0))
}

#[test]
fn a_stake_that_is_held_without_a_bet_is_found() {
    let (mut world, _) = playing();
    world.check().expect("all is in order");
    // A stake whose table leg is left out: the money alone is sound, and would be held for ever.
    let (id, hold) = (TxId(7), HoldId(7));
    let recipe = Recipe::Stake { hold, player: PlayerId(1), currency: eur(), amount: 10 };
    let envelope = Envelope::Run(Tx { id, key: Some(Content(1)), recipe, table: None });
    let Turn::New(decided) = world.books.turn(envelope, 0) else { panic!("a new key") };
    let record = decided.into_record();
    world.apply(&record).unwrap();
    world.books.check().expect("no ledger can see it");
    assert_eq!(world.check(), Err(Violation::HoldWithoutBet(hold)));
}

#[test]
fn a_bet_that_stands_without_its_hold_is_found_unless_its_table_has_failed() {
    let (mut world, hold) = playing();
    let recipe = Recipe::Release { player: PlayerId(1), currency: eur(), holds: vec![hold] };
    let envelope = Envelope::Run(Tx { id: TxId(7), key: None, recipe, table: None });
    let Turn::New(decided) = world.books.turn(envelope, 0) else { panic!("it can be released") };
    let record = decided.into_record();
    world.apply(&record).unwrap();
    let balance = world.books.domains().balance.ledger();
    assert_eq!(ledger::invariant::has_ended(balance, hold), Ok(()));
    assert_eq!(world.check(), Err(Violation::BetWithoutHold { table: table_id(), hold }));
    world.tables.get_mut(&table_id()).unwrap().unfit = true;
    assert_eq!(world.check(), Ok(()));
}

#[test]
fn a_hold_that_is_open_has_not_ended() {
    let (world, hold) = playing();
    let balance = world.books.domains().balance.ledger();
    let violation = Err(ledger::invariant::Violation::EndedTwice(hold));
    assert_eq!(ledger::invariant::has_ended(balance, hold), violation);
}

#[test]
fn an_id_has_one_effect() {
    let (world, _) = playing();
    let used = tx_id(1, "a");
    assert_eq!(invariant::no_effect_yet(&world.books, used), Err(Violation::SecondEffect(used)));
    assert_eq!(invariant::no_effect_yet(&world.books, tx_id(1, "b")), Ok(()));
}

#[test]
fn copies_that_differ_in_place_money_or_a_table_are_found() {
    let (world, _) = playing();
    assert_eq!(invariant::same(&world, &world.clone()), Ok(()));
    let mut later = world.clone();
    let record = Record { time: later.books.time(), body: engine::Body::Digest(later.books.digest()) };
    later.apply(&record).unwrap();
    assert!(matches!(invariant::same(&world, &later), Err(Violation::Place { .. })));
    let mut other = world.clone();
    other.tables.get_mut(&table_id()).unwrap().next_at += 1;
    assert_eq!(invariant::same(&world, &other), Err(Violation::Table(table_id())));
    let mut more = world.clone();
    more.tables.insert("another".parse().unwrap(), Default::default());
    assert_eq!(invariant::same(&world, &more), Err(Violation::Table("another".parse().unwrap())));
}
