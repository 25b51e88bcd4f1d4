//! The security log: tokens that were refused, capabilities that were missing, refused acts of operators without a record, approvals by whoever may not approve, floods. By what happened and how often; it
//! names nobody.
//!
//! It is made of counters that rise: what happens a million times is one line an hour. Pure: figures and times come in. It
//! is no part of the log, and of no model that is built from it: it has a file of its own.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::figures::FigureSet;

/// Most lines; then the oldest goes.
const EVENTS_MAX: usize = 5_000;
/// What happens again within this time is the same line. Milliseconds.
const SAME_LINE_MS: u64 = 3_600_000;
/// How long a line is kept. Milliseconds.
const KEPT_MS: u64 = 30 * 24 * 3_600_000;

/// What each counter tells of.
const WATCHED: [(&str, &str); 13] = [
    ("hub_tokens_refused_total", "token_refused"),
    ("hub_api_unauthorized_total", "token_refused"),
    ("hub_api_forbidden_total", "capability_refused"),
    ("hub_operator_refusals_unrecorded_total", "act_unrecorded"),
    ("hub_requests_refused_total{code=\"own_proposal\"}", "approval_refused"),
    ("hub_requests_refused_total{code=\"not_an_approver\"}", "approval_refused"),
    ("hub_api_rate_limited_total", "flood"),
    ("hub_http_refused_total{reason=\"too_fast\"}", "flood"),
    ("hub_connections_turned_away_total", "flood"),
    ("hub_requests_rate_limited_total", "flood"),
    ("hub_sockets_closed_total{reason=\"flooding\"}", "flood"),
    ("hub_channels_dropped_total{reason=\"owned\"}", "forged"),
    ("hub_channels_dropped_total{reason=\"log\"}", "forged"),
];

/// The kinds of events.
pub const KINDS: [&str; 6] =
    ["token_refused", "capability_refused", "act_unrecorded", "approval_refused", "flood", "forged"];

/// Something that concerns security, as often as it happened within an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityEvent {
    /// One of [`KINDS`].
    pub kind: String,
    /// The counter that has risen, with its labels.
    pub counter: String,
    /// When it was seen first, milliseconds since 1970.
    pub first_ms: u64,
    /// When it was seen last.
    pub last_ms: u64,
    /// How often.
    pub count: u64,
}

/// The lines of the security log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SecurityLog {
    events: VecDeque<SecurityEvent>,
    /// The counters as they were: they begin at zero with the process.
    #[serde(skip)]
    before: BTreeMap<String, f64>,
}

impl SecurityLog {
    /// Takes the figures of a moment, and says whether there is something new.
    pub fn take(&mut self, figures: &FigureSet, now_ms: u64) -> bool {
        let mut new = false;
        for (name, kind) in WATCHED {
            for (counter, value) in figures.series(name) {
                let before = self.before.insert(counter.to_owned(), value).unwrap_or(0.0);
                if value > before {
                    new = true;
                    self.note(kind, counter, (value - before) as u64, now_ms);
                }
            }
        }
        let old = |event: &SecurityEvent| event.last_ms.saturating_add(KEPT_MS) <= now_ms;
        while self.events.len() > EVENTS_MAX || self.events.front().is_some_and(old) {
            self.events.pop_front();
        }
        new
    }

    fn note(&mut self, kind: &str, counter: &str, count: u64, now_ms: u64) {
        let recent = self.events.iter_mut().rev().take_while(|event| now_ms < event.first_ms + SAME_LINE_MS);
        let mut same = recent.filter(|event| event.counter == counter);
        if let Some(event) = same.next() {
            (event.last_ms, event.count) = (now_ms, event.count + count);
            return;
        }
        let (kind, counter) = (kind.to_owned(), counter.to_owned());
        self.events.push_back(SecurityEvent { kind, counter, first_ms: now_ms, last_ms: now_ms, count });
    }

    /// Every line, the newest first.
    pub fn events(&self) -> impl Iterator<Item = &SecurityEvent> {
        self.events.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;

    fn told(log: &SecurityLog) -> Vec<(&str, &str, u64)> {
        log.events().map(|event| (event.kind.as_str(), event.counter.as_str(), event.count)).collect()
    }

    #[test]
    fn what_rises_is_a_line_an_hour_and_what_stays_is_none() {
        let mut log = SecurityLog::default();
        let figures = |tokens: u32, path: u32| {
            FigureSet::of_metrics(&format!(
                "hub_tokens_refused_total {tokens}\nhub_api_forbidden_total{{path=\"/a\"}} {path}\nhub_sessions 9\n"
            ))
        };
        assert!(log.take(&figures(2, 0), 0));
        assert!(!log.take(&figures(2, 0), 60_000));
        assert!(log.take(&figures(5, 1), HOUR_MS - 1));
        assert!(log.take(&figures(6, 1), HOUR_MS));
        let forbidden = ("capability_refused", "hub_api_forbidden_total{path=\"/a\"}", 1);
        let tokens = |count| ("token_refused", "hub_tokens_refused_total", count);
        assert_eq!(told(&log), [tokens(1), forbidden, tokens(5)]);
        // A restart: what is kept stays, and the counters begin at zero.
        let text = serde_json::to_string(&log).expect("JSON");
        let mut log: SecurityLog = serde_json::from_str(&text).expect("a log");
        assert!(log.take(&figures(1, 0), 2 * HOUR_MS));
        assert_eq!(told(&log), [tokens(1), tokens(1), forbidden, tokens(5)]);
        log.take(&figures(1, 0), HOUR_MS + KEPT_MS);
        assert_eq!(told(&log), [tokens(1)], "thirty days later");
    }

    #[test]
    fn the_log_is_bounded() {
        let mut log = SecurityLog::default();
        for number in 1..6_000_u64 {
            let figures =
                FigureSet::of_metrics(&format!("hub_api_forbidden_total{{path=\"/{number}\"}} 1\n"));
            log.take(&figures, number);
        }
        assert_eq!(told(&log).len(), EVENTS_MAX);
    }

    #[test]
    fn every_kind_has_a_counter() {
        for kind in KINDS {
            assert!(WATCHED.iter().any(|(_, known)| *known == kind), "{kind}");
        }
        assert!(WATCHED.iter().all(|(_, kind)| KINDS.contains(kind)));
    }
}
