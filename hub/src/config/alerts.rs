//! What is wrong with the options of alerts.

use super::{
    Config,
    monitoring::{AlertOptions, AlertWhen},
    problem::choice,
    validate::Check,
};
use crate::{edge::metrics::SINCE, monitoring::figure_names};

/// Longest name of an alert, bytes.
const NAME_BYTES_MAX: usize = 32;
/// Most alerts.
const ALERTS_MAX: usize = 100;

/// Notes each problem at its option.
pub(super) fn check(config: &Config, check: &mut Check<'_>) {
    let monitoring = &config.monitoring;
    check.within("monitoring.check_every_seconds", monitoring.check_every_seconds, 1..=300);
    check.within("monitoring.usual_days", monitoring.usual_days, 14..=56);
    monitoring.weights.bounds().for_each(|(key, value, range)| check.within(key, value, range));
    if monitoring.weights.bounds().all(|(_, value, _)| value == 0) {
        check.refuse("monitoring.weights", "at least one weight is above 0");
    }
    if monitoring.alerts.len() > ALERTS_MAX {
        check.refuse_unseen("monitoring.alerts", format!("more than {ALERTS_MAX} alerts"));
    }
    for (name, alert) in &monitoring.alerts {
        one(&format!("monitoring.alerts.{name}"), name, alert, check);
    }
}

fn one(key: &str, name: &str, alert: &AlertOptions, check: &mut Check<'_>) {
    let at = |option: &str| format!("{key}.{option}");
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(legal) {
        check.refuse_unseen(key, "the name of an alert is 1 to 32 lower-case letters, digits, '_' or '-'");
    }
    check.within(&at("rise_within_seconds"), alert.rise_within_seconds, 0..=86_400);
    check.within(&at("for_seconds"), alert.for_seconds, 0..=86_400);
    check.within(&at("cool_down_seconds"), alert.cool_down_seconds, 0..=604_800);
    check.within(&at("escalate_after_seconds"), alert.escalate_after_seconds, 0..=604_800);
    if alert.figure.is_empty() {
        check.refuse_unseen(
            key,
            "names no figure: set figure, such as \"hub_sessions\" or \"system.healthScore\"",
        );
    } else if let Some(what) = unknown(&alert.figure) {
        check.refuse(&at("figure"), what);
    }
    if alert.warning.is_none() && alert.critical.is_none() {
        check.refuse_unseen(key, "has no threshold: set warning, critical or both");
    }
    if alert.contradicts() {
        let (word, warning) = match alert.when {
            AlertWhen::Above | AlertWhen::Unusual => ("below", alert.warning),
            AlertWhen::Below => ("above", alert.warning),
        };
        let what = format!(
            "is less severe than the warning: it must not be {word} warning, which is {}",
            warning.unwrap_or_default()
        );
        check.refuse(&at("critical"), what);
    }
    for (option, threshold) in [("warning", alert.warning), ("critical", alert.critical)] {
        if alert.when == AlertWhen::Unusual && threshold.is_some_and(|threshold| threshold < 1) {
            check.refuse(&at(option), "how far an hour is from the usual one, in spreads: at least 1");
        }
    }
}

/// Why a figure is none of the hub's.
fn unknown(figure: &str) -> Option<String> {
    let (name, labels) = figure.split_once('{').map_or((figure, None), |(name, labels)| (name, Some(labels)));
    if labels.is_some_and(|labels| !labels.ends_with("\"}") || !labels.contains("=\"")) {
        return Some("labels are written as /metrics has them, such as {domain=\"balance\"}".into());
    }
    let family = name.strip_suffix("_total").unwrap_or(name);
    let mut known: Vec<_> = SINCE.iter().flat_map(|(_, names)| *names).copied().collect();
    if known.contains(&family) || labels.is_none() && figure_names::UNIFIED.contains(&name) {
        return None;
    }
    known.extend(figure_names::UNIFIED);
    // A hundred names say less than the one that was meant.
    let hint = choice(name, &known);
    let hint = hint.split_once("? ").map(|(hint, _)| format!("{hint}? ")).unwrap_or_default();
    Some(format!(
        "no figure of this hub; {hint}docs/reference.md has the metrics, docs/api.md the unified ones"
    ))
}
