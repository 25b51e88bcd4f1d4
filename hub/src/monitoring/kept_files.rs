//! The files of the monitoring beside the log: alerts, errors, the security log.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    alert::AlertSeverity, alert_book::KeptAlerts, error_book::ErrorBook, kept_file::KeptFile,
    security::SecurityLog,
};
use crate::telemetry::{events as telemetry, noted, with_causes};

/// The files beside the log.
#[derive(Debug, Clone)]
pub struct MonitoringFiles {
    alerts: KeptFile,
    errors: KeptFile,
    security: KeptFile,
    /// Panics that a process may not have survived.
    panics: PathBuf,
}

/// What the files had at the start.
#[derive(Debug, Default)]
pub struct KeptMonitoring {
    /// Where the alerts stood.
    pub alerts: KeptAlerts,
    /// The errors, with panics that ended the process before they were written.
    pub errors: ErrorBook,
    /// The security log.
    pub security: SecurityLog,
}

/// What is written at once.
#[derive(Debug, Clone, Default)]
pub struct MonitoringNews {
    /// Where the alerts stand.
    pub alerts: Option<KeptAlerts>,
    /// The errors.
    pub errors: Option<ErrorBook>,
    /// The security log.
    pub security: Option<SecurityLog>,
}

impl KeptMonitoring {
    /// Takes over what the log has of each alert: which episode an operator has acknowledged, and as what.
    pub fn acknowledge(&mut self, alert: &str, began_ms: u64, severity: AlertSeverity, now_ms: u64) {
        self.alerts.acknowledge(alert, began_ms, severity, now_ms);
    }
}

impl MonitoringFiles {
    /// Those in the directory of the log.
    #[must_use]
    pub fn of(data: &Path) -> Self {
        let file = |name| KeptFile::of(data, name);
        let errors = file("errors.json");
        let panics = errors.path().with_file_name("panics.jsonl");
        Self { alerts: file("alerts.json"), errors, security: file("security.json"), panics }
    }

    /// Reads them. One that cannot be read is told, and begins anew. From now on panics are written at once.
    #[must_use]
    pub fn read(&self) -> KeptMonitoring {
        fn or_new<T: Default + serde::de::DeserializeOwned>(file: &KeptFile) -> T {
            let kept = file.read().unwrap_or_else(|error| {
                telemetry::monitoring_not_read(file.path(), &with_causes(&error));
                None
            });
            kept.unwrap_or_default()
        }
        let mut errors: ErrorBook = or_new(&self.errors);
        let panics = fs::read_to_string(&self.panics).unwrap_or_default();
        noted::kept_panics(&panics).into_iter().for_each(|panic| errors.take(panic));
        noted::keep_panics(&self.panics);
        KeptMonitoring { alerts: or_new(&self.alerts), errors, security: or_new(&self.security) }
    }

    /// Replaces those of which there is news.
    ///
    /// # Errors
    /// When one cannot be written: then its old one stays.
    pub fn write(&self, news: &MonitoringNews) -> io::Result<()> {
        if let Some(alerts) = &news.alerts {
            self.alerts.write(alerts)?;
        }
        if let Some(errors) = &news.errors {
            self.errors.write(errors)?;
            // The book has them.
            match fs::remove_file(&self.panics) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        news.security.as_ref().map_or(Ok(()), |security| self.security.write(security))
    }
}
