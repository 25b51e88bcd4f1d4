//! `GET /metrics`: every figure in OpenMetrics text.

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use actix::Addr;
use actix_web::{HttpResponse, http::header, web};
use actors::{
    admission::Admission,
    followers::checkpoint::Progress,
    house::House,
    messages::{output::Output, pubsub::GetHealth, worker::ToWorker},
    pubsub::PubSub,
    workers::Workers,
};
use futures_util::future::{join, join_all};
use journal::Journal;
use parking_lot::Mutex;
use prometheus_client::{encoding::text::encode_registry, registry::Registry};
use socket::Stats;

use super::{addresses::Addresses, cached::Cached, routes, rules::EdgeRules};

/// Longest wait for a part's figures; those of a part that does not answer are left out, or are the last known.
const WAIT: Duration = Duration::from_secs(2);

/// Reads the figures.
pub struct MetricsSurface {
    /// Those the actors count.
    registry: Registry,
    admission: Arc<Admission>,
    addresses: Arc<Addresses>,
    rules: Arc<EdgeRules>,
    pubsub: Addr<PubSub>,
    workers: Workers,
    /// What each worker has counted, when it was last asked.
    sockets: Mutex<Vec<Stats>>,
    journal: Journal<Output>,
    checkpoint: Progress,
    dropped: Arc<AtomicU64>,
    newest: Cached<Option<web::Bytes>>,
}

/// Its path.
pub fn routes(metrics: &web::Data<MetricsSurface>, service: &mut web::ServiceConfig) {
    service.app_data(metrics.clone()).service(routes::page("/metrics", scrape));
}

/// The figures, made at most a few times a second however often they are asked for.
async fn scrape(metrics: web::Data<MetricsSurface>) -> HttpResponse {
    let Some(text) = metrics.newest.get(async || metrics.figures().await).await else {
        return HttpResponse::InternalServerError().finish();
    };
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, kind)).body(text)
}

impl MetricsSurface {
    /// The figures of a running house, and those already in the registry.
    #[must_use]
    pub fn new(
        house: &House,
        registry: Registry,
        admission: Arc<Admission>,
        addresses: Arc<Addresses>,
        rules: Arc<EdgeRules>,
    ) -> Self {
        Self {
            registry,
            admission,
            addresses,
            rules,
            pubsub: house.pubsub.clone(),
            workers: house.workers.clone(),
            sockets: Mutex::default(),
            journal: house.journal.clone(),
            checkpoint: house.checkpoints.progress(),
            dropped: house.dropped.clone(),
            newest: Cached::default(),
        }
    }

    /// Figures counted by the actors, then those read from the parts now.
    async fn figures(&self) -> Option<web::Bytes> {
        let mut text = String::with_capacity(8192);
        encode_registry(&mut text, &self.registry).ok()?;
        // The registry's text ends with a mark behind which nothing may stand.
        text.truncate(text.rfind("# EOF").unwrap_or(text.len()));
        let mut figures = Figures(text);
        let channels = tokio::time::timeout(WAIT, self.pubsub.send(GetHealth));
        let (channels, ()) = join(channels, self.sockets(&mut figures)).await;
        self.door(&mut figures);
        self.log(&mut figures);
        if let Ok(Ok((health, counters))) = channels {
            figures.gauge("hub_channels_up", u64::from(health.up));
            figures.gauge("hub_channels_open", counters.channels);
            figures.gauge("hub_channels_quiet", counters.quiet);
            figures.gauge("hub_channels_history_bytes", counters.history_bytes);
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
    fn door(&self, figures: &mut Figures) {
        let (admission, addresses) = (&self.admission, &self.addresses);
        figures.gauge("hub_requests_in_flight", u64::from(admission.in_flight()));
        figures.counter("hub_requests_busy", admission.busy.load(Relaxed));
        figures.counter("hub_requests_rate_limited", admission.too_fast.load(Relaxed));
        let reasons =
            [("too_many", addresses.too_many.load(Relaxed)), ("too_fast", addresses.too_fast.load(Relaxed))];
        figures.counters("hub_connections_turned_away", "reason", &reasons);
        let refused = &self.rules.refused;
        let reasons = [
            ("unreadable", refused.unreadable.load(Relaxed)),
            ("misdirected", refused.misdirected.load(Relaxed)),
            ("malformed", refused.malformed.load(Relaxed)),
            ("too_fast", refused.too_fast.load(Relaxed)),
        ];
        figures.counters("hub_http_refused", "reason", &reasons);
    }

    /// The log and what follows it.
    fn log(&self, figures: &mut Figures) {
        let journal = self.journal.stats();
        figures.gauge("hub_journal_ready", u64::from(self.journal.condition().is_ready()));
        figures.gauge("hub_journal_durable_lsn", self.journal.durable().0);
        figures.counter("hub_journal_batches", journal.batches);
        figures.counter("hub_journal_records", journal.records);
        figures.counter("hub_journal_bytes", journal.bytes);
        figures.counter("hub_journal_sync_microseconds", journal.sync_us_total);
        figures.gauge("hub_journal_sync_microseconds_max", journal.sync_us_max);
        figures.gauge("hub_checkpoint_lsn", self.checkpoint.load(Relaxed));
        figures.counter("hub_publications_dropped", self.dropped.load(Relaxed));
        figures.gauge("hub_publications_waiting_bytes", self.workers.waiting_bytes());
    }

    /// What the workers have counted at their sockets. One that does not answer is counted as it was, so that no counter
    /// falls; how many have answered is a figure of its own.
    async fn sockets(&self, figures: &mut Figures) {
        let answers = join_all((0..self.workers.count()).map(|worker| {
            let (sender, answer) = tokio::sync::oneshot::channel();
            self.workers.send(worker, ToWorker::GetStats(sender));
            tokio::time::timeout(WAIT, answer)
        }))
        .await;
        let (mut sum, mut answered) = (Stats::default(), 0);
        {
            let mut known = self.sockets.lock();
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
