//! Health: whether the process runs, whether it takes work, and how each part of it works.
//!
//! The public server names the parts and their status. Why a part is down, and what it has done, only the admin server
//! tells: the sentences name addresses, files and amounts of business.

use std::{sync::Arc, time::Instant};

use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};

use super::routes;
use crate::monitoring::{
    checks::HealthChecks,
    health_status::{CheckedPart, HealthStatus, overall},
};

/// The health pages.
pub struct HealthSurface {
    checks: Arc<HealthChecks>,
    started: Instant,
}

impl HealthSurface {
    /// The health of a house that starts now.
    #[must_use]
    pub fn new(checks: Arc<HealthChecks>) -> Self {
        Self { checks, started: Instant::now() }
    }

    /// Whether the hub takes work. 503 with the same report when it does not: a report, not a refusal.
    async fn ready(&self, told: impl Fn(&CheckedPart) -> Value) -> HttpResponse {
        let parts = self.checks.of_work().await;
        let up = overall(&parts) != HealthStatus::Unhealthy;
        let parts: Vec<_> = parts.iter().map(told).collect();
        answer(up, &json!({ "status": word(up), "parts": parts }))
    }

    /// Every check. 503 with the same report when the hub does not work.
    async fn report(&self, message: impl Fn(&CheckedPart) -> &str) -> HttpResponse {
        let parts = self.checks.all().await;
        let status = overall(&parts);
        let told = |part: &CheckedPart| {
            json!({
                "status": part.status().name(),
                "critical": part.rule.critical,
                "message": message(part),
                "duration_ms": milliseconds(part),
                "deadline_ms": part.rule.deadline.as_millis(),
            })
        };
        let checks: Map<_, _> = parts.iter().map(|part| (part.rule.name.to_owned(), told(part))).collect();
        answer(status != HealthStatus::Unhealthy, &json!({ "status": status.name(), "checks": checks }))
    }
}

/// Registers its paths on the public server.
pub fn routes(health: &web::Data<HealthSurface>, service: &mut web::ServiceConfig) {
    service
        .app_data(health.clone())
        .service(routes::page("/health/live", live))
        .service(routes::page("/health/ready", ready))
        .service(routes::page("/health", checks))
        .service(routes::page("/api/health", checks));
}

/// Registers its paths on the admin server.
pub fn routes_of_operator(health: &web::Data<HealthSurface>, service: &mut web::ServiceConfig) {
    service
        .app_data(health.clone())
        .service(routes::page("/health/live", live))
        .service(routes::page("/health/ready", ready_with_reasons))
        .service(routes::page("/health", checks_with_reasons))
        .service(routes::page("/api/health", checks_with_reasons));
}

/// The answer shows that the process runs.
async fn live(health: web::Data<HealthSurface>) -> HttpResponse {
    let uptime_seconds = health.started.elapsed().as_secs();
    HttpResponse::Ok().json(json!({ "status": "up", "uptime_seconds": uptime_seconds }))
}

async fn ready(health: web::Data<HealthSurface>) -> HttpResponse {
    health.ready(|part| json!({ "name": part.rule.name, "status": word(part.is_up()) })).await
}

async fn ready_with_reasons(health: web::Data<HealthSurface>) -> HttpResponse {
    let told = |part: &CheckedPart| {
        json!({
            "name": part.rule.name,
            "status": word(part.is_up()),
            "message": part.message,
            "duration_ms": milliseconds(part),
        })
    };
    health.ready(told).await
}

async fn checks(health: web::Data<HealthSurface>) -> HttpResponse {
    health.report(|part| part.public_message()).await
}

async fn checks_with_reasons(health: web::Data<HealthSurface>) -> HttpResponse {
    health.report(|part| part.message.as_str()).await
}

fn answer(works: bool, body: &Value) -> HttpResponse {
    if works { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

fn word(up: bool) -> &'static str {
    if up { "up" } else { "down" }
}

fn milliseconds(part: &CheckedPart) -> f64 {
    part.took.as_secs_f64() * 1_000.0
}
