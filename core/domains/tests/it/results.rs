//! What the balance domain keeps of a player besides the accounts.

use domains::{
    Funds, Notice, What,
    balance::Balance,
    results::{RESULTS_MAX, Settled},
};
use protocol::PlayerId;

use crate::script::{eur, round};

fn notice(player: u128, what: What) -> Notice {
    let (before, after) = (Funds::default(), Funds { available: 5, held: 0 });
    Notice { player: PlayerId(player), currency: eur(), before, after, what }
}

fn settled(number: u64, returned: i128) -> What {
    What::Settled { round: round(number), staked: 1, returned, outcome: 3 }
}

/// The times of the results of a player that are in memory, newest first.
fn times(balance: &Balance, player: u128) -> Vec<u64> {
    balance.recent(PlayerId(player)).map(|settled| settled.time).collect()
}

#[test]
fn every_event_gets_the_next_offset_and_only_ended_rounds_are_results() {
    let mut balance = Balance::default();
    let whats = [
        What::Deposit,
        What::Stake,
        settled(1, 0),
        What::Release,
        What::Voided { round: round(2), staked: 1 },
    ];
    for (place, what) in whats.into_iter().enumerate() {
        let place = place as u64;
        assert_eq!(balance.note(place, place, &notice(1, what)), place + 1);
    }
    assert_eq!(balance.note(9, 9, &notice(2, What::Deposit)), 1, "each player's channel counts by itself");
    assert_eq!(times(&balance, 1), [4, 2]);
    let player = balance.player(PlayerId(1)).unwrap();
    assert_eq!((player.events, player.results), (5, 2));
}

#[test]
fn the_last_fifty_results_are_kept_newest_first() {
    let mut balance = Balance::default();
    for number in 1..=60 {
        balance.note(number, number, &notice(1, settled(number, 0)));
    }
    assert_eq!(RESULTS_MAX, 50);
    assert_eq!(times(&balance, 1), (11..=60).rev().collect::<Vec<_>>());
    let places: std::collections::BTreeSet<_> =
        balance.recent(PlayerId(1)).map(|settled| Settled::place(settled.number)).collect();
    assert_eq!(places.len(), RESULTS_MAX, "each has a place of its own");
}

#[test]
fn results_that_the_store_has_leave_memory_and_no_others() {
    let mut balance = Balance::default();
    for lsn in 1..=90 {
        balance.note(lsn, lsn, &notice(1 + u128::from(lsn % 3), settled(lsn, 0)));
    }
    assert!(!balance.forget_results(60, 10), "no more at once than asked");
    assert!(balance.forget_results(60, 1_000));
    for player in 1..=3 {
        let left = times(&balance, player);
        assert_eq!(left.len(), 10);
        assert!(left.iter().all(|time| *time > 60), "{left:?}");
    }
    assert!(balance.forget_results(u64::MAX, 1_000));
    assert_eq!(times(&balance, 1), [0; 0]);
    balance.note(91, 91, &notice(1, settled(91, 0)));
    assert_eq!(balance.player(PlayerId(1)).unwrap().results, 31, "they are still counted");
}

#[test]
fn the_digest_of_players_depends_on_their_numbers_and_not_on_how_they_came_about() {
    let mut balance = Balance::default();
    for number in 1..=120 {
        let what = if number % 3 == 0 { What::Stake } else { settled(number, number.into()) };
        balance.note(number, number, &notice(1 + u128::from(number % 2), what));
        let mut copy = Balance::default();
        balance.players().for_each(|(id, player)| copy.put_player(id, player));
        assert_eq!(copy.digests().players, balance.digests().players, "after {number} events");
    }
}

#[test]
fn the_digest_tells_any_two_results_apart() {
    let digest = |time, what| {
        let mut balance = Balance::default();
        balance.note(1, time, &notice(1, what));
        balance.digests()
    };
    let one = digest(1, settled(1, 5));
    assert_eq!(one, digest(1, settled(1, 5)));
    for other in [
        digest(2, settled(1, 5)),
        digest(1, settled(2, 5)),
        digest(1, settled(1, 6)),
        digest(1, What::Voided { round: round(1), staked: 1 }),
        digest(1, What::Deposit),
    ] {
        assert_ne!(one, other);
    }
}
