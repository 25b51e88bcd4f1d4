//! Alerts by tables: at each second a value comes in, and what is told comes out.

use super::*;

fn rule() -> AlertRule {
    AlertRule {
        side: AlertSide::Above,
        warning: Some(10),
        critical: Some(20),
        for_ms: 0,
        cool_down_ms: 0,
        escalate_after_ms: 0,
    }
}

/// The story of one alert: lines of a second, a value (`?` is not known) and what is told (`-` nothing). `ack` in the
/// place of the value: an operator acknowledges what there is.
#[track_caller]
fn check(rule: &AlertRule, story: &str) {
    let mut state = AlertState::default();
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<_> = line.split_whitespace().collect();
        let now_ms = words[0].parse::<u64>().expect("a second") * 1_000;
        if words[1] == "ack" {
            let episode = state.episode.clone().expect("something to acknowledge");
            assert!(state.acknowledge(episode.began_ms, episode.severity, now_ms), "{line}");
            continue;
        }
        let told = state.take(rule, words[1].parse().ok(), now_ms);
        let told = told
            .map_or("-".to_owned(), |(change, severity)| format!("{} {}", change.name(), severity.name()));
        assert_eq!(told, words[2..].join(" "), "{line}");
    }
}

#[test]
fn a_value_is_judged_by_its_side_of_the_thresholds() {
    use AlertSeverity::{Critical, Warning};
    let above = rule();
    let below = AlertRule { side: AlertSide::Below, warning: Some(20), critical: Some(10), ..rule() };
    let only_critical = AlertRule { warning: None, ..rule() };
    let only_warning = AlertRule { critical: None, ..rule() };
    for (rule, value, expected) in [
        (&above, 10.0, None),
        (&above, 10.5, Some(Warning)),
        (&above, 20.0, Some(Warning)),
        (&above, 20.5, Some(Critical)),
        (&below, 20.0, None),
        (&below, 19.0, Some(Warning)),
        (&below, 10.0, Some(Warning)),
        (&below, 9.0, Some(Critical)),
        (&only_critical, 15.0, None),
        (&only_critical, 21.0, Some(Critical)),
        (&only_warning, 99.0, Some(Warning)),
    ] {
        assert_eq!(rule.judge(value), expected, "{rule:?} {value}");
    }
}

#[test]
fn an_alert_is_told_when_it_begins_becomes_worse_and_ends_and_not_between() {
    check(
        &rule(),
        "
        0 5  -
        1 11 began warning
        2 12 -
        3 21 worsened critical
        4 25 -
        5 15 -
        6 5  ended critical
        7 5  -
        8 30 began critical
        9 1  ended critical
        ",
    );
}

#[test]
fn a_threshold_is_crossed_for_a_while_before_the_alert_begins_and_not_for_as_long_before_it_ends() {
    check(
        &AlertRule { for_ms: 3_000, ..rule() },
        "
        0 11 -
        2 11 -
        3 5  -
        4 11 -
        6 25 -
        7 25 began warning
        8 25 -
        9 25 worsened critical
        10 5 -
        12 11 -
        13 5 -
        15 5 -
        16 5 ended critical
        ",
    );
}

#[test]
fn a_value_that_is_not_known_changes_nothing() {
    check(
        &AlertRule { for_ms: 2_000, ..rule() },
        "
        0 11 -
        1 ?  -
        2 11 began warning
        3 ?  -
        9 ?  -
        10 5 -
        11 ? -
        12 5 ended warning
        ",
    );
}

#[test]
fn an_alert_that_comes_again_soon_waits_for_the_cool_down() {
    check(
        &AlertRule { cool_down_ms: 10_000, ..rule() },
        "
        0 11 began warning
        1 5  ended warning
        2 11 -
        3 5  -
        4 11 -
        9 11 -
        10 11 began warning
        11 25 worsened critical
        12 5 ended critical
        ",
    );
}

#[test]
fn a_warning_that_was_told_keeps_back_no_critical_alert() {
    check(
        &AlertRule { cool_down_ms: 300_000, ..rule() },
        "
        0 11 began warning
        1 5  ended warning
        2 25 began critical
        3 5  ended critical
        4 25 -
        ",
    );
}

#[test]
fn what_nobody_acknowledges_in_time_is_told_again_as_critical() {
    check(
        &AlertRule { escalate_after_ms: 5_000, ..rule() },
        "
        0 11  began warning
        4 11  -
        5 11  escalated critical
        9 11  -
        10 11 escalated critical
        11 ack
        20 11 -
        99 25 -
        100 5 ended critical
        ",
    );
}

#[test]
fn an_acknowledgement_holds_for_what_is_known_and_for_this_episode() {
    let rule = AlertRule { escalate_after_ms: 5_000, ..rule() };
    check(
        &rule,
        "
        0 11  began warning
        1 ack
        30 11 -
        31 25 worsened critical
        36 25 escalated critical
        37 ack
        60 25 -
        61 5  ended critical
        62 11 began warning
        67 11 escalated critical
        ",
    );
    let mut state = AlertState::default();
    assert!(!state.acknowledge(0, AlertSeverity::Critical, 0), "nothing has begun");
    state.take(&rule, Some(11.0), 7);
    assert!(!state.acknowledge(6, AlertSeverity::Warning, 8), "that was another episode");
    assert!(state.acknowledge(7, AlertSeverity::Critical, 8));
    assert!(state.acknowledge(7, AlertSeverity::Warning, 9), "and a later one does not make it less");
    assert_eq!(state.episode.and_then(|episode| episode.acknowledged), Some((AlertSeverity::Critical, 8)));
}

#[test]
fn an_episode_goes_on_after_a_restart_and_is_not_told_again() {
    let rule = AlertRule { for_ms: 2_000, escalate_after_ms: 60_000, ..rule() };
    let mut state = AlertState::default();
    state.take(&rule, Some(11.0), 0);
    assert_eq!(state.take(&rule, Some(11.0), 2_000), Some((AlertChange::Began, AlertSeverity::Warning)));
    let text = serde_json::to_string(&state).expect("JSON");
    let mut kept: AlertState = serde_json::from_str(&text).expect("a state");
    for now_ms in [3_000, 4_000, 5_000, 61_999] {
        assert_eq!(kept.take(&rule, Some(11.0), now_ms), None, "{now_ms}");
    }
    assert_eq!(kept.take(&rule, Some(11.0), 62_000), Some((AlertChange::Escalated, AlertSeverity::Critical)));
    assert_eq!(kept.take(&rule, Some(5.0), 63_000), None);
    assert_eq!(kept.take(&rule, Some(5.0), 65_000), Some((AlertChange::Ended, AlertSeverity::Critical)));
}
