//! Every configured alert with its state: takes the figures of a moment, and says what is to be told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    alert::{AlertChange, AlertEpisode, AlertRule, AlertSeverity, AlertSide, AlertState},
    figures::FigureSet,
    rise::RiseWindow,
    usual::UsualHours,
};
use crate::config::{AlertOptions, AlertWhen, Monitoring};

/// What the operator is told of an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertNotice {
    /// The name of the alert.
    pub alert: String,
    /// What has become of it.
    pub change: AlertChange,
    /// How bad it is, or was.
    pub severity: AlertSeverity,
    /// Its figure.
    pub figure: String,
    /// What was looked at of the figure.
    pub value: f64,
    /// When the episode began, milliseconds since 1970.
    pub began_ms: u64,
    /// How often it was told again because nobody had acknowledged it.
    pub escalations: u32,
    /// When this is told.
    pub now_ms: u64,
}

/// An alert with what is known of its figure.
#[derive(Debug, Clone)]
pub struct BookedAlert {
    /// As it is configured.
    pub options: AlertOptions,
    /// Where it stands.
    pub state: AlertState,
    /// What was looked at last; `None` when the figure was not known.
    pub value: Option<f64>,
    rule: AlertRule,
    rise: RiseWindow,
    hours: UsualHours,
}

/// What a restart takes over.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KeptAlerts {
    /// The states by name.
    states: BTreeMap<String, AlertState>,
    /// What is usual, by name, with the figure that it is of.
    usual: BTreeMap<String, (String, UsualHours)>,
}

impl KeptAlerts {
    /// Takes over that an operator has acknowledged an episode. One that is over is not touched.
    pub fn acknowledge(&mut self, name: &str, began_ms: u64, severity: AlertSeverity, at_ms: u64) {
        if let Some(state) = self.states.get_mut(name) {
            state.acknowledge(began_ms, severity, at_ms);
        }
    }

    /// Whether it is another story than what was kept: an alert has begun, was told, acknowledged or ended; or, after a
    /// while, what is usual has changed.
    #[must_use]
    pub fn is_news(&self, kept: &Self, after_a_while: bool) -> bool {
        let story = |state: &AlertState| (state.episode.clone(), state.told_ms);
        let stories = |all: &Self| -> BTreeMap<String, _> {
            all.states.iter().map(|(name, state)| (name.clone(), story(state))).collect()
        };
        stories(self) != stories(kept) || (after_a_while && self.usual != kept.usual)
    }
}

/// All alerts that are on.
#[derive(Debug, Clone)]
pub struct AlertBook {
    alerts: BTreeMap<String, BookedAlert>,
    usual_days: u32,
}

impl AlertBook {
    /// The alerts of a configuration that was checked, as they were kept. An alert that is gone is forgotten. The process
    /// begins about now, milliseconds since 1970, and its counters at zero.
    #[must_use]
    pub fn new(monitoring: &Monitoring, kept: &KeptAlerts, now_ms: u64) -> Self {
        let alerts = monitoring.alerts.iter().filter(|(_, options)| options.on);
        let booked = |(name, options): (&String, &AlertOptions)| {
            let hours = kept.usual.get(name).filter(|(figure, _)| *figure == options.figure);
            let alert = BookedAlert {
                options: options.clone(),
                state: kept.states.get(name).cloned().unwrap_or_default(),
                value: None,
                rule: rule(options),
                rise: match is_counter(&options.figure) {
                    true => RiseWindow::of_counter(now_ms),
                    false => RiseWindow::default(),
                },
                hours: hours.map(|(_, hours)| hours.clone()).unwrap_or_default(),
            };
            (name.clone(), alert)
        };
        Self { alerts: alerts.map(booked).collect(), usual_days: monitoring.usual_days }
    }

    /// What a restart takes over.
    #[must_use]
    pub fn kept(&self) -> KeptAlerts {
        let usual = self.alerts.iter().filter(|(_, alert)| alert.options.when == AlertWhen::Unusual);
        KeptAlerts {
            states: self.alerts.iter().map(|(name, alert)| (name.clone(), alert.state.clone())).collect(),
            usual: usual
                .map(|(name, alert)| (name.clone(), (alert.options.figure.clone(), alert.hours.clone())))
                .collect(),
        }
    }

    /// Takes the figures of a moment.
    pub fn take(&mut self, figures: &FigureSet, now_ms: u64) -> Vec<AlertNotice> {
        let days = self.usual_days;
        let told = self.alerts.iter_mut().filter_map(|(name, alert)| {
            let before = alert.state.episode.clone();
            alert.value = alert.observed(figures, now_ms, days);
            let (change, severity) = alert.state.take(&alert.rule, alert.value, now_ms)?;
            let episode = alert.state.episode.as_ref().or(before.as_ref())?;
            Some(AlertNotice {
                alert: name.clone(),
                change,
                severity,
                figure: alert.options.figure.clone(),
                value: alert.value?,
                began_ms: episode.began_ms,
                escalations: episode.escalations,
                now_ms,
            })
        });
        told.collect()
    }

    /// Every alert by name.
    pub fn alerts(&self) -> impl Iterator<Item = (&str, &BookedAlert)> {
        self.alerts.iter().map(|(name, alert)| (name.as_str(), alert))
    }

    /// The running episode of an alert. `None`: there is none.
    #[must_use]
    pub fn episode(&self, name: &str) -> Option<&AlertEpisode> {
        self.alerts.get(name)?.state.episode.as_ref()
    }

    /// Notes that an operator knows of an episode. One that is over is not touched.
    pub fn acknowledge(&mut self, name: &str, began_ms: u64, severity: AlertSeverity, at_ms: u64) {
        if let Some(alert) = self.alerts.get_mut(name) {
            alert.state.acknowledge(began_ms, severity, at_ms);
        }
    }

    /// Takes back that an operator knows of an episode: what was known before is known again.
    pub fn take_back(&mut self, name: &str, began_ms: u64, before: Option<(AlertSeverity, u64)>) {
        let episode = self.alerts.get_mut(name).and_then(|alert| alert.state.episode.as_mut());
        if let Some(episode) = episode.filter(|episode| episode.began_ms == began_ms) {
            episode.acknowledged = before;
        }
    }

    /// How many alerts there are now of a severity.
    #[must_use]
    pub fn active(&self, severity: AlertSeverity) -> u64 {
        let episodes = self.alerts.values().filter_map(|alert| alert.state.episode.as_ref());
        episodes.filter(|episode| episode.severity == severity).count() as u64
    }
}

impl BookedAlert {
    /// What is compared with the thresholds now.
    fn observed(&mut self, figures: &FigureSet, now_ms: u64, days: u32) -> Option<f64> {
        let value = figures.get(&self.options.figure)?;
        let value = match u64::from(self.options.rise_within_seconds) * 1_000 {
            0 => value,
            within_ms => self.rise.take(value, now_ms, within_ms),
        };
        match self.options.when {
            AlertWhen::Above | AlertWhen::Below => Some(value),
            AlertWhen::Unusual => self.hours.take(value, now_ms, days),
        }
    }
}

/// Whether a figure is a counter by its name, with labels or without.
fn is_counter(figure: &str) -> bool {
    figure.split('{').next().is_some_and(|name| name.ends_with("_total"))
}

fn rule(options: &AlertOptions) -> AlertRule {
    let ms = |seconds: u32| u64::from(seconds) * 1_000;
    AlertRule {
        side: match options.when {
            AlertWhen::Above | AlertWhen::Unusual => AlertSide::Above,
            AlertWhen::Below => AlertSide::Below,
        },
        warning: options.warning,
        critical: options.critical,
        for_ms: ms(options.for_seconds),
        cool_down_ms: ms(options.cool_down_seconds),
        escalate_after_ms: ms(options.escalate_after_seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monitoring(alerts: &[(&str, AlertOptions)]) -> Monitoring {
        let alerts = alerts.iter().map(|(name, options)| ((*name).to_owned(), options.clone())).collect();
        Monitoring { alerts, ..Monitoring::default() }
    }

    fn figures(text: &str) -> FigureSet {
        FigureSet::of_metrics(text)
    }

    fn alert(figure: &str, critical: i64) -> AlertOptions {
        AlertOptions { figure: figure.into(), critical: Some(critical), ..AlertOptions::default() }
    }

    #[test]
    fn each_alert_looks_at_its_own_figure_and_one_that_is_off_at_none() {
        let off = AlertOptions { on: false, ..alert("a", 0) };
        let rises = AlertOptions { rise_within_seconds: 60, ..alert("b_total", 2) };
        let mut book = AlertBook::new(
            &monitoring(&[("level", alert("a", 5)), ("off", off), ("rise", rises)]),
            &KeptAlerts::default(),
            0,
        );
        assert_eq!(book.take(&figures("a 5\nb_total 1\n"), 0), []);
        let told = book.take(&figures("a 6\nb_total 2\n"), 1_000);
        assert_eq!(told.iter().map(|notice| notice.alert.as_str()).collect::<Vec<_>>(), ["level"]);
        assert_eq!((told[0].value, told[0].change, told[0].began_ms), (6.0, AlertChange::Began, 1_000));
        let told = book.take(&figures("a 5\nb_total 3\n"), 2_000);
        let told: Vec<_> =
            told.iter().map(|notice| (notice.alert.as_str(), notice.change, notice.value)).collect();
        assert_eq!(told, [("level", AlertChange::Ended, 5.0), ("rise", AlertChange::Began, 3.0)]);
        assert_eq!((book.active(AlertSeverity::Critical), book.active(AlertSeverity::Warning)), (1, 0));
        assert_eq!(book.take(&figures("c 1\n"), 3_000), [], "a figure that is not known changes nothing");
        assert!(book.alerts().all(|(_, alert)| alert.value.is_none()));
        assert_eq!(
            ["off", "level", "rise"].map(|name| book.episode(name).map(|episode| episode.began_ms)),
            [None, None, Some(2_000)]
        );
    }

    #[test]
    fn a_restart_takes_over_episodes_and_what_is_usual_of_the_same_figure() {
        const HOUR_MS: u64 = 3_600_000;
        let unusual = AlertOptions { when: AlertWhen::Unusual, ..alert("a", 8) };
        let configured = monitoring(&[("now", alert("a", 5)), ("odd", unusual.clone())]);
        let mut book = AlertBook::new(&configured, &KeptAlerts::default(), 0);
        for hour in 0..24 * 15 {
            book.take(&figures("a 5\n"), hour * HOUR_MS);
        }
        let began_ms = 24 * 15 * HOUR_MS;
        assert_eq!(book.take(&figures("a 900\n"), began_ms).len(), 1, "one is above its threshold");
        let text = serde_json::to_string(&book.kept()).expect("JSON");
        let kept: KeptAlerts = serde_json::from_str(&text).expect("alerts");
        let mut again = AlertBook::new(&configured, &kept, 0);
        assert_eq!(again.episode("now").map(|episode| episode.began_ms), Some(began_ms));
        let told = again.take(&figures("a 900\n"), began_ms + HOUR_MS);
        assert_eq!(told.iter().map(|notice| notice.alert.as_str()).collect::<Vec<_>>(), ["odd"]);
        let other = AlertOptions { figure: "b".into(), ..unusual };
        let mut other = AlertBook::new(&monitoring(&[("odd", other)]), &kept, 0);
        assert_eq!(other.take(&figures("b 900\n"), began_ms + HOUR_MS), [], "it is another figure");
    }
}
