//! Quarantine: a failed table is closed alike live, in replay and in the state store, and no stake is lost.

use domains::recipes::TableOnly;
use engine::{
    Body, Committed, Envelope, LogVerifier, Principal, Record, TxId, Verdict, World, invariant,
    table::{TableLeg, VoidReason, close_orphan, live::Due},
};
use protocol::{ErrorCode, RoundId};

use crate::rig::{BETTING_MS, LOCKED_MS, Rig, done, refused, stored, table_id};

/// The transaction of a step of a round.
fn step(leg: &TableLeg) -> TxId {
    TxId::of_round(RoundId { table: table_id(), number: leg.round() }, leg.step().unwrap())
}

/// Records a leg that does not fit the table; it is still to be handed over.
pub fn record_unfit(rig: &mut Rig, leg: &TableLeg) {
    let id = step(leg);
    let table = Some((table_id(), leg.clone()));
    let unfit = Committed {
        id,
        principal: Principal::HUB,
        key: None,
        intent: TableOnly.into(),
        legs: Vec::new(),
        rows: Vec::new(),
        notices: Vec::new(),
        table,
    };
    rig.append(&Record { time: rig.now, body: Body::Committed(unfit) });
}

pub fn hand_over(rig: &mut Rig, leg: &TableLeg) {
    assert_eq!(rig.live.apply(step(leg), Some(leg), rig.now), None);
}

/// A table with bets of two players, after a leg that did not fit.
pub fn failed(in_flight: bool) -> Rig {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.deposit(2, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    let leg = TableLeg::Locked { round: 1, deadline: 0, staked: 1, mix: [0; 32] };
    record_unfit(&mut rig, &leg);
    if in_flight {
        done(rig.submit_bet("b", 2, &[("red", &[], 70)]));
    }
    hand_over(&mut rig, &leg);
    rig
}

#[test]
fn a_leg_that_does_not_fit_closes_the_table_and_the_void_returns_the_stakes() {
    let mut rig = failed(false);
    assert!(rig.live.closed());
    assert_eq!(rig.bet("c", 1, &[("red", &[], 50)]), refused(ErrorCode::TableClosed));
    assert_eq!(rig.live.due(rig.now, true), Due::Quarantine);
    let envelope = rig.due().unwrap();
    rig.run(&envelope);
    assert!(rig.live.state().quarantined && !rig.live.state().unfit);
    assert_eq!(rig.live.due(rig.now, true), Due::Void(VoidReason::Fault));
    rig.proceed();
    assert_eq!(rig.funds(1), (1_000, 0));
    assert!(rig.live.state().open.is_none());
    assert_eq!(rig.live.due(rig.now + BETTING_MS, true), Due::Nothing, "no more rounds");
    rig.restart();
    assert!(rig.live.closed());
}

/// The stake of a bet whose record came after the failure is held, and must not be held for ever.
#[test]
fn a_bet_in_flight_when_its_table_fails_gets_its_stake_back() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.deposit(2, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    let envelope = {
        let request = rig.request("b", 2, &[("red", &[], 70)]);
        rig.live.place_bet(request, rig.now).now().unwrap()
    };
    // The failure comes first in the log, the bet directly after it.
    let leg = TableLeg::Settled { round: 1, deadline: 0, outcome: 0, seed: [0; 32], returned: 0 };
    record_unfit(&mut rig, &leg);
    done(rig.submit(&envelope));
    hand_over(&mut rig, &leg);
    assert_eq!(rig.live.due(rig.now, true), Due::Nothing, "a void waits for the bets under way");
    rig.release();
    assert_eq!(rig.funds(2), (930, 70));
    let mut restarted_before_the_void = rig.replay();
    assert_eq!(restarted_before_the_void.tables.remove(&table_id()).as_ref(), Some(rig.live.state()));
    rig.proceed();
    assert_eq!((rig.funds(1), rig.funds(2)), ((1_000, 0), (1_000, 0)));
    rig.restart();
}

#[test]
fn a_void_at_a_failed_table_waits_for_bets_under_way() {
    let mut rig = failed(true);
    assert_eq!(rig.live.due(rig.now, true), Due::Nothing);
    rig.release();
    rig.restart();
    assert_eq!(rig.live.due(rig.now, true), Due::Quarantine);
    rig.proceed();
    assert_eq!((rig.funds(1), rig.funds(2)), ((1_000, 0), (1_000, 0)));
}

#[test]
fn live_replay_and_the_store_agree_on_a_failed_table() {
    let mut rig = failed(true);
    rig.release();
    let world = rig.replay();
    let copy = stored(&world);
    for state in [&world.tables[&table_id()], &copy.tables[&table_id()]] {
        assert_eq!(state, rig.live.state());
        assert!(state.unfit && !state.quarantined, "a replay decides nothing by itself");
    }
    rig.proceed();
    assert_eq!(rig.replay().tables[&table_id()], *rig.live.state());
}

/// For another release the record that failed here fits. Both releases have the same state after the record of the
/// quarantine.
#[test]
fn a_release_that_the_record_fits_agrees_behind_the_quarantine() {
    let mut rig = failed(true);
    rig.release();
    rig.proceed();
    let mut fitting = World::default();
    for bytes in &rig.log {
        let mut record = Record::decode(bytes).unwrap();
        if let Body::Committed(committed) = &mut record.body
            && let Some((_, TableLeg::Locked { .. })) = &committed.table
        {
            committed.table = None;
        }
        fitting.apply(&record).unwrap();
    }
    fitting.check().unwrap();
    invariant::same(&fitting, &rig.replay()).unwrap();
    assert_eq!(fitting.tables[&table_id()], *rig.live.state());
}

/// The opposite case: a release for which no leg fits any more still knows every stake, records the quarantine itself,
/// and returns the stakes.
#[test]
fn a_release_that_fails_early_follows_the_stakes_of_later_rounds() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    rig.finish();
    rig.open();
    done(rig.bet("b", 1, &[("red", &[], 70)]));
    let mut unfit = World::default();
    for bytes in &rig.log {
        unfit.apply(&Record::decode(bytes).unwrap()).unwrap();
        if let Some(state) = unfit.tables.get_mut(&table_id()) {
            state.unfit = true;
        }
    }
    unfit.check().unwrap();
    rig.become_table(unfit.tables.remove(&table_id()).unwrap());
    assert_eq!(rig.live.due(rig.now, true), Due::Quarantine);
    rig.proceed();
    assert_eq!(rig.funds(1).1, 0, "every stake is back");
    rig.restart();
    assert!(rig.live.closed());
}

#[test]
fn a_round_that_was_settled_when_its_table_failed_is_not_voided_as_well() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    rig.wait(BETTING_MS);
    rig.now += LOCKED_MS;
    let settle = rig.due().expect("the round is to be settled");
    rig.submit(&settle);
    // The money side has settled; the table fails when it applies its leg.
    let mut state = rig.live.state().clone();
    state.unfit = true;
    rig.become_table(state);
    rig.release();
    let funds = rig.funds(1);
    rig.proceed();
    assert_eq!(rig.funds(1), funds);
    assert!(rig.live.state().quarantined && rig.live.state().open.is_none());
    rig.restart();
}

#[test]
fn clearing_in_flight_at_a_failed_table_is_not_returned_twice() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    let clear = rig.decide_clearing("x", 1).now().unwrap();
    let leg = TableLeg::Locked { round: 1, deadline: 0, staked: 0, mix: [0; 32] };
    record_unfit(&mut rig, &leg);
    hand_over(&mut rig, &leg);
    done(rig.run(&clear));
    rig.proceed();
    assert_eq!(rig.funds(1), (1_000, 0));
    assert!(rig.live.state().open.is_none(), "the round ended although nothing was left to return");
}

/// In a round without bets the money side would accept both: the settlement, and a void after it.
#[test]
fn a_panic_while_a_step_is_under_way_waits_for_it() {
    let mut rig = Rig::new();
    rig.open();
    rig.wait(BETTING_MS);
    rig.now += crate::rig::LOCKED_MS;
    let settle = rig.due().expect("the round is to be settled");
    rig.submit(&settle);
    rig.live.panicked();
    assert_eq!(rig.live.due(rig.now, true), Due::Nothing, "the step is waited for");
    rig.release();
    assert!(rig.live.closed() && rig.live.state().open.is_none());
    assert_eq!(rig.live.due(rig.now + BETTING_MS, true), Due::Nothing);
    let mut verifier = LogVerifier::default();
    rig.log.iter().for_each(|bytes| drop(verifier.next(bytes).expect("an honest log")));
    verifier.check().expect("every invariant holds");
    assert_eq!(verifier.closed(), []);
}

#[test]
fn a_panic_voids_the_round_once_its_bets_have_come_back_however_often_it_comes() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.submit_bet("a", 1, &[("red", &[], 50)]));
    rig.live.panicked();
    rig.live.panicked();
    assert_eq!(rig.live.due(rig.now, true), Due::Nothing, "a bet is under way");
    rig.release();
    rig.proceed();
    assert_eq!(rig.funds(1), (1_000, 0));
    rig.restart();
    assert!(!rig.live.closed(), "the next start opens it again");
}

#[test]
fn the_verifier_names_the_record_that_closed_a_table() {
    let mut rig = failed(false);
    rig.proceed();
    let mut verifier = LogVerifier::default();
    rig.log.iter().for_each(|bytes| drop(verifier.next(bytes).unwrap()));
    verifier.check().unwrap();
    assert_eq!(verifier.closed(), [(table_id(), 6)]);
}

/// Ends what is left of the table, which nobody runs any more, and returns how many steps that took.
fn close_as_orphan(rig: &mut Rig) -> usize {
    let state = rig.live.state().clone();
    let envelopes = close_orphan(table_id(), state, &rig.books, rig.now);
    for envelope in &envelopes {
        assert_eq!(rig.run(envelope), Verdict::Done);
    }
    let world = rig.replay();
    world.check().unwrap();
    assert!(world.settled(), "the store can take it over");
    assert!(world.tables[&table_id()].quarantined && world.tables[&table_id()].open.is_none());
    envelopes.len()
}

#[test]
fn an_orphan_that_a_record_did_not_fit_is_quarantined_whether_or_not_its_round_is_open() {
    let mut rig = failed(false);
    assert!(!rig.replay().settled());
    assert_eq!(close_as_orphan(&mut rig), 2, "its quarantine, and the void");
    assert_eq!((rig.funds(1), rig.funds(2)), ((1_000, 0), (1_000, 0)));

    let mut rig = Rig::new();
    rig.open();
    rig.finish();
    let leg = TableLeg::Locked { round: 1, deadline: 0, staked: 0, mix: [0; 32] };
    record_unfit(&mut rig, &leg);
    hand_over(&mut rig, &leg);
    assert!(rig.live.state().unfit && rig.live.state().open.is_none());
    assert_eq!(close_as_orphan(&mut rig), 1);
}

/// The money has ended the round; the table did not hear of it, and shows it as open.
#[test]
fn a_round_of_an_orphan_that_has_ended_is_not_voided_as_well() {
    let mut rig = failed(false);
    rig.proceed();
    let funds = rig.funds(1);
    let mut state = failed(false).live.state().clone();
    assert!(state.open.is_some());
    state.unfit = true;
    rig.become_table(state);
    let envelopes = close_orphan(table_id(), rig.live.state().clone(), &rig.books, rig.now);
    assert_eq!(envelopes.len(), 1, "its quarantine alone: {envelopes:?}");
    assert_eq!(rig.run(&envelopes[0]), Verdict::Done);
    assert_eq!(rig.funds(1), funds);
    assert!(rig.live.state().open.is_none());
}

#[test]
fn an_orphan_that_fits_has_its_stakes_returned_and_nothing_else() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    let envelopes = close_orphan(table_id(), rig.live.state().clone(), &rig.books, rig.now);
    assert_eq!(envelopes.len(), 1);
    assert_eq!(rig.run(&envelopes[0]), Verdict::Done);
    assert_eq!(rig.funds(1), (1_000, 0));
    let left = rig.replay().tables.remove(&table_id()).unwrap();
    assert!(!left.failed() && left.open.is_none());
    assert_eq!(close_orphan(table_id(), left, &rig.books, rig.now), []);
}

#[test]
fn a_table_that_stands_still_is_quarantined_once_a_record_does_not_fit_it() {
    let mut rig = Rig::new();
    rig.deposit(1, 1_000);
    rig.open();
    done(rig.bet("a", 1, &[("red", &[], 50)]));
    rig.live.give_up();
    assert_eq!(rig.live.due(rig.now, true), Due::Nothing);
    let leg = TableLeg::Locked { round: 1, deadline: 0, staked: 1, mix: [0; 32] };
    record_unfit(&mut rig, &leg);
    hand_over(&mut rig, &leg);
    assert_eq!(rig.live.due(rig.now, true), Due::Quarantine);
    rig.proceed();
    assert!(rig.replay().settled());
    assert_eq!(rig.funds(1), (1_000, 0), "and its stakes go back now");
}

#[test]
fn a_quarantine_that_the_money_refuses_is_not_tried_over_and_over() {
    let mut rig = failed(false);
    let envelope = rig.due().expect("a quarantine");
    assert!(matches!(envelope, Envelope::Run(_)));
    rig.live.step_failed();
    assert_eq!(rig.live.due(rig.now, true), Due::Nothing);
}
