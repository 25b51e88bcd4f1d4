//! `GET /metrics`: every figure in Prometheus' text format.

use std::{fmt::Write, sync::atomic::Ordering::Relaxed, time::Duration};

use actix_web::{HttpResponse, http::header, web};
use actors::pubsub::GetHealth;
use prometheus_client::encoding::text::encode_registry;

use super::Edge;

/// Figures counted by the actors, then those read from the parts now.
pub async fn scrape(edge: web::Data<Edge>) -> HttpResponse {
    let mut text = String::with_capacity(4096);
    if encode_registry(&mut text, &edge.registry).is_err() {
        return HttpResponse::InternalServerError().finish();
    }
    let journal = edge.journal.stats();
    let admission = &edge.admission;
    let mut figures = vec![
        ("hub_requests_in_flight", "gauge", u64::from(admission.in_flight())),
        ("hub_requests_busy_total", "counter", admission.busy.load(Relaxed)),
        ("hub_requests_rate_limited_total", "counter", admission.too_fast.load(Relaxed)),
        ("hub_journal_durable_lsn", "gauge", edge.journal.durable().0),
        ("hub_journal_batches_total", "counter", journal.batches),
        ("hub_journal_records_total", "counter", journal.records),
        ("hub_journal_bytes_total", "counter", journal.bytes),
        ("hub_journal_sync_microseconds_total", "counter", journal.sync_us_total),
        ("hub_journal_sync_microseconds_max", "gauge", journal.sync_us_max),
    ];
    figures.extend([
        ("hub_checkpoint_lsn", "gauge", edge.checkpoint.load(Relaxed)),
        ("hub_publications_dropped_total", "counter", edge.dropped.load(Relaxed)),
    ]);
    let answer = tokio::time::timeout(Duration::from_secs(2), edge.pubsub.send(GetHealth)).await;
    if let Ok(Ok((health, counters))) = answer {
        figures.extend([
            ("hub_channels_up", "gauge", u64::from(health.up)),
            ("hub_channels_open", "gauge", counters.channels),
            ("hub_channels_delivered_total", "counter", counters.delivered),
            ("hub_channels_gaps_total", "counter", counters.gaps),
            ("hub_channels_resets_total", "counter", counters.resets),
            ("hub_channels_foreign_logs_total", "counter", counters.foreign_logs),
            ("hub_channels_invalid_total", "counter", counters.invalid + counters.oversized),
            ("hub_channels_links_lost_total", "counter", counters.links_lost),
        ]);
    }
    // The registry's text ends with a mark behind which nothing may stand.
    let end = text.rfind("# EOF").unwrap_or(text.len());
    text.truncate(end);
    for (name, kind, value) in figures {
        // Writing to a String does not fail.
        let _ = writeln!(text, "# TYPE {} {kind}\n{name} {value}", name.trim_end_matches("_total"));
    }
    text.push_str("# EOF\n");
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, kind)).body(text)
}
