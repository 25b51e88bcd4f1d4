//! Parked requests: a request is refused because of bets that stand, never because of undecided ones.

use std::collections::BTreeMap;

use engine::{
    Outcome, TxId, Verdict,
    table::live::{Decision, Due, PARKED_PER_PLAYER_MAX, Question},
};
use proptest::prelude::*;
use protocol::ErrorCode;

use crate::rig::{BETTING_MS, Rig, config, done, refused, tx_id};

fn outcome(rig: &Rig, player: u128, key: &str) -> Option<Verdict> {
    rig.books
        .outcome(tx_id(player, key))
        .unwrap()
        .map(|outcome| crate::rig::without_place(Verdict::Recorded(outcome)))
}

#[test]
fn a_bet_that_is_refused_for_want_of_money_does_not_refuse_the_payable_one_behind_it() {
    let mut rig = Rig::new();
    rig.deposit(1, 60);
    rig.open();
    assert_eq!(rig.submit_bet("a", 1, &[("red", &[], 70)]), refused(ErrorCode::InsufficientFunds));
    rig.park_bet("b", 1, &[("red", &[], 40)]);
    rig.park_bet("c", 1, &[("red", &[], 20)]);
    rig.park_bet("d", 1, &[("black", &[], 10)]);
    rig.release();
    done(outcome(&rig, 1, "b").unwrap());
    done(outcome(&rig, 1, "c").unwrap());
    assert_eq!(outcome(&rig, 1, "d"), Some(refused(ErrorCode::InsufficientFunds)), "in order of arrival");
}

#[test]
fn a_bet_behind_a_clearing_is_decided_after_the_clearing() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 100)]));
    let clearing = rig.decide_clearing("x", 1).now().unwrap();
    rig.submit(&clearing);
    rig.park_bet("b", 1, &[("red", &[], 100)]);
    rig.release();
    done(outcome(&rig, 1, "b").unwrap());
    assert_eq!(rig.funds(1), (900, 100));
}

#[test]
fn a_clearing_that_waits_takes_back_the_bets_ahead_of_it_and_no_other() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.submit_bet("a", 1, &[("red", &[], 50)]));
    assert!(matches!(rig.decide_clearing("x", 1), Decision::Parked(_)));
    rig.park_bet("b", 1, &[("red", &[], 30)]);
    rig.release();
    assert_eq!(done(outcome(&rig, 1, "x").unwrap()).amount, 50);
    assert_eq!(rig.funds(1), (970, 30));
}

#[test]
fn no_seat_is_refused_because_of_a_bet_that_is_refused_itself() {
    let mut config = config();
    config.rules.seats_max = 2;
    let mut rig = Rig::with(config);
    for player in [1, 3, 4] {
        done(rig.deposit(player, 1_000));
    }
    rig.deposit(2, 5);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 10)]));
    assert_eq!(rig.submit_bet("a", 2, &[("red", &[], 10)]), refused(ErrorCode::InsufficientFunds));
    rig.park_bet("a", 3, &[("red", &[], 10)]);
    rig.park_bet("a", 4, &[("red", &[], 10)]);
    done(rig.submit_bet("b", 1, &[("red", &[], 10)]));
    rig.release();
    done(outcome(&rig, 3, "a").unwrap());
    assert_eq!(
        outcome(&rig, 4, "a"),
        Some(refused(ErrorCode::TableFull)),
        "the seat went to the earlier one"
    );
}

#[test]
fn a_seat_that_is_being_given_up_goes_to_the_first_player_who_comes_after_that() {
    let mut config = config();
    config.rules.seats_max = 1;
    let mut rig = Rig::with(config);
    for player in [1, 2, 3] {
        done(rig.deposit(player, 1_000));
    }
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 10)]));
    assert_eq!(rig.submit_bet("early", 2, &[("red", &[], 10)]), refused(ErrorCode::TableFull));
    let clearing = rig.decide_clearing("x", 1).now().unwrap();
    rig.submit(&clearing);
    rig.park_bet("a", 2, &[("red", &[], 10)]);
    rig.release();
    done(outcome(&rig, 2, "a").unwrap());
    assert_eq!(rig.bet("a", 3, &[("red", &[], 10)]), refused(ErrorCode::TableFull));
}

#[test]
fn a_retry_waits_for_what_becomes_of_the_first_and_gets_its_outcome() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    let first = rig.submit_bet("a", 1, &[("red", &[], 100)]);
    let again = rig.park_bet("a", 1, &[("red", &[], 100)]);
    let other = rig.park_bet("a", 1, &[("red", &[], 10)]);
    rig.release();
    assert_eq!(rig.unparked, [(again, Some(first)), (other, Some(Verdict::KeyReused))]);
    assert_eq!(rig.funds(1), (900, 100));
}

#[test]
fn a_parked_bet_is_judged_by_the_time_it_came_and_the_lock_waits_for_it() {
    let mut rig = Rig::new();
    rig.deposit(1, 60);
    rig.open();
    rig.submit_bet("a", 1, &[("red", &[], 70)]);
    rig.now += BETTING_MS - 1;
    rig.park_bet("b", 1, &[("red", &[], 60)]);
    rig.now += 1;
    rig.park_bet("late", 1, &[("red", &[], 10)]);
    rig.release_one();
    assert_eq!(rig.live.due(rig.now, true), Due::Nothing, "b is under way, and then late");
    rig.release();
    done(outcome(&rig, 1, "b").unwrap());
    assert_eq!(outcome(&rig, 1, "late"), Some(refused(ErrorCode::BetsClosed)));
    assert_eq!(rig.live.due(rig.now, true), Due::Lock);
    rig.finish();
}

#[test]
fn a_bet_for_the_round_that_is_being_opened_waits_until_it_is_open() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.rule();
    let opening = rig.due().unwrap();
    rig.submit(&opening);
    let mut request = rig.request("a", 1, &[("red", &[], 50)]);
    request.round = 1;
    assert!(matches!(rig.live.place_bet(request.clone(), rig.now), Decision::Parked(_)));
    (request.id, request.player, request.round) = (tx_id(2, "b"), protocol::PlayerId(2), 2);
    assert!(matches!(rig.live.place_bet(request.clone(), rig.now), Decision::Parked(_)));
    (request.id, request.player, request.round) = (tx_id(3, "c"), protocol::PlayerId(3), 0);
    assert_eq!(rig.place(request), refused(ErrorCode::BetsClosed), "a round that is over whatever comes");
    done(outcome(&rig, 1, "a").unwrap());
    assert_eq!(outcome(&rig, 2, "b"), Some(refused(ErrorCode::WrongRound)), "another round than that");
}

#[test]
fn a_table_that_fails_decides_every_parked_request() {
    let mut rig = Rig::new();
    rig.deposit(1, 60);
    rig.open();
    rig.submit_bet("a", 1, &[("red", &[], 70)]);
    rig.park_bet("b", 1, &[("red", &[], 40)]);
    rig.park_bet("c", 1, &[("red", &[], 60)]);
    assert!(matches!(rig.live.ask(protocol::PlayerId(1)), Question::Parked(_)));
    rig.live.panicked();
    rig.unpark();
    let closed = Some(refused(ErrorCode::TableClosed));
    assert_eq!((outcome(&rig, 1, "b"), outcome(&rig, 1, "c")), (closed, closed));
    assert_eq!(rig.unparked.len(), 3, "the question too");
    rig.release();
    rig.proceed();
    assert!(rig.live.state().open.is_none());
}

#[test]
fn a_question_about_a_key_waits_only_for_the_parked_requests_of_its_player() {
    let mut rig = Rig::new();
    rig.deposit(1, 60);
    rig.open();
    rig.submit_bet("a", 1, &[("red", &[], 70)]);
    let [one, two] = [1, 2].map(protocol::PlayerId);
    assert_eq!(rig.live.ask(one), Question::GoOn, "a bet under way is ahead of it wherever it goes");
    let bet = rig.park_bet("b", 1, &[("red", &[], 60)]);
    let Question::Parked(asked) = rig.live.ask(one) else { panic!("it waits") };
    assert_eq!(rig.live.ask(two), Question::GoOn);
    rig.release();
    assert_eq!(rig.unparked.iter().map(|(ticket, _)| *ticket).collect::<Vec<_>>(), [bet, asked]);
    assert_eq!(rig.unparked[1].1, None);
}

#[test]
fn a_refusal_waits_for_the_parked_request_that_it_may_be_a_retry_of() {
    let mut rig = Rig::new();
    rig.deposit(1, 60);
    rig.open();
    rig.submit_bet("a", 1, &[("red", &[], 70)]);
    rig.park_bet("b", 1, &[("red", &[], 60)]);
    let request = rig.request("b", 1, &[("red", &[], 60)]);
    let refused = rig.live.refuse(request.id, request.content, request.player, ErrorCode::NotAtTable);
    assert!(matches!(refused, Decision::Parked(_)));
    rig.release();
    assert_eq!(rig.unparked[1].1, outcome(&rig, 1, "b"), "its outcome wins");
}

#[test]
fn a_player_with_the_most_parked_requests_gets_busy_and_may_try_again() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    rig.submit_bet("a", 1, &[("red", &[], 100)]);
    for _ in 0..PARKED_PER_PLAYER_MAX {
        rig.park_bet("a", 1, &[("red", &[], 100)]);
    }
    let request = rig.request("b", 1, &[("red", &[], 10)]);
    assert_eq!(rig.live.place_bet(request.clone(), rig.now), Decision::Busy);
    assert_eq!(rig.live.ask(request.player), Question::Busy, "what is ahead of it may still be carried out");
    rig.release();
    assert_eq!(rig.place(request), refused(ErrorCode::AboveLimit));
}

/// A step of the property test.
#[derive(Debug, Clone)]
enum Step {
    Bet {
        player: u128,
        key: u8,
        spot: usize,
        stake: i128,
    },
    Clear {
        player: u128,
        key: u8,
    },
    Forged {
        player: u128,
        key: u8,
    },
    Wait(u64),
    /// Hands the oldest result to the table, when results are held back.
    Release,
}

const SPOTS: [&str; 3] = ["red", "odd", "low"];

fn step() -> impl Strategy<Value = Step> {
    let player = 1..=5_u128;
    prop_oneof![
        6 => (player.clone(), 0..40_u8, 0..SPOTS.len(), prop_oneof![Just(10_i128), Just(60), Just(100)])
            .prop_map(|(player, key, spot, stake)| Step::Bet { player, key, spot, stake }),
        2 => (player.clone(), 0..40_u8).prop_map(|(player, key)| Step::Clear { player, key }),
        1 => (player, 0..40_u8).prop_map(|(player, key)| Step::Forged { player, key }),
        1 => (0..300_u64).prop_map(Step::Wait),
        4 => Just(Step::Release),
    ]
}

/// What a table decides when nothing is ever under way, or when results reach it as the steps say.
fn decided(steps: &[Step], seats: u32, one_at_a_time: bool) -> BTreeMap<TxId, String> {
    let mut config = config();
    config.rules.seats_max = seats;
    let mut rig = Rig::with(config);
    for (player, amount) in [(1, 250), (2, 130), (3, 60), (4, 5), (5, 130)] {
        done(rig.deposit(player, amount));
    }
    rig.rule();
    let opening = rig.due().unwrap();
    rig.submit(&opening);
    let mut asked = Vec::new();
    for step in steps {
        if one_at_a_time {
            rig.release();
        }
        let decided = match step {
            Step::Bet { player, key, spot, stake } => {
                let mut request = rig.request(&format!("k{key}"), *player, &[(SPOTS[*spot], &[], *stake)]);
                request.round = 1;
                request.content = engine::Content(*spot as u128 * 1_000 + *stake as u128);
                asked.push(request.id);
                rig.live.place_bet(request, rig.now)
            }
            Step::Clear { player, key } => {
                let id = tx_id(*player, &format!("k{key}"));
                asked.push(id);
                let (content, player) = (engine::Content(7), protocol::PlayerId(*player));
                let clear = engine::table::live::ClearRequest { id, content, player, round: 1 };
                rig.live.clear_bets(clear, rig.now)
            }
            Step::Forged { player, key } => {
                let (id, player) = (tx_id(*player, &format!("k{key}")), protocol::PlayerId(*player));
                rig.live.refuse(id, engine::Content(9), player, ErrorCode::NotAtTable)
            }
            Step::Wait(ms) => {
                rig.now += ms;
                continue;
            }
            Step::Release => {
                rig.release_one();
                continue;
            }
        };
        match decided {
            Decision::Now(envelope) => drop(rig.submit(&envelope)),
            Decision::Parked(_) => assert!(!one_at_a_time, "nothing is undecided"),
            Decision::Busy => panic!("there is room"),
        }
    }
    rig.release();
    rig.now += BETTING_MS;
    assert_eq!(rig.live.due(rig.now, true), Due::Lock, "nobody waits for ever");
    // What a table refused on its own state, with requests under way, the log's state at that place refuses as well.
    let mut verifier = engine::LogVerifier::default();
    rig.log.iter().for_each(|bytes| drop(verifier.next(bytes).unwrap()));
    assert!(verifier.tally().undecided.is_empty());
    let outcome = |id| match rig.books.outcome(id).unwrap() {
        // Everything but the place in the log.
        Some(Outcome::Done(done)) => format!("{} {} {}", done.amount, done.available, done.held),
        Some(Outcome::Refused { code, .. }) => code.name().to_owned(),
        Some(engine::Outcome::Changed { .. }) | None => "nothing".to_owned(),
    };
    asked.into_iter().map(|id| (id, outcome(id))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn whatever_is_under_way_a_table_decides_as_if_requests_came_one_at_a_time(
        seats in 1..4_u32,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        prop_assert_eq!(decided(&steps, seats, false), decided(&steps, seats, true));
    }
}
