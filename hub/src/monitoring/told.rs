//! Alerts as JSON: what is posted, and what pages show.

use serde_json::{Value, json};

use super::{
    alert::AlertEpisode,
    alert_book::{AlertNotice, BookedAlert},
};
use crate::{config::AlertWhen, utc::utc};

/// A notice as it is posted.
#[must_use]
pub fn spelled(notice: &AlertNotice) -> Value {
    json!({
        "source": "hub",
        "alert": notice.alert,
        "change": notice.change.name(),
        "severity": notice.severity.name(),
        "figure": notice.figure,
        "value": number(notice.value),
        "since": utc(notice.began_ms),
        "escalations": notice.escalations,
        "time": utc(notice.now_ms),
    })
}

/// An alert as pages show it.
#[must_use]
pub fn shown(name: &str, alert: &BookedAlert) -> Value {
    let (options, episode) = (&alert.options, alert.state.episode.as_ref());
    let status = match (episode, alert.value) {
        (Some(episode), _) => episode.severity.name(),
        (None, Some(_)) => "clear",
        (None, None) => "unknown",
    };
    json!({
        "name": name,
        "figure": options.figure,
        "when": when(options.when),
        "warning": options.warning,
        "critical": options.critical,
        "status": status,
        "value": alert.value.map(number),
        "since": episode.map(|episode| utc(episode.began_ms)),
        "escalations": episode.map_or(0, |episode| episode.escalations),
        "acknowledged": episode.and_then(acknowledged),
        "told": alert.state.told_ms.map(utc),
    })
}

fn acknowledged(episode: &AlertEpisode) -> Option<Value> {
    let (severity, at_ms) = episode.acknowledged?;
    Some(json!({ "severity": severity.name(), "time": utc(at_ms) }))
}

/// What of a figure is compared, as the configuration has it.
#[must_use]
pub fn when(when: AlertWhen) -> &'static str {
    match when {
        AlertWhen::Above => "above",
        AlertWhen::Below => "below",
        AlertWhen::Unusual => "unusual",
    }
}

/// A whole number without decimals, any other with two.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        json!(value as i64)
    } else {
        json!((value * 100.0).round() / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitoring::alert::{AlertChange, AlertSeverity};

    #[test]
    fn what_is_posted_says_what_where_how_bad_and_since_when() {
        let notice = AlertNotice {
            alert: "health".into(),
            change: AlertChange::Escalated,
            severity: AlertSeverity::Critical,
            figure: "system.healthScore".into(),
            value: 59.0,
            began_ms: 1_000,
            escalations: 2,
            now_ms: 61_000,
        };
        let expected = json!({
            "source": "hub", "alert": "health", "change": "escalated", "severity": "critical",
            "figure": "system.healthScore", "value": 59, "since": "1970-01-01T00:00:01.000Z", "escalations": 2,
            "time": "1970-01-01T00:01:01.000Z",
        });
        assert_eq!(spelled(&notice), expected);
        assert_eq!((number(1.5), number(-3.0), number(2.0 / 3.0)), (json!(1.5), json!(-3), json!(0.67)));
    }
}
