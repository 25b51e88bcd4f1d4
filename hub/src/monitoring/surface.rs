//! What pages and alerts ask of the monitoring.

use std::{sync::Arc, time::Instant};

use actix_web::web;
use actors::{admission::Admission, clock::now_ms};

use super::{
    checks::HealthChecks,
    figures::FigureSet,
    unified::{MonitoredMoment, UnifiedMetrics},
};
use crate::{
    config::{Config, Weights},
    edge::{cached::Cached, metrics::MetricsSurface},
};

/// The monitoring of a running hub.
pub struct MonitoringSurface {
    checks: Arc<HealthChecks>,
    metrics: web::Data<MetricsSurface>,
    admission: Arc<Admission>,
    in_flight_max: u32,
    weights: Weights,
    started: Instant,
    newest: Cached<Arc<UnifiedMetrics>>,
}

impl MonitoringSurface {
    /// The monitoring of a hub that serves from now on.
    #[must_use]
    pub fn new(
        config: &Config,
        checks: Arc<HealthChecks>,
        metrics: web::Data<MetricsSurface>,
        admission: Arc<Admission>,
    ) -> Self {
        Self {
            checks,
            metrics,
            admission,
            in_flight_max: config.rate.in_flight_max,
            weights: config.monitoring.weights.clone(),
            started: Instant::now(),
            newest: Cached::default(),
        }
    }

    /// The unified metrics, made at most four times a second however often they are asked for.
    pub async fn unified(&self) -> Arc<UnifiedMetrics> {
        self.newest.get(async || Arc::new(self.make().await)).await
    }

    async fn make(&self) -> UnifiedMetrics {
        let (parts, text) = futures_util::future::join(self.checks.all(), self.metrics.text()).await;
        let text = text.as_deref().and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
        let moment = MonitoredMoment {
            now_ms: now_ms(),
            uptime: self.started.elapsed(),
            parts: &parts,
            in_flight: (self.admission.in_flight(), self.in_flight_max),
            metrics: &FigureSet::of_metrics(text),
        };
        UnifiedMetrics::of(&moment, &self.weights)
    }
}
