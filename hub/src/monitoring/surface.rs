//! What pages and alerts ask of the monitoring.

use std::{sync::Arc, time::Instant};

use actix_web::web;
use actors::{
    admission::Admission,
    clock::{now_ms, time_of_day_ms},
};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::{
    alert::AlertSeverity,
    alert_book::{AlertBook, AlertNotice, KeptAlerts},
    checks::HealthChecks,
    counters::AlertCounters,
    error_book::ErrorBook,
    figures::FigureSet,
    health_status::CheckedPart,
    kept_files::KeptMonitoring,
    security::SecurityLog,
    unified::{MonitoredMoment, UnifiedMetrics},
};
use crate::{
    config::{Config, Weights},
    edge::{cached::Cached, metrics::MetricsSurface},
    telemetry::{events as telemetry, noted},
};

/// What went wrong, and whether it is written.
#[derive(Debug, Default)]
struct Notes {
    errors: ErrorBook,
    security: SecurityLog,
    new_errors: bool,
    new_events: bool,
}

impl Notes {
    fn take(&mut self, figures: &FigureSet) {
        let now_ms = time_of_day_ms();
        let noted = noted::taken();
        self.new_errors |= !noted.is_empty();
        noted.into_iter().for_each(|error| self.errors.take(error));
        self.errors.forget(now_ms);
        self.new_events |= self.security.take(figures, now_ms);
    }
}

/// Most notices that wait to be posted.
const WAITING_MAX: usize = 256;

/// The monitoring of a running hub.
pub struct MonitoringSurface {
    checks: Arc<HealthChecks>,
    metrics: web::Data<MetricsSurface>,
    admission: Arc<Admission>,
    in_flight_max: u32,
    weights: Weights,
    started: Instant,
    newest: Cached<Arc<UnifiedMetrics>>,
    alerts: Mutex<AlertBook>,
    /// What went wrong.
    notes: Mutex<Notes>,
    /// When the figures began to be read that alerts and notes have seen last.
    seen: Mutex<Option<Instant>>,
    counters: AlertCounters,
    /// To whoever posts them, if somebody does.
    posts: Option<mpsc::Sender<AlertNotice>>,
}

impl MonitoringSurface {
    /// The monitoring of a hub that serves from now on, with the alerts as they were kept.
    #[must_use]
    pub fn new(
        config: &Config,
        checks: Arc<HealthChecks>,
        (metrics, counters): (web::Data<MetricsSurface>, AlertCounters),
        admission: Arc<Admission>,
        kept: KeptMonitoring,
    ) -> Self {
        let KeptMonitoring { alerts, errors, security } = kept;
        Self {
            checks,
            metrics,
            admission,
            in_flight_max: config.rate.in_flight_max,
            weights: config.monitoring.weights.clone(),
            started: Instant::now(),
            newest: Cached::default(),
            alerts: Mutex::new(AlertBook::new(&config.monitoring, &alerts, now_ms())),
            notes: Mutex::new(Notes { errors, security, new_errors: true, ..Notes::default() }),
            seen: Mutex::default(),
            counters,
            posts: None,
        }
    }

    /// Reads the errors and the security log, and notes what is new of both before.
    pub async fn with_notes<T>(&self, with: impl FnOnce(&ErrorBook, &SecurityLog) -> T) -> T {
        let unified = self.unified().await;
        let mut seen = self.seen.lock();
        let mut notes = self.notes.lock();
        if is_newer(&mut seen, unified.began) {
            notes.take(&unified.figures);
        }
        with(&notes.errors, &notes.security)
    }

    /// The errors and the security log, each if it is another one than the last time.
    #[must_use]
    pub fn new_notes(&self) -> (Option<ErrorBook>, Option<SecurityLog>) {
        let Notes { errors, security, new_errors, new_events } = &mut *self.notes.lock();
        let errors = std::mem::take(new_errors).then(|| errors.clone());
        (errors, std::mem::take(new_events).then(|| security.clone()))
    }

    /// What is new is to be written again: it was not.
    pub fn notes_not_kept(&self) {
        let mut notes = self.notes.lock();
        (notes.new_errors, notes.new_events) = (true, true);
    }

    /// Where notices come out that are to be posted. What does not fit into it is counted as not posted.
    pub fn posts(&mut self) -> mpsc::Receiver<AlertNotice> {
        let (sender, notices) = mpsc::channel(WAITING_MAX);
        self.posts = Some(sender);
        notices
    }

    /// The unified metrics, made at most four times a second however often they are asked for.
    pub async fn unified(&self) -> Arc<UnifiedMetrics> {
        self.newest.get(async || Arc::new(self.make().await)).await
    }

    /// Every check.
    pub async fn parts(&self) -> Vec<CheckedPart> {
        self.checks.all().await
    }

    /// Looks at the figure of every alert, tells what there is to tell, and says what it told.
    pub async fn check(&self) -> Vec<AlertNotice> {
        self.take(&*self.unified().await)
    }

    /// The same for the hub's own looks: what pages are given is as new as without them.
    pub async fn look(&self) {
        let look = async || {
            let began = Instant::now();
            let (parts, text) = futures_util::future::join(self.checks.look(), self.metrics.look()).await;
            Arc::new(self.made(began, &parts, text.as_deref()))
        };
        self.take(&*self.newest.look(look).await);
    }

    fn take(&self, UnifiedMetrics { figures, began, .. }: &UnifiedMetrics) -> Vec<AlertNotice> {
        // Held to the end: a counter that has an older value after a newer one would have begun anew.
        let mut seen = self.seen.lock();
        if !is_newer(&mut seen, *began) {
            return Vec::new();
        }
        self.notes.lock().take(figures);
        let told = self.with_alerts(|alerts| {
            let told = alerts.take(figures, now_ms());
            self.counters
                .active(alerts.active(AlertSeverity::Warning), alerts.active(AlertSeverity::Critical));
            told
        });
        for notice in &told {
            self.counters.told();
            telemetry::alert(notice);
            // Nobody waits for the webhook, whatever it does.
            if self.posts.as_ref().is_some_and(|posts| posts.try_send(notice.clone()).is_err()) {
                self.counters.posted(false);
            }
        }
        told
    }

    /// Reads or changes the alerts. Nobody waits in it.
    pub fn with_alerts<T>(&self, with: impl FnOnce(&mut AlertBook) -> T) -> T {
        with(&mut self.alerts.lock())
    }

    /// What a restart takes over.
    #[must_use]
    pub fn kept(&self) -> KeptAlerts {
        self.alerts.lock().kept()
    }

    /// What is counted of the alerts.
    #[must_use]
    pub fn counters(&self) -> AlertCounters {
        self.counters.clone()
    }

    async fn make(&self) -> UnifiedMetrics {
        let began = Instant::now();
        let (parts, text) = futures_util::future::join(self.checks.all(), self.metrics.text()).await;
        self.made(began, &parts, text.as_deref())
    }

    fn made(&self, began: Instant, parts: &[CheckedPart], text: Option<&[u8]>) -> UnifiedMetrics {
        let text = text.and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
        let moment = MonitoredMoment {
            now_ms: now_ms(),
            began,
            uptime: self.started.elapsed(),
            parts,
            in_flight: (self.admission.in_flight(), self.in_flight_max),
            metrics: &FigureSet::of_metrics(text),
        };
        UnifiedMetrics::of(&moment, &self.weights)
    }
}

/// Whether figures are no older than those that were seen last; then they are the last ones seen.
fn is_newer(seen: &mut Option<Instant>, began: Instant) -> bool {
    let newer = seen.is_none_or(|seen| seen <= began);
    if newer {
        *seen = Some(began);
    }
    newer
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn figures_that_are_older_than_what_was_seen_are_left_out() {
        let (mut seen, first) = (None, Instant::now());
        let second = first + Duration::from_millis(1);
        let taken = [first, second, first, second].map(|began| is_newer(&mut seen, began));
        assert_eq!(taken, [true, true, false, true], "the same figures twice harm nobody");
    }
}
