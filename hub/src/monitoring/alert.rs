//! One alert: from the values of its figure to what the operator is told, and when.
//!
//! Pure: values and times come in, what is to be told comes out. A threshold must be crossed for a while before the
//! alert begins, and not for as long before it ends. It is told once; again when it becomes worse, and after a while
//! when nobody has acknowledged it. An alert that comes again soon waits for the cool-down.

use serde::{Deserialize, Serialize};

/// How bad it is. The later one is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertSeverity {
    /// Somebody should look at it today.
    Warning,
    /// Somebody must act now.
    Critical,
}

impl AlertSeverity {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Warning, Self::Critical];

    /// Its name on pages and in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// On which side of a threshold something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertSide {
    /// Above it.
    Above,
    /// Below it.
    Below,
}

/// When an alert begins and ends, and how often it is told. Times are milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRule {
    /// The side of the thresholds on which something is wrong.
    pub side: AlertSide,
    /// The threshold of a warning, if there is one.
    pub warning: Option<i64>,
    /// That of a critical alert, if there is one.
    pub critical: Option<i64>,
    /// For how long a threshold is crossed before the alert begins, and not crossed before it ends.
    pub for_ms: u64,
    /// How long after it was told an alert that begins again is not told.
    pub cool_down_ms: u64,
    /// How long after it was told an alert that nobody has acknowledged is told again, as critical; 0: never.
    pub escalate_after_ms: u64,
}

impl AlertRule {
    /// How bad a value is.
    #[must_use]
    pub fn judge(&self, value: f64) -> Option<AlertSeverity> {
        let crossed = |threshold: Option<i64>| {
            threshold.is_some_and(|threshold| match self.side {
                AlertSide::Above => value > threshold as f64,
                AlertSide::Below => value < threshold as f64,
            })
        };
        match (crossed(self.critical), crossed(self.warning)) {
            (true, _) => Some(AlertSeverity::Critical),
            (false, true) => Some(AlertSeverity::Warning),
            (false, false) => None,
        }
    }
}

/// An alert from its beginning to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertEpisode {
    /// When it began, milliseconds since 1970. It names the episode.
    pub began_ms: u64,
    /// The worst that it was, by its thresholds or because nobody came.
    pub severity: AlertSeverity,
    /// How often it was told again because nobody had acknowledged it.
    pub escalations: u32,
    /// As what it was told last, if it was.
    pub told: Option<AlertSeverity>,
    /// What an operator has acknowledged, and when.
    pub acknowledged: Option<(AlertSeverity, u64)>,
}

impl AlertEpisode {
    /// Whether an operator knows that it is as bad as this.
    fn is_known(&self) -> bool {
        self.acknowledged.is_some_and(|(severity, _)| severity >= self.severity)
    }
}

/// What has become of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertChange {
    /// It has begun.
    Began,
    /// It is worse than it was told.
    Worsened,
    /// Nobody has acknowledged it in time.
    Escalated,
    /// It is over.
    Ended,
}

impl AlertChange {
    /// Every change.
    pub const ALL: [Self; 4] = [Self::Began, Self::Worsened, Self::Escalated, Self::Ended];

    /// Its name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Began => "began",
            Self::Worsened => "worsened",
            Self::Escalated => "escalated",
            Self::Ended => "ended",
        }
    }
}

/// Where an alert stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertState {
    /// The episode, while there is one.
    pub episode: Option<AlertEpisode>,
    /// When the alert was told last, in whichever episode.
    pub told_ms: Option<u64>,
    /// As how bad it was told then.
    #[serde(default)]
    pub told_as: Option<AlertSeverity>,
    /// Since when a critical threshold is crossed, without a break.
    #[serde(skip)]
    critical_since_ms: Option<u64>,
    /// Since when any threshold is.
    #[serde(skip)]
    crossed_since_ms: Option<u64>,
    /// Since when none is.
    #[serde(skip)]
    clear_since_ms: Option<u64>,
}

impl AlertState {
    /// Takes the value of the figure at a time, and says what the operator is to be told: the change, and how bad it is or
    /// was. A value that is not known changes nothing.
    pub fn take(
        &mut self,
        rule: &AlertRule,
        value: Option<f64>,
        now_ms: u64,
    ) -> Option<(AlertChange, AlertSeverity)> {
        let found = rule.judge(value?);
        note(&mut self.critical_since_ms, found == Some(AlertSeverity::Critical), now_ms);
        note(&mut self.crossed_since_ms, found.is_some(), now_ms);
        note(&mut self.clear_since_ms, found.is_none(), now_ms);
        let holds =
            |since: Option<u64>| since.is_some_and(|since| now_ms.saturating_sub(since) >= rule.for_ms);
        if holds(self.clear_since_ms) {
            let over = self.episode.take()?;
            return over.told.map(|_| (AlertChange::Ended, over.severity));
        }
        let severity = match (holds(self.critical_since_ms), holds(self.crossed_since_ms)) {
            (true, _) => Some(AlertSeverity::Critical),
            (false, true) => Some(AlertSeverity::Warning),
            (false, false) => None,
        };
        match (&mut self.episode, severity) {
            (Some(episode), Some(severity)) => episode.severity = episode.severity.max(severity),
            (None, Some(severity)) => {
                self.episode = Some(AlertEpisode {
                    began_ms: now_ms,
                    severity,
                    escalations: 0,
                    told: None,
                    acknowledged: None,
                });
            }
            (_, None) => {}
        }
        self.tell(rule, now_ms)
    }

    /// Notes that an operator knows of the episode that began then, as bad as it is. `false`: there is no such episode.
    pub fn acknowledge(&mut self, began_ms: u64, severity: AlertSeverity, at_ms: u64) -> bool {
        let episode = self.episode.as_mut().filter(|episode| episode.began_ms == began_ms);
        let Some(episode) = episode else { return false };
        if episode.acknowledged.is_none_or(|(known, _)| known < severity) {
            episode.acknowledged = Some((severity, at_ms));
        }
        true
    }

    /// What is to be told of the episode now.
    fn tell(&mut self, rule: &AlertRule, now_ms: u64) -> Option<(AlertChange, AlertSeverity)> {
        let episode = self.episode.as_mut()?;
        let since = self.told_ms.map(|told| now_ms.saturating_sub(told));
        let change = match episode.told {
            _ if episode.is_known() => None,
            // What was told as less than this does not keep it back.
            None => (self.told_as < Some(episode.severity)
                || since.is_none_or(|since| since >= rule.cool_down_ms))
            .then_some(AlertChange::Began),
            Some(told) if told < episode.severity => Some(AlertChange::Worsened),
            Some(_) => {
                let nobody_came =
                    rule.escalate_after_ms > 0 && since.is_none_or(|since| since >= rule.escalate_after_ms);
                nobody_came.then_some(AlertChange::Escalated)
            }
        }?;
        if change == AlertChange::Escalated {
            episode.escalations += 1;
            episode.severity = AlertSeverity::Critical;
        }
        episode.told = Some(episode.severity);
        (self.told_ms, self.told_as) = (Some(now_ms), Some(episode.severity));
        Some((change, episode.severity))
    }
}

/// Notes since when something is so.
fn note(since_ms: &mut Option<u64>, is_so: bool, now_ms: u64) {
    *since_ms = if is_so { since_ms.or(Some(now_ms)) } else { None };
}

#[cfg(test)]
mod tests;
