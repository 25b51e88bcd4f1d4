//! A proof in full with little in memory: what has left memory is proven all the same.

use std::{collections::BTreeSet, sync::Arc};

use actors::stored::Stored;
use domains::{recipes::Deposit, results::Settled};
use engine::{
    Books, Content, Envelope, Formats, ItemPlace, Level, StateItem, Tx, TxId, Unknown, World,
    table::{
        PastRound,
        live::{BetLimits, BetRequest, LiveTable, SEATS_MAX, TableConfig, TableRules},
    },
};
use games::fair::{Seed, commit as commitment};
use journal::{Files, SyncLog, memory::Memory};
use protocol::{Currency, PlayerId};
use store::{Change, Key, Options, Store, Tree};

use super::{commit, open, store_of};
use crate::{
    recovery::{Error, Expectations, Findings, full::within},
    telemetry::with_causes,
};

/// Proves a log in full with so many keys, results and past rounds in memory.
fn proven(memory: &Memory, most: usize) -> Result<Findings, Error> {
    let files = Files::over(memory.clone()).expect("a log");
    within(most, &files, None, Some(&store_of(memory)), Level::ReDecide, &Expectations::default())
}

fn eur() -> Currency {
    "EUR".parse().expect("a currency")
}

/// Decides an envelope, applies it, and appends its records.
fn run(log: &mut SyncLog<Memory>, books: &mut Books, envelope: Envelope, now: u64) -> engine::TxResult {
    let concluded = books.run(envelope, now, 100).expect("what was decided applies");
    assert!(concluded.record.is_some(), "it is new");
    for (_, record) in concluded.records() {
        log.append(record);
    }
    concluded.result
}

/// A deposit of a player.
fn money(player: PlayerId, number: u64) -> Envelope {
    let (deposit, id) =
        (Deposit { player, currency: eur(), amount: 100 }, TxId::of_service("test", &number.to_string()));
    Envelope::Run(Tx::new(id, player.into(), Some(Content::of(&[b"test"])), deposit))
}

#[test]
fn the_memory_of_a_full_proof_does_not_grow_with_keys() {
    const MOST: usize = 1_000;
    let (memory, keys) = (Memory::new(3), 30_000);
    let (mut log, World { mut books, .. }) = open(&memory).expect("a new log");
    for number in 0..keys {
        run(&mut log, &mut books, money(PlayerId(7), number), number);
        if number % 500 == 0 {
            log.sync().expect("a disk");
        }
        if number == 20_000 {
            commit(&memory);
        }
    }
    log.close().expect("a disk");
    let findings = proven(&memory, MOST).expect("it is sound");
    let proven = &findings.verifier.world().books;
    assert_eq!((proven.keys(), proven.digest()), (keys, books.digest()));
    assert!(findings.in_memory <= MOST, "{} in memory", findings.in_memory);
    let stored = findings.stored.expect("it was compared with the store");
    assert!((20_000..=books.lsn()).contains(&stored), "{stored}");
}

#[test]
fn a_key_that_has_left_memory_is_not_used_again() {
    let memory = Memory::new(3);
    let (mut log, World { mut books, .. }) = open(&memory).expect("a new log");
    for number in 0..40 {
        run(&mut log, &mut books, money(PlayerId(7), number), 1);
        log.sync().expect("a disk");
    }
    commit(&memory);
    let stored = Stored::read(&store_of(&memory)).expect("a store");
    let at = stored.0.cursor().lsn;
    // These books do not know of the first keys.
    let mut forgetful = stored.load(Formats::STANDARD, Unknown::Refused).expect("a state").books;
    forgetful.turn_to(Books::default().store());
    for number in 40..500 {
        run(&mut log, &mut forgetful, money(PlayerId(7), number), 1);
        log.sync().expect("a disk");
    }
    let sound = memory.copy();
    run(&mut log, &mut forgetful, money(PlayerId(7), 5), 1);
    log.sync().expect("a disk");
    let mut later = log;
    for from_the_beginning in [true, false] {
        if !from_the_beginning {
            // Then the state store has these keys, and the log does not have their records.
            for log in [&mut later, &mut open(&sound).expect("it is sound").0] {
                log.log().truncate_before(at.next(), &[]).expect("a disk");
            }
        }
        for most in [1_000, 100] {
            let sound = proven(&sound, most).expect("it is sound");
            assert_eq!(sound.trusted, if from_the_beginning { 0 } else { at.0 });
            let refused = proven(&memory, most).err();
            let refused = refused.unwrap_or_else(|| {
                panic!("a key is used twice, {most} in memory, from the beginning: {from_the_beginning}")
            });
            let said = with_causes(&refused);
            assert!(said.contains("has an outcome already"), "{most} in memory: {said}");
        }
    }
}

/// A log of rounds, each with one bet of each player, and the places in its state store of their last results, and of the
/// past rounds.
fn played(players: u128, rounds: u64) -> (Memory, Books, [BTreeSet<ItemPlace>; 2]) {
    let memory = Memory::new(3);
    let (mut log, World { mut books, .. }) = open(&memory).expect("a new log");
    let mut table = table();
    for player in 1..=players {
        run(&mut log, &mut books, money(PlayerId(player), player as u64), 0);
        // More for each: 100 are not enough for all rounds.
        (1..10).for_each(|more| {
            let number = 1_000 * player as u64 + more;
            run(&mut log, &mut books, money(PlayerId(player), number), 0);
        });
    }
    let mut step = |table: &mut LiveTable, envelope, now| {
        let result = run(&mut log, &mut books, envelope, now);
        table.apply(result.id, result.leg.as_ref(), result.time);
    };
    let rules = table.record_rules();
    step(&mut table, rules, 0);
    let mut now = 1;
    for round in 1..=rounds {
        let opening = table.open_round(commitment(&Seed([7; 32])), Box::new([7; 32]), now);
        step(&mut table, opening, now);
        for player in (1..=players).map(PlayerId) {
            let key = format!("bet-{round}").parse().expect("a key");
            let request = BetRequest {
                id: TxId::of_key(player, &key),
                content: Content(round.into()),
                player,
                round,
                bets: vec![("red".into(), vec![], 1)],
                share: None,
            };
            let bet = table.place_bet(request, now).now().expect("nothing is under way");
            step(&mut table, bet, now);
        }
        now = table.state().open.as_ref().expect("it is open").deadline;
        let lock = table.lock(now);
        step(&mut table, lock, now);
        now = table.state().open.as_ref().expect("it is open").deadline;
        let settlement = table.settle(Some([7; 32]), now);
        step(&mut table, settlement, now);
        now = table.state().next_at;
    }
    log.close().expect("a disk");
    commit(&memory);
    let stored = Stored::read(&store_of(&memory)).expect("a store");
    let [mut results, mut past] = [BTreeSet::new(), BTreeSet::new()];
    for row in stored.0.scan(Tree::Rows) {
        let (Key(place), item) = row.expect("a sound store");
        match StateItem::decode(&item, &Formats::STANDARD, Unknown::Refused).expect("an item") {
            StateItem::Result(_) => assert!(results.insert(place)),
            StateItem::Round(..) => assert!(past.insert(place)),
            _ => {}
        }
    }
    (memory, books, [results, past])
}

fn table() -> LiveTable {
    let game = games::game("roulette").expect("the game is in the registry");
    let limits = game.kinds().iter().map(|_| BetLimits { stake_min: 1, spot_max: 1_000 }).collect();
    let rules = TableRules {
        game: "roulette".into(),
        rules_version: game.rules_version(),
        currency: eur(),
        scale: 2,
        betting_ms: 1_000,
        locked_ms: 200,
        pause_ms: 200,
        limits,
        round_max: 1_000,
        seats_max: SEATS_MAX,
    };
    let config = TableConfig { name: "Test".into(), rules, places_max: 100 };
    let id = "test-1".parse().expect("a table id");
    LiveTable::new(id, Arc::new(config), game, engine::table::TableState::default())
}

#[test]
fn the_memory_of_a_full_proof_does_not_grow_with_results_and_past_rounds() {
    const MOST: usize = 100;
    let (memory, books, [results, past]) = played(20, 60);
    assert_eq!((results.len(), past.len()), (20 * 50, 50), "the last 50 of each player, and of the table");
    for most in [MOST, usize::MAX] {
        let findings = proven(&memory, most).expect("it is sound");
        let proven_books = &findings.verifier.world().books;
        assert_eq!(proven_books.digest(), books.digest());
        assert_eq!(findings.stored, Some(books.lsn()));
        assert!(findings.in_memory <= most, "{} in memory", findings.in_memory);
        let kept = proven_books.recent_rounds("test-1".parse().expect("a table id")).count();
        if most == MOST {
            assert_eq!((findings.verifier.in_memory(), kept), (0, 0), "the comparison has moved all of it");
        } else {
            let all = proven_books.keys_in_memory() + results.len() + past.len();
            assert_eq!((findings.verifier.in_memory(), kept), (all, 50), "past rounds are counted");
        }
    }
}

/// What is in the place of a row of the state store, and what is said of it.
type Wrong = (Vec<(ItemPlace, Option<Vec<u8>>)>, String);

#[test]
fn the_results_and_past_rounds_of_the_store_are_compared_with_the_log() {
    let (memory, _, [results, past]) = played(3, 60);
    let stored = Stored::read(&store_of(&memory)).expect("a store");
    let get = |place| stored.0.get(Tree::Rows, &Key(place)).expect("a sound store").expect("an item");
    let mut cases: Vec<Wrong> = Vec::new();
    for (places, what) in [(&results, "results of players"), (&past, "past rounds of tables")] {
        let count = places.len();
        let [one, other] = [places.first(), places.last()].map(|place| *place.expect("one at least"));
        for place in [one, other] {
            let wrong = match StateItem::decode(&get(place), &Formats::STANDARD, Unknown::Refused) {
                Ok(StateItem::Result(settled)) => {
                    StateItem::Result(Settled { time: settled.time + 1, ..settled })
                }
                Ok(StateItem::Round(table, round)) => {
                    StateItem::Round(table, PastRound { staked: round.staked + 1, ..round })
                }
                other => panic!("another item: {other:?}"),
            };
            let said = format!("its {count} {what} are not those of the log");
            cases.push((vec![(place, Some(wrong.encode()))], said));
        }
        let missing = format!("it has {} {what}, and the log has {count}", count - 1);
        cases.push((vec![(one, None)], missing));
        let swapped = vec![(one, Some(get(other))), (other, Some(get(one)))];
        cases.push((swapped, "the place of an item is out of range".into()));
    }
    for (rows, what) in cases {
        let wrong = memory.copy();
        let mut store = Store::over(store_of(&wrong), Options::default()).expect("a sound store");
        let changes = rows.iter().map(|(place, item)| Change {
            tree: Tree::Rows,
            key: Key(*place),
            value: item.as_deref(),
        });
        store.commit(changes, stored.0.cursor(), stored.0.meta()).expect("a disk");
        drop(store);
        for most in [100, usize::MAX] {
            let said = with_causes(&proven(&wrong, most).err().expect("the store is wrong"));
            assert!(said.ends_with(&what), "{most} in memory: {said}, and not {what}");
        }
    }
}
