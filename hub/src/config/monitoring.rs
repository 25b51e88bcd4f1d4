//! What the hub finds out about itself.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde::{Deserialize, Serialize};

/// How the hub judges itself, and whom it tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Monitoring {
    /// How often the figures of alerts are looked at. Seconds; 1..=300.
    pub check_every_seconds: u32,
    /// How many days an unusual hour is compared with. 14..=56.
    pub usual_days: u32,
    /// Where alerts are posted to; empty: `ALERT_WEBHOOK_URL`, or nowhere.
    pub webhook_url: String,
    /// File with the same address, which may be a secret.
    pub webhook_url_file: String,
    /// What each check counts in the health score.
    pub weights: Weights,
    /// Alerts by name: 1 to 32 lower-case letters, digits, `_` or `-`.
    pub alerts: BTreeMap<String, AlertOptions>,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self {
            check_every_seconds: 5,
            usual_days: 14,
            webhook_url: String::new(),
            webhook_url_file: String::new(),
            weights: Weights::default(),
            alerts: default_alerts(),
        }
    }
}

/// When an alert begins, and how often it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertOptions {
    /// Whether it is looked at.
    pub on: bool,
    /// A metric as `/metrics` names it, or a number of the unified metrics by its path.
    pub figure: String,
    /// What is looked at: the figure, or how unusual it is.
    pub when: AlertWhen,
    /// The threshold of a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<i64>,
    /// That of a critical alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical: Option<i64>,
    /// For a counter: its rise within this time is looked at, not its value. Seconds; 0..=86_400, 0: the value.
    pub rise_within_seconds: u32,
    /// For how long a threshold is crossed before the alert begins, and not crossed before it ends. Seconds; 0..=86_400.
    pub for_seconds: u32,
    /// How long after it was told an alert that begins again is not told. Seconds; 0..=604_800.
    pub cool_down_seconds: u32,
    /// After how long without an acknowledgement it is told again, as critical. Seconds; 0..=604_800, 0: never.
    pub escalate_after_seconds: u32,
}

impl Default for AlertOptions {
    fn default() -> Self {
        Self {
            on: true,
            figure: String::new(),
            when: AlertWhen::Above,
            warning: None,
            critical: None,
            rise_within_seconds: 0,
            for_seconds: 0,
            cool_down_seconds: 300,
            escalate_after_seconds: 0,
        }
    }
}

/// What of a figure is compared with the thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertWhen {
    /// It is above them.
    Above,
    /// It is below them.
    Below,
    /// Its last full hour is further from the same hour of the days before than them, in spreads.
    Unusual,
}

impl AlertOptions {
    /// Whether the critical threshold is less severe than that of a warning.
    #[must_use]
    pub fn contradicts(&self) -> bool {
        let Some((warning, critical)) = self.warning.zip(self.critical) else { return false };
        match self.when {
            AlertWhen::Above | AlertWhen::Unusual => critical < warning,
            AlertWhen::Below => critical > warning,
        }
    }
}

/// What everybody wants to know, whatever is played.
fn default_alerts() -> BTreeMap<String, AlertOptions> {
    let of = |figure: &str| AlertOptions { figure: figure.into(), ..AlertOptions::default() };
    let rises = |figure, rise_within_seconds| AlertOptions { rise_within_seconds, ..of(figure) };
    [
        (
            "log_not_ready",
            AlertOptions {
                when: AlertWhen::Below,
                critical: Some(1),
                for_seconds: 10,
                escalate_after_seconds: 900,
                ..of("hub_journal_ready")
            },
        ),
        (
            "health",
            AlertOptions {
                when: AlertWhen::Below,
                warning: Some(90),
                critical: Some(60),
                for_seconds: 30,
                escalate_after_seconds: 3_600,
                ..of("system.healthScore")
            },
        ),
        // Whatever the weights are: /health answers 503.
        (
            "unhealthy",
            AlertOptions {
                critical: Some(1),
                for_seconds: 30,
                escalate_after_seconds: 900,
                ..of("system.overallStatus")
            },
        ),
        (
            "internal_errors",
            AlertOptions { critical: Some(0), ..rises("hub_commands_impossible_total", 600) },
        ),
        ("break_glass", AlertOptions { critical: Some(0), ..rises("hub_break_glass_total", 900) }),
        ("balances", AlertOptions { warning: Some(0), ..rises("hub_balances_warned_total", 300) }),
        (
            "balances_critical",
            AlertOptions { critical: Some(0), ..rises("hub_balances_critical_total", 300) },
        ),
        ("rounds_voided", AlertOptions { warning: Some(0), ..rises("hub_rounds_voided_total", 600) }),
        (
            "requests_busy",
            AlertOptions { warning: Some(0), critical: Some(1_000), ..rises("hub_requests_busy_total", 300) },
        ),
        ("tokens_refused", AlertOptions { warning: Some(1_500), ..rises("hub_tokens_refused_total", 300) }),
        (
            "followers_behind",
            AlertOptions { warning: Some(60_000), for_seconds: 300, ..of("hub_follower_age_milliseconds") },
        ),
        ("followers_panic", AlertOptions { warning: Some(0), ..rises("hub_follower_panics_total", 900) }),
    ]
    .map(|(name, options)| (name.to_owned(), options))
    .into()
}

/// What each check counts in the health score, beside the others. 0..=1_000; not all of them 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// The log takes records and releases them.
    pub journal: u32,
    /// The threads of tables answer.
    pub tables: u32,
    /// The five domains answer, each a fifth of it.
    pub domains: u32,
    /// The hub takes work; less of it, the fuller the hub is.
    pub admission: u32,
    /// New people get an id.
    pub people: u32,
    /// The backplane works.
    pub channels: u32,
    /// The state store keeps up with the log.
    pub state_store: u32,
    /// The read model answers and keeps up; left out when none is kept.
    pub read_model: u32,
    /// The archive keeps up; left out when there is none.
    pub archive: u32,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            journal: 30,
            tables: 10,
            domains: 25,
            admission: 10,
            people: 5,
            channels: 5,
            state_store: 5,
            read_model: 5,
            archive: 5,
        }
    }
}

impl Weights {
    /// Every weight with its option and the values that it may have.
    pub(super) fn bounds(&self) -> impl Iterator<Item = (&'static str, u32, RangeInclusive<u32>)> {
        [
            ("monitoring.weights.journal", self.journal),
            ("monitoring.weights.tables", self.tables),
            ("monitoring.weights.domains", self.domains),
            ("monitoring.weights.admission", self.admission),
            ("monitoring.weights.people", self.people),
            ("monitoring.weights.channels", self.channels),
            ("monitoring.weights.state_store", self.state_store),
            ("monitoring.weights.read_model", self.read_model),
            ("monitoring.weights.archive", self.archive),
        ]
        .into_iter()
        .map(|(key, value)| (key, value, 0..=1_000))
    }
}
