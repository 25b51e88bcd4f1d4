//! A harness that passes everything proves nothing: each lie of the hub has to fail the run by name.

use loadtest::{
    plan::{ArrivalPlan, BetPlan, Plan},
    report::Report,
    run::measure,
};

use crate::little_hub::{Lie, LittleHub};

fn plan() -> Plan {
    let plan = Plan {
        players: 4,
        connects_per_second: 200.0,
        seconds: 0.5,
        warmup_seconds: 0.0,
        settle_seconds_max: 2.0,
        samples: 20,
        seed: Some(1),
        arrivals: ArrivalPlan { rate: 100.0, ..ArrivalPlan::default() },
        bets: BetPlan { stake: "1.00".into(), ..BetPlan::default() },
        ..Plan::default()
    };
    plan.checked().unwrap()
}

fn played_with(lie: Lie) -> Report {
    measure(&plan(), &LittleHub::start(lie).url).unwrap()
}

/// All faults of a run against this lie in one text.
fn faults(lie: Lie) -> String {
    let report = played_with(lie);
    assert!(!report.passed, "{lie:?} went unnoticed: {report}");
    [report.faults, report.audit.faults].concat().join("\n")
}

#[test]
fn an_honest_hub_passes_and_its_money_adds_up() {
    let report = played_with(Lie::None);
    assert!(report.passed, "{report}");
    assert!(report.counts.accepted > 10, "{report}");
    assert_eq!(report.counts.sent, report.counts.accepted + report.counts.late);
    assert_eq!(report.bet_accepted.count, report.counts.accepted);
    let money = report.audit.money;
    assert_eq!(money.accepted, 100 * i64::try_from(report.counts.accepted).unwrap());
    assert_eq!(money.opening - money.staked + money.returned, money.available);
    assert!(report.audit.results_compared >= 1 && report.audit.retries_compared >= 1);
}

#[test]
fn a_cent_that_is_kept_back_is_found() {
    assert!(faults(Lie::KeepsACent).contains("B3"));
}

#[test]
fn a_stake_that_is_never_settled_is_found() {
    assert!(faults(Lie::ForgetsAStake).contains("B2"));
}

#[test]
fn a_round_that_is_settled_twice_is_found() {
    assert!(faults(Lie::SettlesTwice).contains("B1"));
}

#[test]
fn a_publication_that_is_left_out_is_found() {
    assert!(faults(Lie::SkipsAPublication).contains("B5"));
}

#[test]
fn a_retry_that_brings_another_receipt_is_found() {
    assert!(faults(Lie::AnotherReceiptOnRetry).contains("sent again it brings"));
}

#[test]
fn two_receipts_for_one_place_in_the_log_are_found() {
    assert!(faults(Lie::OneLsnForAll).contains("share a place in the log"));
}

#[test]
fn a_refused_bet_that_was_carried_out_is_found() {
    assert!(faults(Lie::RefusesAndCarriesOut).contains("was refused, and yet carried out"));
}

#[test]
fn a_bet_that_is_never_answered_is_found() {
    assert!(faults(Lie::NeverAnswersOne).contains("was never answered"));
}

#[test]
fn a_history_that_tells_another_result_is_found() {
    assert!(faults(Lie::AnotherHistory).contains("history has"));
}

#[test]
fn a_deposit_that_is_short_stops_the_run_before_the_first_bet() {
    let error = measure(&plan(), &LittleHub::start(Lie::GivesLess).url).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("was given"), "{error}");
}
