//! The unified metrics: how the whole hub does, in one document.

use std::time::{Duration, Instant};

use ledger::Domain;
use serde_json::{Map, Value, json};

use super::{
    figures::FigureSet,
    health_status::{CheckedPart, HealthStatus, overall},
    score::health_score,
};
use crate::{auth::domain_name, config::Weights, utc::utc};

/// What the unified metrics are made of.
#[derive(Debug, Clone)]
pub struct MonitoredMoment<'a> {
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// When its figures began to be read.
    pub began: Instant,
    /// Since the hub serves.
    pub uptime: Duration,
    /// What the checks have found.
    pub parts: &'a [CheckedPart],
    /// Requests between admission and reply, and how many there may be.
    pub in_flight: (u32, u32),
    /// The metrics.
    pub metrics: &'a FigureSet,
}

/// The document, and every figure that there is.
#[derive(Debug, Clone)]
pub struct UnifiedMetrics {
    /// The document.
    pub told: Value,
    /// The metrics and the numbers of the document.
    pub figures: FigureSet,
    /// When they began to be read: of two, the later ones are newer.
    pub began: Instant,
}

impl UnifiedMetrics {
    /// Those of a moment.
    #[must_use]
    pub fn of(moment: &MonitoredMoment<'_>, weights: &Weights) -> Self {
        let MonitoredMoment { parts, metrics, in_flight: (in_flight, most), .. } = *moment;
        let load = u64::from(in_flight) * 100 / u64::from(most.max(1));
        let score = health_score(parts, u8::try_from(load).unwrap_or(100), weights);
        let domains = Domain::ALL.into_iter().map(|domain| {
            (domain_name(domain).to_owned(), of_domain(domain, status(parts, &[domain.name()]), metrics))
        });
        let told = json!({
            "dashboard": dashboard(moment),
            "domains": domains.collect::<Map<_, _>>(),
            "coordinator": {
                "status": status(parts, &["journal", "admission"]).name(),
                "activeTransactions": in_flight,
            },
            "system": { "overallStatus": overall(parts).name(), "healthScore": score },
        });
        let mut figures = metrics.clone();
        figures.add(&told);
        Self { told, figures, began: moment.began }
    }
}

/// How well the worst of these parts works; one that is not there does not.
fn status(parts: &[CheckedPart], names: &[&str]) -> HealthStatus {
    let of = |name: &&str| parts.iter().find(|part| part.rule.name == *name).map(CheckedPart::status);
    names
        .iter()
        .map(|name| of(name).unwrap_or(HealthStatus::Unhealthy))
        .max()
        .unwrap_or(HealthStatus::Unhealthy)
}

fn of_domain(domain: Domain, status: HealthStatus, metrics: &FigureSet) -> Value {
    let of = |family: &str| whole(metrics, &format!("{family}{{domain=\"{}\"}}", domain.name()));
    json!({
        "metrics": {
            "accounts": of("hub_domain_accounts"),
            "holds": of("hub_domain_holds"),
            "accepted": of("hub_domain_accepted_total"),
            "refused": of("hub_domain_refused_total"),
        },
        "status": status.name(),
    })
}

fn dashboard(moment: &MonitoredMoment<'_>) -> Value {
    let of = |name| whole(moment.metrics, name);
    json!({
        "time": utc(moment.now_ms),
        "uptimeSeconds": moment.uptime.as_secs(),
        "sessions": of("hub_sessions"),
        "people": of("hub_people"),
        "records": of("hub_journal_durable_lsn"),
        "roundsSettled": of("hub_rounds_settled_total"),
        "roundsVoided": of("hub_rounds_voided_total"),
        "requestsBusy": of("hub_requests_busy_total"),
        "readModelAgeMs": of("hub_follower_age_milliseconds{follower=\"read_model\"}"),
    })
}

/// A figure as a whole number; `None` when it is not known now.
fn whole(metrics: &FigureSet, name: &str) -> Option<i64> {
    metrics.get(name).map(|value| value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitoring::{
        figure_names::UNIFIED,
        health_status::{CheckRule, PartState},
    };

    fn part(name: &'static str, state: PartState) -> CheckedPart {
        let rule = CheckRule::critical(name, 1);
        CheckedPart { rule, state, message: String::new(), took: Duration::ZERO }
    }

    #[test]
    fn every_number_of_the_document_has_a_name_for_alerts() {
        let metrics = [
            "hub_sessions 1",
            "hub_people 1",
            "hub_journal_durable_lsn 1",
            "hub_rounds_settled_total 1",
            "hub_rounds_voided_total 1",
            "hub_requests_busy_total 1",
            "hub_follower_age_milliseconds{follower=\"read_model\"} 1",
        ];
        let families = [
            "hub_domain_accounts",
            "hub_domain_holds",
            "hub_domain_accepted_total",
            "hub_domain_refused_total",
        ];
        let of_domain = Domain::ALL
            .into_iter()
            .flat_map(|domain| families.map(|family| format!("{family}{{domain=\"{}\"}} 1", domain.name())));
        let text: Vec<_> = metrics.map(str::to_owned).into_iter().chain(of_domain).collect();
        let moment = MonitoredMoment {
            began: Instant::now(),
            now_ms: 0,
            uptime: Duration::ZERO,
            parts: &[],
            in_flight: (0, 1),
            metrics: &FigureSet::of_metrics(&text.join("\n")),
        };
        let unified = UnifiedMetrics::of(&moment, &Weights::default());
        let mut numbers = FigureSet::default();
        numbers.add(&unified.told);
        assert_eq!(numbers.names().collect::<Vec<_>>(), UNIFIED);
    }

    #[test]
    fn the_document_has_the_state_of_each_domain_of_the_coordinator_and_of_the_whole() {
        let metrics = FigureSet::of_metrics("hub_sessions 3\nhub_domain_holds{domain=\"free_play\"} 4\n");
        let names = ["journal", "admission", "balance", "collections", "distributions", "free_play"];
        let mut parts: Vec<_> = names.map(|name| part(name, PartState::Works)).into();
        parts.push(part("adjustment", PartState::Silent));
        let moment = MonitoredMoment {
            began: Instant::now(),
            now_ms: 0,
            uptime: Duration::from_secs(9),
            parts: &parts,
            in_flight: (50, 200),
            metrics: &metrics,
        };
        let unified = UnifiedMetrics::of(&moment, &Weights::default());
        let told = &unified.told;
        assert_eq!(told["domains"]["adjustment"]["status"], "unhealthy", "{told}");
        assert_eq!(told["domains"]["free-play"]["status"], "healthy", "{told}");
        assert_eq!(told["domains"]["free-play"]["metrics"]["holds"], 4, "{told}");
        assert_eq!(told["domains"]["balance"]["metrics"]["holds"], Value::Null, "it is not known");
        assert_eq!(told["coordinator"], json!({ "status": "healthy", "activeTransactions": 50 }), "{told}");
        assert_eq!(told["system"]["overallStatus"], "unhealthy", "{told}");
        // Journal 30, domains 20 of 25, admission three quarters of 10, of 65 in all.
        assert_eq!(told["system"]["healthScore"], 88, "{told}");
        assert_eq!(
            (&told["dashboard"]["sessions"], &told["dashboard"]["uptimeSeconds"]),
            (&json!(3), &json!(9))
        );
        assert_eq!(unified.figures.get("domains.adjustment.status"), Some(2.0));
        assert_eq!(unified.figures.get("hub_sessions"), Some(3.0));
        let log_down: Vec<_> =
            [part("journal", PartState::Fails), part("admission", PartState::Works)].into();
        let moment = MonitoredMoment { parts: &log_down, ..moment };
        assert_eq!(
            UnifiedMetrics::of(&moment, &Weights::default()).told["coordinator"]["status"],
            "unhealthy"
        );
    }
}
