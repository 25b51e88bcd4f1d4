//! Is it alive, is it ready, and which part is not.

use std::time::{Duration, Instant};

use actix::MailboxError;
use actix_web::{HttpResponse, web};
use actors::{
    coordinator::Settle,
    domain::{GetReport, Report},
    house::DomainAddrs,
    pubsub::GetHealth,
};
use serde_json::{Value, json};

use super::Edge;

/// Longest wait for a part's answer.
const WAIT: Duration = Duration::from_secs(2);

/// The process answers.
pub async fn live(edge: web::Data<Edge>) -> HttpResponse {
    let uptime_seconds = edge.started.elapsed().as_secs();
    HttpResponse::Ok().json(json!({ "status": "up", "uptime_seconds": uptime_seconds }))
}

/// Every part answers: 200 when all that is needed does, 503 otherwise.
pub async fn ready(edge: web::Data<Edge>) -> HttpResponse {
    let journal = part("journal", journal(&edge)).await;
    let channels = part("channels", channels(&edge)).await;
    let admission = match edge.admission.draining() {
        true => json!({ "name": "admission", "status": "down", "message": "draining", "duration_ms": 0 }),
        false => {
            let message = format!("{} requests under way", edge.admission.in_flight());
            json!({ "name": "admission", "status": "up", "message": message, "duration_ms": 0 })
        }
    };
    // Money and tables go on without channels between hubs: a lost Redis degrades, it does not stop.
    let DomainAddrs { balance, collections, distributions, free_play, adjustment } = &edge.domains;
    let needed = vec![
        journal,
        part("balance", domain(balance.send(GetReport))).await,
        part("collections", domain(collections.send(GetReport))).await,
        part("distributions", domain(distributions.send(GetReport))).await,
        part("free_play", domain(free_play.send(GetReport))).await,
        part("adjustment", domain(adjustment.send(GetReport))).await,
        admission,
    ];
    let up = needed.iter().all(|part| part["status"] == "up");
    let parts: Vec<Value> = needed.into_iter().chain([channels]).collect();
    let body = json!({ "status": if up { "up" } else { "down" }, "parts": parts });
    if up { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

/// Times one part's check; no answer in time is down.
async fn part(name: &str, check: impl Future<Output = Result<String, String>>) -> Value {
    let began = Instant::now();
    let result = tokio::time::timeout(WAIT, check).await;
    let result = result.unwrap_or_else(|_| Err("no answer".into()));
    let duration_ms = began.elapsed().as_secs_f64() * 1000.0;
    let (status, message) = match result {
        Ok(message) => ("up", message),
        Err(message) => ("down", message),
    };
    json!({ "name": name, "status": status, "message": message, "duration_ms": duration_ms })
}

/// The log takes a barrier and brings it back.
async fn journal(edge: &Edge) -> Result<String, String> {
    let waiting = edge.coordinator.send(Settle).await.map_err(|_| "the coordinator is gone".to_owned())?;
    waiting.await.map_err(|_| "the log's writer is gone".to_owned())?;
    Ok(format!("{} records on disk", edge.journal.durable().0))
}

/// A domain's actor answers.
async fn domain(answer: impl Future<Output = Result<Report, MailboxError>>) -> Result<String, String> {
    let report = answer.await.map_err(|_| "the domain's actor is gone".to_owned())?;
    Ok(format!("{} accounts, {} holds", report.accounts, report.holds))
}

/// The backplane's own word.
async fn channels(edge: &Edge) -> Result<String, String> {
    let (health, _) = edge.pubsub.send(GetHealth).await.map_err(|_| "pubsub is gone".to_owned())?;
    if health.up { Ok(health.message) } else { Err(health.message) }
}
