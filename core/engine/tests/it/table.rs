//! Rounds of a table from the first bet to the settlement, with restarts in between.

use engine::{
    Envelope,
    table::{
        Stage, TableLeg, VoidReason, draw,
        live::{Decision, Due, LiveTable},
        settlement,
    },
};
use games::fair::{self, Share};
use ledger::{AccountId, AccountKind, Domain};
use protocol::{ErrorCode, PlayerId, RoundId};

use crate::rig::{BETTING_MS, LOCKED_MS, PAUSE_MS, Rig, config, done, eur, refused, seed, table_id, tx_id};

fn playing() -> Rig {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.deposit(2, 1_000);
    rig.open();
    rig
}

#[test]
fn a_round_goes_from_deadline_to_deadline_and_rests_when_nobody_is_there() {
    let mut rig = Rig::new();
    assert_eq!(rig.live.due(rig.now, false), Due::Nothing);
    rig.rule();
    assert_eq!(rig.live.due(rig.now, true), Due::Open);
    rig.proceed();
    let opened = rig.now;
    assert_eq!(rig.live.due(rig.now, false), Due::At(opened + BETTING_MS), "an open round runs to its end");
    rig.now = opened + BETTING_MS;
    assert_eq!(rig.live.due(rig.now, false), Due::Lock);
    rig.proceed();
    rig.now += LOCKED_MS;
    assert_eq!(rig.live.due(rig.now, false), Due::Settle);
    rig.proceed();
    assert_eq!(rig.live.due(rig.now, true), Due::At(rig.now + PAUSE_MS));
    assert_eq!(rig.live.due(rig.now, false), Due::Nothing);
    rig.wait(PAUSE_MS);
    assert_eq!(rig.live.state().round, 2);
}

#[test]
fn settlement_is_what_the_game_pays_for_the_drawn_outcome() {
    for players in 1..=3 {
        let mut rig = Rig::new();
        for player in 1..=players {
            done(rig.deposit(player, 1_000));
        }
        rig.open();
        let spots: [(&str, &[u8]); 3] = [("red", &[]), ("dozen", &[2]), ("straight", &[0])];
        for player in 1..=players {
            let (kind, numbers) = spots[player as usize - 1];
            done(rig.bet("a", player, &[(kind, numbers, 20), ("black", &[], 30)]));
        }
        rig.wait(BETTING_MS);
        let round = RoundId { table: table_id(), number: 1 };
        let open = rig.live.state().open.clone().unwrap();
        let drawn = draw(rig.live.game(), round, &open, seed(1)).unwrap();
        let shares = settlement(rig.live.game(), &open, drawn.outcome).unwrap();
        let covers = |kind: &str, numbers: &[u8]| {
            let code = rig.live.game().bet(kind, numbers).unwrap();
            let covers = rig.live.game().describe(code).unwrap().covers;
            if covers.contains(&(drawn.outcome.0 as u8)) { 36 / covers.len() as i128 } else { 0 }
        };
        for (share, (kind, numbers)) in shares.iter().zip(spots) {
            let expected = 20 * covers(kind, numbers) + 30 * covers("black", &[]);
            assert_eq!((share.staked, share.returned), (50, expected));
        }
        rig.wait(LOCKED_MS);
        for share in &shares {
            assert_eq!(rig.funds(share.player.0), (950 + share.returned, 0));
        }
        let past = rig.live.state().last.unwrap();
        assert_eq!((past.number, past.staked), (1, 50 * players as i128));
        assert_eq!(past.drawn.unwrap().outcome, drawn.outcome.0);
        let house = |domain, kind| {
            let id = AccountId::house(kind, eur());
            rig.books.domains().ledger(domain).account(&id).map_or(0, |account| account.posted())
        };
        let returned: i128 = shares.iter().map(|share| share.returned).sum();
        assert_eq!(house(Domain::Collections, AccountKind::Stakes), past.staked);
        assert_eq!(house(Domain::Distributions, AccountKind::Winnings), -returned);
    }
}

#[test]
fn a_lock_waits_for_the_bets_under_way_and_takes_no_more() {
    let mut rig = playing();
    done(rig.submit_bet("a", 1, &[("red", &[], 50)]));
    rig.now += BETTING_MS;
    assert_eq!(rig.live.due(rig.now, true), Due::Nothing);
    assert_eq!(rig.submit_bet("b", 2, &[("red", &[], 50)]), refused(ErrorCode::BetsClosed));
    rig.release();
    let envelope = rig.due().unwrap();
    let Envelope::Run(tx) = &envelope else { panic!("a lock is a transaction") };
    assert!(matches!(&tx.table, Some((_, TableLeg::Locked { staked: 50, .. }))));
    rig.submit(&envelope);
    assert_eq!(rig.live.due(rig.now, true), Due::Nothing, "one step at a time");
    assert_eq!(rig.submit_bet("c", 2, &[("red", &[], 50)]), refused(ErrorCode::BetsClosed));
}

#[test]
fn clearing_returns_every_stake_of_the_player_and_only_those() {
    let mut rig = playing();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    done(rig.bet("b", 1, &[("black", &[], 20)]));
    done(rig.bet("c", 2, &[("red", &[], 30)]));
    let receipt = done(rig.clear("x", 1));
    assert_eq!((receipt.amount, receipt.available, receipt.held), (70, 1_000, 0));
    assert_eq!((rig.funds(1), rig.funds(2)), ((1_000, 0), (970, 30)));
    assert_eq!(rig.clear("y", 1), refused(ErrorCode::NoBets));
    done(rig.bet("d", 1, &[("red", &[], 10)]));
    assert_eq!(done(rig.clear("x", 1)), receipt, "the same key clears once");
    assert_eq!(rig.funds(1), (990, 10));
    rig.wait(BETTING_MS);
    assert_eq!(rig.clear("z", 1), refused(ErrorCode::BetsClosed));
}

#[test]
fn clearing_waits_for_the_players_own_bets_and_the_lock_for_the_clearing() {
    let mut rig = playing();
    done(rig.submit_bet("a", 1, &[("red", &[], 50)]));
    done(rig.submit_bet("b", 2, &[("red", &[], 50)]));
    assert!(matches!(rig.decide_clearing("x", 1), Decision::Parked(_)));
    rig.release_one();
    assert!(matches!(rig.decide_clearing("y", 1), Decision::Parked(_)), "a clearing is under way itself");
    rig.now += BETTING_MS;
    assert_eq!(rig.live.due(rig.now, true), Due::Nothing);
    rig.release();
    assert_eq!(rig.unparked.pop().unwrap().1, Some(refused(ErrorCode::NoBets)), "the second finds nothing");
    rig.proceed();
    assert_eq!((rig.funds(1), rig.funds(2)), ((1_000, 0), (950, 50)));
    assert!(matches!(rig.live.state().open.as_ref().unwrap().stage, Stage::Locked { .. }));
}

#[test]
fn a_seed_that_is_not_the_committed_one_voids_the_round_and_returns_the_stakes() {
    for wrong in [None, Some([0xee; 32])] {
        let mut rig = playing();
        done(rig.bet("a", 1, &[("red", &[], 50)]));
        rig.wait(BETTING_MS);
        rig.now += LOCKED_MS;
        let envelope = rig.live.settle(wrong, rig.now);
        let Envelope::Run(tx) = &envelope else { panic!("a void is a transaction") };
        let voided =
            TableLeg::Voided { round: 1, deadline: rig.now + PAUSE_MS, reason: VoidReason::SeedLost };
        assert_eq!(tx.table, Some((table_id(), voided)));
        rig.run(&envelope);
        assert_eq!(rig.funds(1), (1_000, 0));
        assert_eq!((rig.live.state().open.is_none(), rig.live.state().last.unwrap().drawn), (true, None));
        rig.open();
        assert_eq!(rig.live.state().round, 2, "the table goes on");
    }
}

#[test]
fn a_round_of_another_game_or_currency_is_voided_and_takes_no_bet() {
    for locked in [false, true] {
        let mut rig = playing();
        done(rig.bet("a", 1, &[("red", &[], 50)]));
        if locked {
            rig.wait(BETTING_MS);
        }
        let mut config = config();
        config.rules.currency = "USD".parse().unwrap();
        let state = rig.live.state().clone();
        rig.live = LiveTable::new(table_id(), config.into(), rig.live.game(), state);
        assert_eq!(rig.bet("b", 1, &[("red", &[], 50)]), refused(ErrorCode::BetsClosed));
        assert_eq!(rig.live.due(rig.now, false), Due::Void(VoidReason::TableGone));
        rig.proceed();
        assert_eq!(rig.funds(1), (1_000, 0));
    }
}

/// A restart in every phase: the round goes on from there, and ends as without the restart.
#[test]
fn a_round_survives_a_restart_in_each_phase() {
    let play = |restart_at: usize| {
        let mut rig = Rig::new();
        rig.deposit(1, 1_000);
        let mut step = 0;
        let mut maybe = |rig: &mut Rig| {
            if step == restart_at {
                rig.restart();
            }
            step += 1;
        };
        maybe(&mut rig);
        rig.open();
        maybe(&mut rig);
        done(rig.bet("a", 1, &[("red", &[], 50)]));
        maybe(&mut rig);
        done(rig.clear("b", 1));
        maybe(&mut rig);
        done(rig.bet("c", 1, &[("straight", &[17], 20), ("odd", &[], 40)]));
        maybe(&mut rig);
        rig.wait(BETTING_MS);
        maybe(&mut rig);
        rig.wait(LOCKED_MS);
        maybe(&mut rig);
        rig.wait(PAUSE_MS);
        maybe(&mut rig);
        assert_eq!(rig.live.state().round, 2);
        (rig.log, rig.events)
    };
    let undisturbed = play(usize::MAX);
    assert_eq!(undisturbed.0.len(), 9);
    for restart_at in 0..8 {
        assert_eq!(play(restart_at), undisturbed, "restart at step {restart_at}");
    }
}

#[test]
fn the_last_fifty_rounds_are_in_memory_without_a_store_and_events_count_without_a_gap() {
    let mut rig = Rig::new();
    for _ in 0..53 {
        rig.open();
        rig.finish();
    }
    let numbers: Vec<u64> = rig.books.recent_rounds(table_id()).map(|past| past.number).collect();
    assert_eq!(rig.live.state().last.map(|last| last.number), Some(53));
    assert_eq!(numbers, (4..=53).rev().collect::<Vec<_>>());
    let count = rig.events.len() as u64;
    assert_eq!(rig.events, (1..=count).collect::<Vec<_>>());
    assert_eq!(rig.live.state().events, count);
    assert!(count >= 3 * 53, "each round is opened, locked and settled");
}

#[test]
fn the_players_shares_are_mixed_in_the_last_of_each_player() {
    let outcome = |given: &[(&str, u128, &str)]| {
        let mut rig = playing();
        for (key, player, text) in given {
            let mut request = rig.request(key, *player, &[("red", &[], 20)]);
            request.share = Share::given(request.player, Some(text));
            done(rig.place(request));
        }
        rig.wait(BETTING_MS);
        rig.restart();
        match rig.live.state().open.as_ref().unwrap().stage {
            Stage::Locked { mix } => mix,
            Stage::Betting => panic!("the bets are locked"),
        }
    };
    let none = outcome(&[]);
    let (one, two) = (PlayerId(1), PlayerId(2));
    assert_eq!(none, fair::mix([]));
    assert_eq!(outcome(&[("a", 1, "")]), none);
    let both = fair::mix([Share::of(one, "x"), Share::of(two, "y")]);
    assert_eq!(outcome(&[("a", 1, "x"), ("a", 2, "y")]), both);
    assert_eq!(outcome(&[("a", 2, "y"), ("a", 1, "x")]), both, "in any order");
    assert_eq!(outcome(&[("a", 1, "z"), ("a", 2, "y"), ("b", 1, "x"), ("c", 1, "")]), both);
}

#[test]
fn a_receipt_says_where_what_and_what_is_left() {
    let mut rig = playing();
    let receipt = done(rig.bet("a", 1, &[("red", &[], 50), ("odd", &[], 20)]));
    let round = RoundId { table: table_id(), number: 1 };
    assert_eq!(receipt.round, Some(round));
    assert_eq!((receipt.lsn, receipt.amount, receipt.available, receipt.held), (5, 70, 930, 70));
    assert_eq!(rig.books.outcome(tx_id(1, "a")).unwrap(), Some(engine::Outcome::Done(receipt)));
}

#[test]
fn a_step_the_money_refuses_voids_the_round_and_is_not_tried_for_ever() {
    let mut rig = playing();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    // The hold is released without the table's knowledge: neither settling nor voiding is possible.
    rig.steal(1, "a");
    rig.now += BETTING_MS;
    rig.proceed();
    rig.now += LOCKED_MS;
    rig.proceed(); // must return
    assert!(rig.live.closed());
    assert_eq!(rig.live.due(rig.now, true), Due::Nothing);
    assert_eq!(rig.bet("b", 1, &[("red", &[], 50)]), refused(ErrorCode::TableClosed));
    rig.restart(); // the fault was only in the old process; the recorded state is unchanged
    assert_eq!(rig.live.due(rig.now, true), Due::Settle);
}
