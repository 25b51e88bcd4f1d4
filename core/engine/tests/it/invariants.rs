//! Each invariant of the turn accepts a correct state and finds a wrong one.

use domains::{StateMachine, recipes::HoldStake};
use engine::{
    ApplyError, Committed, Component, Content, Envelope, Fact, Record, SecretName, Turn, Tx, TxId, World,
    invariant::{self, Violation},
    table::{PastRound, TableLeg},
};
use ledger::HoldId;
use protocol::{PlayerId, RoundId, TableId};

use crate::rig::{BETTING_MS, Rig, done, eur, stored, table_id, tx_id};

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
    // A stake at a table without a round: the money side alone is correct, but the stake would be held for ever.
    let (id, hold, player) = (TxId(7), HoldId(7), PlayerId(1));
    let elsewhere: TableId = "t2".parse().unwrap();
    let round = RoundId { table: elsewhere, number: 1 };
    let stake = HoldStake { player, round, currency: eur(), amount: 10 };
    let leg =
        TableLeg::BetPlaced { round: 1, player, hold, bets: vec![(games::BetCode(0), 10)], share: None };
    let envelope = Envelope::Run(Tx::new(id, player.into(), Some(Content(1)), stake).at(elsewhere, leg));
    let Turn::New(decided) = world.books.turn(envelope, 0) else { panic!("a new key") };
    let record = decided.into_record();
    world.apply(&record).unwrap();
    world.books.check().expect("no ledger can see it");
    assert_eq!(world.check(), Err(Violation::HoldWithoutBet(hold)));
}

#[test]
fn a_bet_that_stands_without_its_hold_is_found_unless_its_table_has_failed() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    rig.steal(1, "a");
    let (mut world, hold) = (rig.replay(), HoldId(tx_id(1, "a").0));
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
fn a_currency_keeps_its_scale_from_its_first_account_on() {
    let fact = |scale| Fact::Scale { currency: "USD".parse().unwrap(), scale };
    let mut rig = Rig::new();
    let put = |rig: &mut Rig, fact| {
        let record = rig.books.fact_record(fact, rig.now);
        rig.books.apply(&record)
    };
    put(&mut rig, fact(2)).unwrap();
    put(&mut rig, fact(3)).expect("nobody has any yet");
    assert_eq!(rig.books.facts().scale("USD".parse().unwrap()), Some(3));
    let euros = |scale| Fact::Scale { currency: eur(), scale };
    put(&mut rig, euros(2)).unwrap();
    rig.deposit(1, 100);
    put(&mut rig, euros(2)).expect("the same again");
    let changed = Violation::FactChanged { fact: euros(3) };
    assert_eq!(put(&mut rig, euros(3)), Err(ApplyError::Invariant(changed)));
}

#[test]
fn a_secret_the_issuer_and_the_people_file_stay_as_long_as_anything_depends_on_them() {
    let check = |secret, value| Fact::Check { secret, value };
    let issuer = |name: &str| Fact::Issuer { name: name.into() };
    let seed = SecretName::Seed;
    let mut rig = Rig::new();
    let mut world = World::default();
    let put = |world: &mut World, fact| {
        let record = world.books.fact_record(fact, 0);
        world.apply(&record).map(drop)
    };
    for value in [1, 2] {
        put(&mut world, check(seed, value)).expect("there are no rounds yet");
        put(&mut world, issuer(&value.to_string())).expect("there are no players yet");
    }
    let people = |file| Fact::People { file };
    put(&mut world, people(2)).expect("the first use of it");
    let before = world.books.digest();
    let changed = Violation::FactChanged { fact: people(3) };
    assert_eq!(put(&mut world, people(3)), Err(ApplyError::Invariant(changed)), "also without players");
    rig.deposit(1, 100);
    rig.open();
    rig.log.iter().for_each(|bytes| drop(world.apply(&Record::decode(bytes).unwrap()).unwrap()));
    for fact in [people(3), check(seed, 3), issuer("3")] {
        assert_eq!(
            put(&mut world, fact.clone()),
            Err(ApplyError::Invariant(Violation::FactChanged { fact }))
        );
    }
    put(&mut world, check(seed, 2)).expect("the same again");
    put(&mut world, issuer("2")).expect("the same again");
    put(&mut world, people(2)).expect("the same again");
    let restored = stored(&world);
    assert_eq!((restored.books.facts(), restored.books.facts().issuer()), (world.books.facts(), Some("2")));
    let played = rig.log.len();
    rig.finish();
    let rest = rig.log[played..].iter().map(|bytes| Record::decode(bytes).unwrap());
    rest.for_each(|record| drop(world.apply(&record).unwrap()));
    put(&mut world, check(seed, 3)).expect("no round is open");
    assert_eq!(world.books.facts().check(seed), Some(3));
    assert_ne!(world.books.digest(), before, "facts are part of the state");
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

/// The digest of open rounds has their numbers alone. What a past round will be made of is compared all the same.
#[test]
fn copies_whose_open_round_has_another_commitment_or_mix_are_found() {
    let mut rig = Rig::new();
    rig.open();
    rig.wait(BETTING_MS);
    let world = rig.replay();
    assert_eq!(world.check(), Ok(()));
    let changes: [fn(&mut TableLeg); 2] = [
        |leg| {
            if let TableLeg::Opened { commit, .. } = leg {
                commit[0] ^= 1;
            }
        },
        |leg| {
            if let TableLeg::Locked { mix, .. } = leg {
                mix[0] ^= 1;
            }
        },
    ];
    for change in changes {
        let mut other = World::default();
        for bytes in &rig.log {
            let mut record = Record::decode(bytes).unwrap();
            if let engine::Body::Committed(Committed { table: Some((_, leg)), .. }) = &mut record.body {
                change(leg);
            }
            other.apply(&record).unwrap();
        }
        other.tables = world.tables.clone();
        assert_eq!(other.books.digest(), world.books.digest());
        assert_eq!(invariant::same(&world, &other), Err(Violation::Money(Component::Rounds)));
        assert_eq!(other.check(), Err(Violation::OtherRound(table_id())));
    }
}

#[test]
fn a_round_that_has_ended_in_another_way_for_its_table_than_for_the_money_is_found() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    rig.finish();
    let world = rig.replay();
    assert_eq!(world.check(), Ok(()));
    let changes: [fn(&mut PastRound); 3] =
        [|last| last.time += 1, |last| last.staked += 1, |last| last.drawn = None];
    for change in changes {
        let mut other = world.clone();
        let table = other.tables.get_mut(&table_id()).unwrap();
        change(table.last.as_mut().unwrap());
        assert_eq!(other.check(), Err(Violation::OtherPastRound(table_id())));
        other.tables.get_mut(&table_id()).unwrap().unfit = true;
        assert_eq!(other.check(), Ok(()), "a table that failed may not know of it");
    }
    let mut without = world.clone();
    without.tables.get_mut(&table_id()).unwrap().last = None;
    assert_eq!(without.check(), Err(Violation::OtherPastRound(table_id())));
}
