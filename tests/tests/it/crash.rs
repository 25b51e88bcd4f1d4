//! `kill -9` at random moments under load: nothing accepted is lost, nothing is done twice.
//!
//! `HUB_CRASH_RUNS` sets how often (30), `HUB_CRASH_SEED` repeats the moments and bets of a run.

use std::{collections::BTreeSet, fs, io::ErrorKind, time::Duration};

use fastrand::Rng;
use tests::{
    bettor::{Bettor, Stage},
    fate::Answers,
    hub::{QUICK, Setup, Table},
    soon,
};
use tokio::sync::watch;

const PLAYERS: usize = 5;
const TABLES: [Table; 3] = [
    QUICK,
    Table { id: "brisk", betting_ms: 250, locked_ms: 120, pause_ms: 20 },
    Table { id: "slow", ..LONG },
];
const LONG: Table = Table { id: "", betting_ms: 1_500, locked_ms: 300, pause_ms: 100 };

/// The seed asked for, or a new one; it is printed, so that a failure can be repeated.
fn seed() -> u64 {
    let asked = std::env::var("HUB_CRASH_SEED");
    asked.map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("HUB_CRASH_SEED is a whole number"))
}

#[tokio::test]
async fn a_hub_killed_at_random_moments_loses_no_bet_doubles_none_and_finishes_every_round() {
    let runs = std::env::var("HUB_CRASH_RUNS").map_or(30, |runs| runs.parse().expect("a number of crashes"));
    let seed = seed();
    println!("HUB_CRASH_SEED={seed} HUB_CRASH_RUNS={runs}");
    let mut random = Rng::with_seed(seed);
    let mut hub = Setup::default().tables(TABLES).deposit("100000.00").start();

    let mut players = Vec::new();
    for number in 0..PLAYERS {
        let tables = TABLES.map(|table| table.id);
        let name = format!("bettor{number}");
        players.push(Bettor::sign_in(hub.address(), &name, &tables, random.fork()).await);
    }
    let (place, over) = (watch::Sender::new(Some(hub.address())), watch::Sender::new(false));
    let answers = Answers::default();
    let accepted = answers.accepted();
    let stage = || Stage { hub: place.subscribe(), over: over.subscribe(), answers: answers.clone() };
    let playing: Vec<_> = players.into_iter().map(|player| tokio::spawn(player.play(stage()))).collect();

    let mut records = 0;
    for run in 1..=runs {
        if run > 1 && random.u64(..6) == 0 {
            // In the middle of a start: recovery must survive its own crash.
            hub.spawn();
            tokio::time::sleep(Duration::from_micros(random.u64(..120_000))).await;
        } else {
            if run > 1 {
                place.send_replace(Some(hub.start()));
            }
            let goal = *accepted.borrow() + 1 + random.u64(..80);
            let what = format!("bets accepted in run {run}");
            soon(&what, accepted.clone().wait_for(|count| *count >= goal)).await.expect("we hold it");
            // The moment itself: anywhere within a batch, or later, in any phase of the rounds.
            let later = if random.u64(..3) == 0 { 600_000 } else { 5_000 };
            tokio::time::sleep(Duration::from_micros(random.u64(..later))).await;
        }
        hub.kill();
        place.send_replace(None);
        if random.u64(..8) == 0 {
            // The state store is lost with the process: the next start builds it from the log.
            match fs::remove_dir_all(hub.data().join("store")) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                removed => removed.expect("a disk"),
            }
        }
        // It replays everything from the beginning: with a thousand crashes, not each time.
        if run <= 30 || run % 10 == 0 {
            let totals = hub.verify();
            assert!(totals.records >= records, "run {run}: the log has lost records");
            records = totals.records;
        }
    }

    let address = hub.start();
    over.send_replace(true);
    place.send_replace(Some(address));
    let mut lsns = BTreeSet::new();
    let (mut count, mut refused, mut money, mut resets) = (0, 0, 0, 0);
    for player in playing {
        let mut player = player.await.expect("the player did not fail");
        let audit = player.audit(address).await;
        assert!(
            audit.accepted > 0 && audit.rounds > 0,
            "a player that never played proves nothing: {audit:?}"
        );
        (count, refused) = (count + audit.accepted, refused + audit.refused);
        (money, resets) = (money + audit.available, resets + audit.resets);
        lsns.extend(player.lsns());
    }
    assert_eq!(lsns.len() as u64, count, "each receipt has a place in the log of its own");
    let totals = hub.verify();
    let cash = totals.of("balance", "cash");
    assert_eq!((cash.posted, cash.held), (money, 0), "hub verify and the players count the same money");
    assert_eq!(totals.keys, count + refused + PLAYERS as u64, "one key for each change and each deposit");
    println!("{runs} crashes: {count} changes accepted, {refused} refused, {resets} resets, {totals:?}");
}
