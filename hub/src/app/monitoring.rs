//! The monitoring of a running hub: what it takes over from the last run, and the thread that looks at the alerts.

use std::{collections::BTreeMap, io, time::Duration};

use actors::{clock::time_of_day_ms, ports::service::Acknowledged};
use tokio::sync::mpsc;

use crate::{
    config::{AlertOptions, Loaded},
    edge::Surfaces,
    monitoring::{
        alert::AlertSeverity,
        alert_book::AlertNotice,
        kept_files::{KeptMonitoring, MonitoringFiles},
        watch::MonitoringWatch,
    },
};

/// What the last run has left: the files, and what the log has of the alerts. `row` is the row of an alert.
pub fn kept(
    files: &MonitoringFiles,
    alerts: &BTreeMap<String, AlertOptions>,
    row: impl Fn(&str) -> Option<Acknowledged>,
) -> KeptMonitoring {
    let mut kept = files.read();
    for alert in alerts.keys() {
        if let Some(Acknowledged { began, critical }) = row(alert) {
            let severity = if critical { AlertSeverity::Critical } else { AlertSeverity::Warning };
            // The hub's own time begins with the house, no earlier than the log's: it is not asked before.
            kept.acknowledge(alert, began, severity, time_of_day_ms());
        }
    }
    kept
}

/// Looks at the alerts from now on.
///
/// # Errors
/// When the system gives no thread.
pub fn watch(
    loaded: &Loaded,
    surfaces: &Surfaces,
    posts: Option<mpsc::Receiver<AlertNotice>>,
    files: MonitoringFiles,
) -> io::Result<MonitoringWatch> {
    let every = Duration::from_secs(loaded.config.monitoring.check_every_seconds.into());
    let webhook = loaded.secrets.webhook.clone();
    MonitoringWatch::start(surfaces.monitoring(), every, webhook.zip(posts), files)
}
