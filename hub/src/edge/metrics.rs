//! `GET /metrics`: every figure in OpenMetrics text, written by one registry.

mod families;
mod parts;
mod since;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use actix::Addr;
use actix_web::{HttpResponse, http::header, web};
use actors::{
    admission::Admission,
    followers::Progress,
    house::House,
    messages::{output::Output, pubsub::GetHealth, worker::ToWorker},
    pubsub::PubSub,
    telemetry::Metrics,
    workers::Workers,
};
use futures_util::future::{join, join_all};
use journal::Journal;
use parking_lot::Mutex;
use people::People;
use prometheus_client::{encoding::text::encode, registry::Registry};
use readmodel::ReadModel;
use socket::Stats;

use self::parts::{
    ChannelFigures, DoorFigures, FollowerFigures, LogFigures, Parts, PartsCollector, ReadModelFigures,
    SocketFigures,
};
pub use self::since::SINCE;
use super::{
    addresses::Addresses,
    cached::Cached,
    publish::{self, Publications},
    routes,
    rules::{EdgeRules, Forbidden},
};
use crate::{
    api::{
        acts::{self, Unrecorded},
        rates::CallerRates,
    },
    archive::Figures,
    auth::Issuers,
    monitoring::{checks::HealthChecks, counters::AlertCounters},
};

/// Longest wait for a part's figures; those of a part that does not answer are left out, or are the last known.
const WAIT: Duration = Duration::from_secs(2);

/// Reads the figures.
pub struct MetricsSurface {
    /// Every figure.
    registry: Registry,
    /// Those of the parts, as of the newest scrape.
    parts: PartsCollector,
    admission: Arc<Admission>,
    addresses: Arc<Addresses>,
    rules: Arc<EdgeRules>,
    rates: Arc<CallerRates>,
    issuers: Arc<Issuers>,
    people: People,
    checks: Arc<HealthChecks>,
    alerts: AlertCounters,
    pubsub: Addr<PubSub>,
    workers: Workers,
    /// What each worker has counted, when it was last asked.
    sockets: Mutex<Vec<Stats>>,
    journal: Journal<Output>,
    applied: Progress,
    stored: Progress,
    scrub: Progress,
    /// Where the read model stands, what was taken for it, and how it is read.
    read_model: Option<(Progress, Progress, ReadModel)>,
    archive: Figures,
    dropped: Arc<AtomicU64>,
    newest: Cached<Option<web::Bytes>>,
}

/// Registers its path.
pub fn routes(metrics: &web::Data<MetricsSurface>, service: &mut web::ServiceConfig) {
    service.app_data(metrics.clone()).service(routes::page("/metrics", scrape));
}

/// The figures, as [`MetricsSurface::text`] has them.
async fn scrape(metrics: web::Data<MetricsSurface>) -> HttpResponse {
    let Some(text) = metrics.text().await else {
        return HttpResponse::InternalServerError().finish();
    };
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, kind)).body(text)
}

impl MetricsSurface {
    /// The figures of a running house and of what services publish.
    #[must_use]
    pub fn new(
        (house, people, archive): (&House, &People, &Figures),
        (publications, unrecorded): (&Publications, &Unrecorded),
        admission: Arc<Admission>,
        addresses: Arc<Addresses>,
        (rules, rates, issuers): (Arc<EdgeRules>, Arc<CallerRates>, Arc<Issuers>),
        (checks, alerts): (Arc<HealthChecks>, AlertCounters),
    ) -> Self {
        let parts = PartsCollector::default();
        Self {
            registry: registry(&house.metrics, publications, (&rules.refused.forbidden, unrecorded), &parts),
            parts,
            admission,
            addresses,
            rules,
            rates,
            issuers,
            people: people.clone(),
            checks,
            alerts,
            pubsub: house.pubsub.clone(),
            workers: house.workers.clone(),
            sockets: Mutex::default(),
            journal: house.journal.clone(),
            applied: house.state_store.progress(),
            stored: house.state_store.stored(),
            scrub: house.scrub.progress(),
            read_model: house.read_model.as_ref().map(|kept| (kept.progress(), kept.taken(), kept.read())),
            archive: archive.clone(),
            dropped: house.dropped.clone(),
            newest: Cached::default(),
        }
    }

    /// The newest text; made anew when it is older than a quarter of a second.
    pub async fn text(&self) -> Option<web::Bytes> {
        self.newest.get(async || self.figures().await).await
    }

    /// The same for the hub's own looks, which keep nothing for others.
    pub async fn look(&self) -> Option<web::Bytes> {
        self.newest.look(async || self.figures().await).await
    }

    /// Figures counted by the actors, and those read from the parts now.
    async fn figures(&self) -> Option<web::Bytes> {
        let channels = tokio::time::timeout(WAIT, self.pubsub.send(GetHealth));
        let (channels, sockets) = join(channels, self.sockets()).await;
        let channels = channels.ok().and_then(Result::ok);
        let channels = channels.map(|(health, counters)| ChannelFigures { up: health.up, counters });
        *self.parts.0.lock() = Parts { door: self.door(), log: self.log(), sockets, channels };
        let mut text = String::with_capacity(16 * 1024);
        encode(&mut text, &self.registry).ok()?;
        Some(text.into())
    }

    /// The requests and connections that are let in, and those that are not.
    fn door(&self) -> DoorFigures {
        let (admission, addresses, refused) = (&self.admission, &self.addresses, &self.rules.refused);
        DoorFigures {
            in_flight: admission.in_flight().into(),
            busy: admission.busy.load(Relaxed),
            rate_limited: admission.too_fast.load(Relaxed),
            connections_too_many: addresses.too_many.load(Relaxed),
            connections_too_fast: addresses.too_fast.load(Relaxed),
            http_unreadable: refused.unreadable.load(Relaxed),
            http_misdirected: refused.misdirected.load(Relaxed),
            http_malformed: refused.malformed.load(Relaxed),
            http_too_fast: refused.too_fast.load(Relaxed),
            api_unauthorized: refused.unauthorized.load(Relaxed),
            api_rate_limited: self.rates.refused().into(),
            issuer_keys_age_s: self.issuers.age(SystemTime::now()).map_or(0, |age| age.as_secs()),
            issuer_keys_failures: self.issuers.failures(),
            people: self.people.stats().people,
            enrols: self.people.readiness() == people::Readiness::Ready,
            parts_asked: self.checks.asked(),
            alerts: self.alerts.now(),
        }
    }

    /// The log and what follows it.
    fn log(&self) -> LogFigures {
        LogFigures {
            ready: self.journal.condition().is_ready(),
            durable_lsn: self.journal.durable().0,
            disk_free: self.journal.condition().disk().free.unwrap_or_default(),
            written: self.journal.stats(),
            store_applied_lsn: self.applied.lsn().0,
            store_lsn: self.stored.lsn().0,
            followers: self.follower_figures(),
            read_model: self.read_model_figures(),
            archived: self.archive.now(),
            dropped: self.dropped.load(Relaxed),
            waiting_bytes: self.workers.waiting_bytes(),
        }
    }

    /// Where the followers stand. The scrub has no place in the log that it must reach.
    fn follower_figures(&self) -> Vec<(&'static str, FollowerFigures)> {
        let durable = self.journal.durable().0;
        let state_store = FollowerFigures {
            lag: durable.saturating_sub(self.stored.lsn().0),
            age_ms: u64::try_from(self.stored.age().as_millis()).unwrap_or(u64::MAX),
            panics: self.applied.panics(),
        };
        let scrub = FollowerFigures { panics: self.scrub.panics(), ..FollowerFigures::default() };
        let mut figures = vec![("state_store", state_store), ("scrub", scrub)];
        if let Some((committed, taken, _)) = &self.read_model {
            let read_model = FollowerFigures {
                lag: durable.saturating_sub(committed.lsn().0),
                age_ms: u64::try_from(committed.age().as_millis()).unwrap_or(u64::MAX),
                panics: taken.panics(),
            };
            figures.push(("read_model", read_model));
        }
        figures
    }

    /// The tables of SQL; all zero when none are kept.
    fn read_model_figures(&self) -> ReadModelFigures {
        self.read_model.as_ref().map_or_else(ReadModelFigures::default, |(_, _, read)| {
            let (bytes, wal_bytes) = read.bytes();
            ReadModelFigures { lsn: read.lsn(), builds: read.builds(), bytes, wal_bytes }
        })
    }

    /// What the workers have counted at their sockets. One that does not answer is counted as it was, so that no
    /// counter falls; how many have answered is a figure of its own.
    async fn sockets(&self) -> SocketFigures {
        let answers = join_all((0..self.workers.count()).map(|worker| {
            let (sender, answer) = tokio::sync::oneshot::channel();
            self.workers.send(worker, ToWorker::GetStats(sender));
            tokio::time::timeout(WAIT, answer)
        }))
        .await;
        let mut found = SocketFigures::default();
        let mut known = self.sockets.lock();
        known.resize(answers.len(), Stats::default());
        for (known, answer) in known.iter_mut().zip(answers) {
            if let Ok(Ok(stats)) = answer {
                *known = stats;
                found.answering += 1;
            }
            found.sum += *known;
        }
        found
    }
}

/// Every figure there is, in one registry: that of a running hub, and the one the manual is printed from.
fn registry(
    actors: &Metrics,
    publications: &Publications,
    (forbidden, unrecorded): (&Forbidden, &Unrecorded),
    parts: &PartsCollector,
) -> Registry {
    let mut registry = Registry::default();
    actors.register(&mut registry);
    publish::register(publications, &mut registry);
    let about = "Requests of services and operators without the capability, by path";
    registry.register("hub_api_forbidden", about, forbidden.clone());
    acts::register(unrecorded, &mut registry);
    registry.register_collector(Box::new(parts.clone()));
    registry
}

/// The figures of a hub that has done nothing yet: every family there is, with type, unit and help.
///
/// # Errors
/// When the text cannot be written.
pub fn blank() -> Result<String, std::fmt::Error> {
    let publications = Publications::default();
    // A family without a row is left out of the text.
    drop(publications.get_or_create(&vec![("service", "news".to_owned()), ("status", "200".to_owned())]));
    let forbidden = Forbidden::default();
    drop(forbidden.get_or_create(&[("path", "/api/domains/balance".to_owned())]));
    let parts = Parts { channels: Some(ChannelFigures::default()), ..Parts::default() };
    let parts = PartsCollector(Arc::new(Mutex::new(parts)));
    let mut text = String::new();
    encode(
        &mut text,
        &registry(&Metrics::default(), &publications, (&forbidden, &Unrecorded::default()), &parts),
    )?;
    Ok(text)
}
