//! Is it alive, is it ready, and which part is not.

use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{HttpResponse, web};
use actors::messages::pubsub::GetHealth;
use futures_util::future::{join, join_all};
use ledger::Domain;
use serde_json::{Value, json};

use super::Edge;

/// Longest wait for the parts' answers.
const WAIT: Duration = Duration::from_secs(2);

/// The process answers.
pub async fn live(edge: web::Data<Edge>) -> HttpResponse {
    let uptime_seconds = edge.started.elapsed().as_secs();
    HttpResponse::Ok().json(json!({ "status": "up", "uptime_seconds": uptime_seconds }))
}

/// Whether every part that is needed answers, and what each says. At most a few times a second is anybody asked, so that
/// a stranger who asks all the time costs the money nothing.
pub async fn ready(edge: web::Data<Edge>) -> HttpResponse {
    let (up, parts) = edge.readiness.get(async || ask_all(&edge).await).await;
    // Read now: who drains says so at once.
    let draining = edge.admission.draining();
    let message = if draining {
        "draining".into()
    } else {
        format!("{} requests under way", edge.admission.in_flight())
    };
    let admission =
        json!({ "name": "admission", "status": word(!draining), "message": message, "duration_ms": 0 });
    let parts: Vec<&Value> = parts.iter().chain([&admission]).collect();
    let up = up && !draining;
    let body = json!({ "status": word(up), "parts": parts });
    if up { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

/// Asks every part at the same time, so that one that does not answer takes no time from the others.
async fn ask_all(edge: &Edge) -> (bool, Arc<[Value]>) {
    let mut needed: Vec<Pin<Box<dyn Future<Output = Value> + '_>>> =
        vec![Box::pin(part("journal", journal(edge))), Box::pin(part("tables", tables(edge)))];
    for one in Domain::ALL {
        needed.push(Box::pin(part(one.name(), domain(edge, one))));
    }
    // Money and tables go on without channels between hubs: a lost Redis degrades, it does not stop.
    let (mut parts, channels) = join(join_all(needed), part("channels", channels(edge))).await;
    let up = parts.iter().all(|part| part["status"] == "up");
    parts.push(channels);
    (up, parts.into())
}

fn word(up: bool) -> &'static str {
    if up { "up" } else { "down" }
}

/// Times one part's check; no answer in time is down.
async fn part(name: &str, check: impl Future<Output = Result<String, String>>) -> Value {
    let began = Instant::now();
    let result = tokio::time::timeout(WAIT, check).await;
    let result = result.unwrap_or_else(|_| Err("no answer".into()));
    let duration_ms = began.elapsed().as_secs_f64() * 1000.0;
    let up = result.is_ok();
    let (Ok(message) | Err(message)) = result;
    json!({ "name": name, "status": word(up), "message": message, "duration_ms": duration_ms })
}

/// The log takes a barrier and brings it back.
async fn journal(edge: &Edge) -> Result<String, String> {
    edge.money.durable().await?;
    Ok(format!("{} records on disk", edge.journal.durable().0))
}

/// Every thread of tables answers for one of its tables.
async fn tables(edge: &Edge) -> Result<String, String> {
    let tables = edge.table_threads.iter().filter_map(|table| edge.tables.get(*table));
    let answers = join_all(tables.map(|table| table.answers())).await;
    let (all, alive) = (answers.len(), answers.iter().filter(|answers| **answers).count());
    let message = format!("{alive} of {all} threads answer");
    if alive == all { Ok(message) } else { Err(message) }
}

/// A domain's actor answers.
async fn domain(edge: &Edge, domain: Domain) -> Result<String, String> {
    let report = edge.money.report(domain).await.ok_or("the domain's actor is gone")?;
    Ok(format!("{} accounts, {} holds", report.accounts, report.holds))
}

/// The backplane's own word.
async fn channels(edge: &Edge) -> Result<String, String> {
    let (health, _) = edge.pubsub.send(GetHealth).await.map_err(|_| "pubsub is gone".to_owned())?;
    if health.up { Ok(health.message) } else { Err(health.message) }
}
