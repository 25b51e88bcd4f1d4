//! `GET /metrics`: every figure in OpenMetrics text.

use std::{fmt::Write, sync::atomic::Ordering::Relaxed, time::Duration};

use ::socket::Stats;
use actix_web::{HttpResponse, http::header, web};
use actors::messages::{pubsub::GetHealth, worker::ToWorker};
use futures_util::future::{join, join_all};
use prometheus_client::encoding::text::encode_registry;

use super::Edge;

/// Longest wait for a part's figures; those of a part that does not answer are left out, or are the last known.
const WAIT: Duration = Duration::from_secs(2);

/// The figures, made at most a few times a second however often they are asked for.
pub async fn scrape(edge: web::Data<Edge>) -> HttpResponse {
    let Some(text) = edge.scraped.get(async || figures(&edge).await).await else {
        return HttpResponse::InternalServerError().finish();
    };
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, kind)).body(text)
}

/// Figures counted by the actors, then those read from the parts now.
async fn figures(edge: &Edge) -> Option<web::Bytes> {
    let mut text = String::with_capacity(8192);
    encode_registry(&mut text, &edge.registry).ok()?;
    // The registry's text ends with a mark behind which nothing may stand.
    text.truncate(text.rfind("# EOF").unwrap_or(text.len()));
    let mut figures = Figures(text);
    let channels = tokio::time::timeout(WAIT, edge.pubsub.send(GetHealth));
    let (channels, ()) = join(channels, sockets(edge, &mut figures)).await;
    door(edge, &mut figures);
    log(edge, &mut figures);
    if let Ok(Ok((health, counters))) = channels {
        figures.gauge("hub_channels_up", u64::from(health.up));
        figures.gauge("hub_channels_open", counters.channels);
        figures.counter("hub_channels_delivered", counters.delivered);
        figures.counter("hub_channels_gaps", counters.gaps);
        figures.counter("hub_channels_resets", counters.resets);
        let dropped = counters.dropped;
        figures.counter("hub_channels_invalid", dropped.invalid + dropped.oversized);
        let reasons = [
            ("invalid", dropped.invalid),
            ("oversized", dropped.oversized),
            ("ambiguous", dropped.ambiguous),
            ("owned", dropped.owned),
            ("log", dropped.log),
        ];
        figures.counters("hub_channels_dropped", "reason", &reasons);
        figures.counter("hub_channels_links_lost", counters.links_lost);
    }
    figures.0.push_str("# EOF\n");
    Some(figures.0.into())
}

/// What is let in, and what is not.
fn door(edge: &Edge, figures: &mut Figures) {
    let (admission, addresses) = (&edge.admission, &edge.addresses);
    figures.gauge("hub_requests_in_flight", u64::from(admission.in_flight()));
    figures.counter("hub_requests_busy", admission.busy.load(Relaxed));
    figures.counter("hub_requests_rate_limited", admission.too_fast.load(Relaxed));
    let reasons =
        [("too_many", addresses.too_many.load(Relaxed)), ("too_fast", addresses.too_fast.load(Relaxed))];
    figures.counters("hub_connections_turned_away", "reason", &reasons);
}

/// The log and what follows it.
fn log(edge: &Edge, figures: &mut Figures) {
    let journal = edge.journal.stats();
    figures.gauge("hub_journal_durable_lsn", edge.journal.durable().0);
    figures.counter("hub_journal_batches", journal.batches);
    figures.counter("hub_journal_records", journal.records);
    figures.counter("hub_journal_bytes", journal.bytes);
    figures.counter("hub_journal_sync_microseconds", journal.sync_us_total);
    figures.gauge("hub_journal_sync_microseconds_max", journal.sync_us_max);
    figures.gauge("hub_checkpoint_lsn", edge.checkpoint.load(Relaxed));
    figures.counter("hub_publications_dropped", edge.dropped.load(Relaxed));
}

/// What the workers have counted at their sockets. One that does not answer is counted as it was, so that no counter
/// falls; how many have answered is a figure of its own.
async fn sockets(edge: &Edge, figures: &mut Figures) {
    let answers = join_all((0..edge.workers.count()).map(|worker| {
        let (sender, answer) = tokio::sync::oneshot::channel();
        edge.workers.send(worker, ToWorker::GetStats(sender));
        tokio::time::timeout(WAIT, answer)
    }))
    .await;
    let (mut sum, mut answered) = (Stats::default(), 0);
    {
        let mut known = edge.sockets.lock();
        known.resize(answers.len(), Stats::default());
        for (known, answer) in known.iter_mut().zip(answers) {
            if let Ok(Ok(stats)) = answer {
                *known = stats;
                answered += 1;
            }
            sum += *known;
        }
    }
    figures.gauge("hub_workers_answering", answered);
    figures.gauge("hub_sockets_open", sum.sessions as u64);
    figures.counter("hub_sockets_opened", sum.opened);
    figures.counter("hub_sockets_refused", sum.refused);
    let reasons = [
        ("too_slow", sum.closed_too_slow),
        ("no_pong", sum.closed_no_pong),
        ("fault", sum.closed_fault),
        ("flooding", sum.closed_flooding),
        ("panic", sum.closed_panic),
    ];
    figures.counters("hub_sockets_closed", "reason", &reasons);
    figures.counter("hub_sockets_read_bytes", sum.read_bytes);
    figures.counter("hub_sockets_written_bytes", sum.written_bytes);
    figures.counter("hub_sockets_writes", sum.writes);
    figures.counter("hub_sockets_conflated", sum.conflated);
}

/// OpenMetrics text under way.
struct Figures(String);

impl Figures {
    fn gauge(&mut self, name: &str, value: u64) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "# TYPE {name} gauge\n{name} {value}");
    }

    fn counter(&mut self, name: &str, value: u64) {
        let _ = writeln!(self.0, "# TYPE {name} counter\n{name}_total {value}");
    }

    fn counters(&mut self, name: &str, label: &str, values: &[(&str, u64)]) {
        let _ = writeln!(self.0, "# TYPE {name} counter");
        for (is, value) in values {
            let _ = writeln!(self.0, "{name}_total{{{label}=\"{is}\"}} {value}");
        }
    }
}
