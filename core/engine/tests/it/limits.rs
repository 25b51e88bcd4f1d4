//! Which bets a table takes: one row for each rule.

use engine::{
    Content, Outcome, RECORD_BYTES_MAX, Turn, Verdict,
    table::live::{BetLimits, BetRequest, SPOTS_MAX},
};
use games::BetCode;
use protocol::{ErrorCode, PlayerId};

use crate::rig::{BETTING_MS, Rig, config, done, refused, tx_id};

type Bets<'a> = &'a [(&'a str, &'a [u8], i128)];

fn playing() -> Rig {
    let mut rig = Rig::new();
    rig.deposit(1, 10_000);
    rig.deposit(2, 10_000);
    rig.open();
    rig
}

#[test]
fn each_bet_is_taken_or_refused_for_its_reason() {
    // Limits of the rig: 10 to 100 on a spot, 150 for a player in a round.
    let rows: [(Bets, Option<ErrorCode>); 19] = [
        (&[("red", &[], 10)], None),
        (&[("red", &[], 100)], None),
        (&[("red", &[], 60), ("red", &[], 40)], None),
        (&[("red", &[], 100), ("black", &[], 50)], None),
        (&[("straight", &[0], 100)], None),
        (&[("red", &[], 9)], Some(ErrorCode::BelowLimit)),
        (&[("red", &[], 0)], Some(ErrorCode::BelowLimit)),
        (&[("red", &[], -50)], Some(ErrorCode::BelowLimit)),
        (&[("red", &[], 60), ("red", &[], 9)], Some(ErrorCode::BelowLimit)),
        (&[("red", &[], 101)], Some(ErrorCode::AboveLimit)),
        (&[("red", &[], 60), ("red", &[], 41)], Some(ErrorCode::AboveLimit)),
        (&[("red", &[], 100), ("black", &[], 51)], Some(ErrorCode::AboveLimit)),
        (&[("red", &[], i128::MAX)], Some(ErrorCode::AboveLimit)),
        (&[("red", &[], i128::MAX), ("red", &[], i128::MAX)], Some(ErrorCode::AboveLimit)),
        (&[("trio", &[0, 1, 2], 50)], Some(ErrorCode::UnknownBet)),
        (&[("straight", &[37], 50)], Some(ErrorCode::BadSelection)),
        (&[("split", &[1, 9], 50)], Some(ErrorCode::BadSelection)),
        (&[("split", &[1, 9], 5)], Some(ErrorCode::BadSelection)),
        (&[], Some(ErrorCode::NoBets)),
    ];
    for (bets, expected) in rows {
        let mut rig = playing();
        let verdict = rig.bet("a", 1, bets);
        match expected {
            Some(code) => {
                let expected = match code {
                    ErrorCode::UnknownBet | ErrorCode::BadSelection => Verdict::Answered(code),
                    code => refused(code),
                };
                assert_eq!((verdict, rig.funds(1)), (expected, (10_000, 0)), "{bets:?}");
            }
            None => {
                let staked = bets.iter().map(|bet| bet.2).sum();
                assert_eq!(done(verdict).amount, staked, "{bets:?}");
                assert_eq!(rig.funds(1), (10_000 - staked, staked), "{bets:?}");
            }
        }
    }
}

#[test]
fn a_players_own_bets_of_the_round_count_and_those_of_others_do_not() {
    let mut rig = playing();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    done(rig.submit_bet("b", 1, &[("red", &[], 30)]));
    assert_eq!(rig.submit_bet("c", 1, &[("red", &[], 51)]), refused(ErrorCode::AboveLimit), "whatever b is");
    done(rig.submit_bet("d", 2, &[("red", &[], 100)]));
    done(rig.submit_bet("e", 1, &[("red", &[], 20)]));
    done(rig.submit_bet("f", 1, &[("odd", &[], 50)]));
    rig.release();
    assert_eq!(rig.bet("g", 1, &[("red", &[], 10)]), refused(ErrorCode::AboveLimit), "the spot is full");
    assert_eq!(rig.bet("h", 1, &[("even", &[], 10)]), refused(ErrorCode::AboveLimit), "the round is");
    assert_eq!((rig.funds(1), rig.funds(2)), ((9_850, 150), (9_900, 100)));
    rig.clear("i", 1);
    done(rig.bet("j", 1, &[("red", &[], 100), ("odd", &[], 50)]));
    rig.finish();
    rig.open();
    done(rig.bet("k", 1, &[("red", &[], 100), ("odd", &[], 50)]));
}

#[test]
fn a_bet_that_the_money_side_refused_does_not_count_any_more() {
    let mut rig = Rig::new();
    rig.deposit(1, 60);
    rig.open();
    assert_eq!(rig.bet("a", 1, &[("red", &[], 100)]), refused(ErrorCode::InsufficientFunds));
    done(rig.bet("b", 1, &[("red", &[], 60)]));
}

#[test]
fn a_retry_of_a_bet_that_stands_takes_no_room_while_it_is_under_way() {
    let mut rig = playing();
    let first = rig.bet("a", 1, &[("red", &[], 50)]);
    assert_eq!(rig.submit_bet("a", 1, &[("red", &[], 50)]), first);
    done(rig.submit_bet("b", 1, &[("red", &[], 50)]));
}

#[test]
fn a_bet_needs_the_open_round_before_its_deadline() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    assert_eq!(rig.bet("early", 1, &[("red", &[], 50)]), refused(ErrorCode::BetsClosed));
    rig.open();
    let with_round = |rig: &mut Rig, key: &str, round: u64| {
        let mut request = rig.request(key, 1, &[("red", &[], 50)]);
        request.round = round;
        rig.place(request)
    };
    assert_eq!(with_round(&mut rig, "next", 2), refused(ErrorCode::WrongRound));
    assert_eq!(with_round(&mut rig, "none", 0), refused(ErrorCode::BetsClosed));
    rig.now += BETTING_MS - 1;
    done(with_round(&mut rig, "last", 1));
    rig.now += 1;
    assert_eq!(with_round(&mut rig, "late", 1), refused(ErrorCode::BetsClosed));
    rig.proceed();
    assert_eq!(with_round(&mut rig, "locked", 1), refused(ErrorCode::BetsClosed));
    rig.finish();
    rig.open();
    assert_eq!(with_round(&mut rig, "over", 1), refused(ErrorCode::BetsClosed));
}

#[test]
fn a_table_without_a_smallest_stake_still_refuses_a_stake_of_zero() {
    let mut config = config();
    config.rules.limits.iter_mut().for_each(|limits| limits.stake_min = 0);
    let mut rig = Rig::with(config);
    rig.deposit(1, 100);
    rig.open();
    assert_eq!(rig.bet("a", 1, &[("red", &[], 0)]), refused(ErrorCode::BelowLimit));
    assert_eq!(rig.bet("b", 1, &[("red", &[], 5), ("black", &[], -5)]), refused(ErrorCode::BelowLimit));
    done(rig.bet("c", 1, &[("red", &[], 1)]));
}

#[test]
fn a_round_seats_so_many_players_and_each_may_bet_on() {
    let mut config = config();
    config.rules.seats_max = 2;
    let mut rig = Rig::with(config);
    (1..=4).for_each(|player| assert!(matches!(rig.deposit(player, 1_000), Verdict::Recorded(_))));
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 10)]));
    done(rig.submit_bet("a", 2, &[("red", &[], 10)]));
    done(rig.submit_bet("b", 2, &[("red", &[], 10)]));
    done(rig.submit_bet("b", 1, &[("red", &[], 10)]));
    rig.release();
    assert_eq!(rig.submit_bet("a", 3, &[("red", &[], 10)]), refused(ErrorCode::TableFull));
    assert_eq!(rig.bet("b", 3, &[("red", &[], 10)]), refused(ErrorCode::TableFull));
    done(rig.clear("c", 2));
    done(rig.bet("c", 3, &[("red", &[], 10)]));
    assert_eq!(rig.bet("a", 4, &[("red", &[], 10)]), refused(ErrorCode::TableFull));
}

/// Sends a bet of 2^40 on each of these spots, and hands its result over.
fn bet_on(rig: &mut Rig, key: &str, spots: std::ops::Range<u16>) -> Verdict {
    let game = games::game("roulette").unwrap();
    let spell = |code| {
        let spot = game.describe(BetCode(code)).unwrap();
        (spot.kind.into(), spot.numbers.to_vec(), 1 << 40)
    };
    let (id, player) = (tx_id(1, key), PlayerId(1));
    let bets = spots.map(spell).collect();
    let request = BetRequest { id, content: Content(1), player, round: 1, bets, share: None };
    let envelope = rig.live.place_bet(request, rig.now).now().unwrap();
    let result = rig.books.run(envelope, rig.now, u64::MAX).unwrap().result;
    rig.live.apply(result.id, result.leg.as_ref(), result.time);
    crate::rig::without_place(result.verdict)
}

/// Should the table fail, all of them are one record: one that is too long would end the process, and every start after it.
#[test]
fn a_round_takes_as_many_spots_as_its_quarantine_has_room_for() {
    let game = games::game("roulette").unwrap();
    let mut config = config();
    config.rules.round_max = 1 << 90;
    config.rules.limits.fill(BetLimits { stake_min: 1, spot_max: 1 << 90 });
    let mut rig = Rig::with(config);
    rig.deposit(1, 1 << 90);
    rig.open();
    let layout = game.bets();
    let mut placed = 0;
    loop {
        match bet_on(&mut rig, &format!("k{placed}"), 0..layout) {
            Verdict::Recorded(Outcome::Done(_)) => placed += usize::from(layout),
            verdict => break assert_eq!(verdict, refused(ErrorCode::TableFull)),
        }
    }
    let rest = SPOTS_MAX - placed;
    assert!(rest < usize::from(layout), "{placed}");
    done(bet_on(&mut rig, "rest", 0..rest as u16));
    assert_eq!(bet_on(&mut rig, "more", 0..1), refused(ErrorCode::TableFull));

    let quarantine = rig.live.quarantine();
    let Turn::New(decided) = rig.books.turn(quarantine, rig.now) else { panic!("it is recorded") };
    let bytes = decided.into_record().encode().len();
    assert!(bytes < RECORD_BYTES_MAX, "{bytes}");

    rig.become_table(rig.live.state().clone());
    let cleared = rig.decide_clearing("back", 1).now().unwrap();
    rig.run(&cleared);
    done(bet_on(&mut rig, "again", 0..layout));
}
