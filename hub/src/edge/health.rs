//! Is it alive, is it ready, and which part is not.

use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use actors::{coordinator::Settle, pubsub::GetHealth};
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
    let domains = part("domains", domains(&edge)).await;
    let channels = part("channels", channels(&edge)).await;
    let admission = match edge.admission.draining() {
        true => json!({ "name": "admission", "status": "down", "message": "draining", "duration_ms": 0 }),
        false => {
            let message = format!("{} requests under way", edge.admission.in_flight());
            json!({ "name": "admission", "status": "up", "message": message, "duration_ms": 0 })
        }
    };
    // Money and tables go on without channels between hubs: a lost Redis degrades, it does not stop.
    let parts = [journal, domains, admission, channels];
    let up = parts[..3].iter().all(|part| part["status"] == "up");
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

/// Every domain's actor answers.
async fn domains(edge: &Edge) -> Result<String, String> {
    let mut words = Vec::new();
    for (report, name) in
        edge.domains.reports().await.into_iter().zip(ledger::Domain::ALL.map(ledger::Domain::name))
    {
        let report = report.ok_or_else(|| format!("{name} does not answer"))?;
        words.push(format!("{name}: {} accounts, {} holds", report.accounts, report.holds));
    }
    Ok(words.join("; "))
}

/// The backplane's own word.
async fn channels(edge: &Edge) -> Result<String, String> {
    let (health, _) = edge.pubsub.send(GetHealth).await.map_err(|_| "pubsub is gone".to_owned())?;
    if health.up { Ok(health.message) } else { Err(health.message) }
}
