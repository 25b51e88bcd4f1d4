//! What the balance domain keeps of a player besides the accounts.

use domains::{
    Funds, Notice, What,
    balance::{Balance, RESULTS_MAX},
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
        assert_eq!(balance.note(place as u64, &notice(1, what)), place as u64 + 1);
    }
    assert_eq!(balance.note(9, &notice(2, What::Deposit)), 1, "each player's channel counts by itself");
    let results = balance.player(PlayerId(1)).unwrap().results();
    assert_eq!(results.iter().map(|(time, _)| *time).collect::<Vec<_>>(), [4, 2]);
}

#[test]
fn the_last_fifty_results_are_kept_newest_first() {
    let mut balance = Balance::default();
    for number in 1..=60 {
        balance.note(number, &notice(1, settled(number, 0)));
    }
    let results = balance.player(PlayerId(1)).unwrap().results();
    assert_eq!(RESULTS_MAX, 50);
    assert_eq!(
        results.iter().map(|(time, _)| *time).collect::<Vec<_>>(),
        (11..=60).rev().collect::<Vec<_>>()
    );
}

#[test]
fn the_digest_depends_on_the_state_and_not_on_how_it_came_about() {
    let mut balance = Balance::default();
    for number in 1..=120 {
        let what = if number % 3 == 0 { What::Stake } else { settled(number, number.into()) };
        balance.note(number, &notice(1 + u128::from(number % 2), what));
        let mut copy = Balance::default();
        for (id, player) in balance.players() {
            copy.put_player(id, player.events, player.results().clone());
        }
        assert_eq!(copy.digest(), balance.digest(), "after {number} events");
    }
}

#[test]
fn the_digest_tells_any_two_results_apart() {
    let digest = |time, what| {
        let mut balance = Balance::default();
        balance.note(time, &notice(1, what));
        balance.digest()
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
