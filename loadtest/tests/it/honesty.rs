//! Each kind of wrong answer of a hub fails the run, and the failure is named.

use std::path::Path;

use loadtest::{
    arrivals::Spacing,
    fates::Required,
    plan::{ArrivalPlan, BetPlan, Plan},
    report::Report,
    run::{measure, run},
};

use crate::little_hub::{Lie, LittleHub, STALL};

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
        // The rounds are very short: on a busy machine many bets cross with the news that betting is over.
        required: Required { late_share_max: 0.9, ..Required::default() },
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
    assert_eq!(report.bet_answered.count, report.counts.sent, "late ones are answered too, and are timed");
    assert_eq!((report.bet_sent.count, report.answer_read.count), (report.counts.sent, report.counts.sent));
    assert!(report.bet_sent.max_ms <= report.bet_answered.max_ms, "{report}");
    assert_eq!(report.fates.due, report.fates.sum(), "every bet has one fate: {report}");
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

#[test]
fn a_hub_that_is_often_busy_fails_however_fast_it_is_otherwise() {
    let report = played_with(Lie::Busy);
    assert!(!report.passed && report.audit.faults.is_empty(), "{report}");
    assert!(
        report.faults.len() == 1 && report.faults[0].contains("% of the wanted bets were accepted"),
        "{report}"
    );
    assert_eq!(report.fates.refused, report.counts.refused["busy"]);
    assert_eq!(report.fates.due, report.fates.sum());
    assert!(report.to_string().contains(&format!("FAULT {}", report.faults[0])), "{report}");
}

/// While the hub stands still, four players with two bets under way each could have eight slow bets between them, and
/// a generator that waits for them would see nothing else. The timetable went on: sixty bets were due.
#[test]
fn a_stall_shows_in_every_bet_that_was_due_in_it() {
    let plan = Plan {
        seconds: 1.2,
        settle_seconds_max: 30.0,
        arrivals: ArrivalPlan { rate: 100.0, spacing: Spacing::Fixed, closed: None },
        bets: BetPlan { stake: "1.00".into(), in_flight_per_player_max: 2, ..BetPlan::default() },
        ..plan()
    };
    let report = measure(&plan, &LittleHub::start(Lie::Stalls).url).unwrap();
    assert!(report.fates.due >= 110, "{report}");
    assert_eq!(report.fates.due, report.fates.sum(), "{report}");
    let stall_ms = STALL.as_secs_f64() * 1_000.0;
    let answered = &report.bet_answered;
    assert!(answered.max_ms >= 0.95 * stall_ms, "the first of them waited all of it: {report}");
    // Half of all bets were due in the stall, and wait from all of it down to nothing.
    assert!(answered.p90_ms >= 0.7 * stall_ms, "{report}");
    assert!(report.bet_sent.max_ms >= 0.7 * stall_ms, "they could not even be sent: {report}");
    assert!(report.bet_sent.p90_ms > 10.0 * report.answer_read.p50_ms, "reading was no part of it: {report}");
}

#[test]
fn a_report_that_cannot_be_written_is_lost_only_as_a_file() {
    let mut out = Vec::new();
    let path = Path::new("/nowhere/at/all.json");
    let error = run(&plan(), &LittleHub::start(Lie::None).url, Some(path), &mut out).unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all.json"), "{error}");
    let summary = String::from_utf8(out).unwrap();
    assert!(summary.contains("bet accepted") && summary.trim_end().ends_with("passed"), "{summary}");
}
