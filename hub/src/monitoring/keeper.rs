//! Writes what the monitoring keeps over a restart: alerts, errors, the security log. Each has a file of its own.
//!
//! A thread that may wait for the disk does it; while one write hangs, no other begins, and nobody waits.

use std::{
    io,
    time::{Duration, Instant},
};

use tokio::task::{JoinHandle, spawn_blocking};

use super::{
    alert_book::KeptAlerts,
    kept_files::{MonitoringFiles, MonitoringNews},
    surface::MonitoringSurface,
};
use crate::telemetry::{events as telemetry, with_causes};

/// How often is written what changes all the time.
const KEEP_EVERY: Duration = Duration::from_secs(60);
/// Longest wait for a write at the end.
const END_WITHIN: Duration = Duration::from_secs(2);

/// Writes what is new.
pub struct MonitoringKeeper {
    files: MonitoringFiles,
    /// The alerts as they were given to be written last, and when.
    alerts: Option<(Instant, KeptAlerts)>,
    /// When errors and the security log were.
    notes: Option<Instant>,
    writing: Option<JoinHandle<io::Result<()>>>,
    failed: bool,
}

impl MonitoringKeeper {
    /// Of these files.
    #[must_use]
    pub fn new(files: MonitoringFiles) -> Self {
        Self { files, alerts: None, notes: None, writing: None, failed: false }
    }

    /// Has what is new written.
    pub async fn keep(&mut self, surface: &MonitoringSurface) {
        if let Some(written) = self.writing.take_if(|writing| writing.is_finished()) {
            let written = written.await.map_err(io::Error::other).flatten();
            self.note(surface, written);
        }
        if self.writing.is_some() {
            return;
        }
        if let Some(news) = self.news(surface, false) {
            let files = self.files.clone();
            self.writing = Some(spawn_blocking(move || files.write(&news)));
        }
    }

    /// Writes everything at the end, after the write that is under way; one that hangs is not waited for.
    pub async fn keep_last(&mut self, surface: &MonitoringSurface) {
        if let Some(writing) = self.writing.take() {
            let Ok(written) = tokio::time::timeout(END_WITHIN, writing).await else { return };
            self.note(surface, written.map_err(io::Error::other).flatten());
        }
        if let Some(news) = self.news(surface, true) {
            let files = self.files.clone();
            let writing = spawn_blocking(move || files.write(&news));
            // There is nobody left who would be told.
            let _ = tokio::time::timeout(END_WITHIN, writing).await;
        }
    }

    fn news(&mut self, surface: &MonitoringSurface, all: bool) -> Option<MonitoringNews> {
        let now = Instant::now();
        let over = |since: Instant| all || now.duration_since(since) >= KEEP_EVERY;
        let alerts = surface.kept();
        let old = |(at, kept): &(Instant, KeptAlerts)| !alerts.is_news(kept, over(*at));
        let alerts = (!self.alerts.as_ref().is_some_and(old)).then_some(alerts);
        if let Some(alerts) = &alerts {
            self.alerts = Some((now, alerts.clone()));
        }
        let mut news = MonitoringNews { alerts, ..MonitoringNews::default() };
        if self.notes.is_none_or(over) {
            self.notes = Some(now);
            (news.errors, news.security) = surface.new_notes();
        }
        (news.alerts.is_some() || news.errors.is_some() || news.security.is_some()).then_some(news)
    }

    /// Tells of the first of several failures. What was not written is, with the next look.
    fn note(&mut self, surface: &MonitoringSurface, written: io::Result<()>) {
        if let Err(error) = &written {
            (self.alerts, self.notes) = (None, None);
            surface.notes_not_kept();
            if !self.failed {
                telemetry::monitoring_not_kept(&with_causes(error));
            }
        }
        self.failed = written.is_err();
    }
}
