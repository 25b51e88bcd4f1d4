//! Health: whether the process runs, whether it takes work, and which part does not.
//!
//! The public server names the parts and their status. Why a part is down, and what it has done, only the admin server
//! tells: the sentences name addresses, files and amounts of business.

use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::Addr;
use actix_web::{HttpResponse, web};
use actors::{
    admission::Admission,
    house::House,
    messages::{output::Output, pubsub::GetHealth},
    ports::{money::MoneyPort, table::TablePort},
    pubsub::PubSub,
};
use futures_util::future::{join, join_all};
use journal::Journal;
use ledger::Domain;
use people::People;
use protocol::TableId;
use serde_json::{Value, json};

use super::{cached::Cached, routes};

/// Longest wait for the parts' answers.
const WAIT: Duration = Duration::from_secs(2);

/// The health pages, and every part that they ask.
pub struct HealthSurface {
    money: MoneyPort,
    journal: Journal<Output>,
    tables: TablePort,
    table_threads: Vec<TableId>,
    pubsub: Addr<PubSub>,
    people: People,
    admission: Arc<Admission>,
    newest: Cached<Arc<[Part]>>,
    started: Instant,
}

/// What one part has answered.
struct Part {
    name: &'static str,
    up: bool,
    /// Whether the hub can take work without it.
    needed: bool,
    /// For the operator.
    message: String,
    duration_ms: f64,
}

impl HealthSurface {
    /// The health of a house that starts now.
    #[must_use]
    pub fn new((house, people): (&House, &People), admission: Arc<Admission>) -> Self {
        Self {
            money: house.money.clone(),
            journal: house.journal.clone(),
            tables: house.tables.clone(),
            table_threads: house.table_threads.clone(),
            pubsub: house.pubsub.clone(),
            people: people.clone(),
            admission,
            newest: Cached::default(),
            started: Instant::now(),
        }
    }

    /// Asks every part at the same time, so that one that does not answer takes no time from the others.
    async fn ask_all(&self) -> Arc<[Part]> {
        let mut needed: Vec<Pin<Box<dyn Future<Output = Part> + '_>>> =
            vec![Box::pin(part("journal", self.log())), Box::pin(part("tables", self.tables()))];
        for domain in Domain::ALL {
            needed.push(Box::pin(part(domain.name(), self.domain(domain))));
        }
        let (mut parts, channels) = join(join_all(needed), part("channels", self.channels())).await;
        // Known players play on while nobody new can be enrolled.
        parts.push(Part { needed: false, ..part("people", self.enrols()).await });
        // Money and tables go on without channels between hubs: a lost Redis degrades, it does not stop.
        parts.push(Part { needed: false, ..channels });
        parts.into()
    }

    /// Whether the hub takes work now. Read at once, not asked: who takes no work says so without delay.
    fn admits(&self) -> Part {
        let (draining, log) = (self.admission.draining(), self.admission.log());
        let up = !draining && log.is_ready();
        let message = if draining {
            "draining".into()
        } else if up {
            format!("{} requests under way", self.admission.in_flight())
        } else {
            format!("{}: {}", remedy(log.state()), log.why())
        };
        Part { name: "admission", up, needed: true, message, duration_ms: 0.0 }
    }

    /// Whether every part that is needed answers, and `told` of each. At most a few times a second is anybody asked, so
    /// that a stranger who asks all the time costs the money nothing. 503 with the same report when one does not: a
    /// report, not a refusal.
    async fn report(&self, told: impl Fn(&Part) -> Value) -> HttpResponse {
        let asked = self.newest.get(async || self.ask_all().await).await;
        let admission = self.admits();
        let parts = || asked.iter().chain([&admission]);
        let up = parts().all(|part| part.up || !part.needed);
        let body = json!({ "status": word(up), "parts": parts().map(told).collect::<Vec<_>>() });
        if up { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
    }

    /// The log takes a barrier and releases it.
    async fn log(&self) -> Result<String, String> {
        // An unsound log releases nothing, so the barrier would not come back.
        if self.admission.log().state() == journal::State::Unsound {
            return Err(self.admission.log().why());
        }
        self.money.durable().await?;
        let records = format!("{} records on disk", self.journal.durable().0);
        let disk = self.journal.condition().disk();
        Ok(match disk.free.filter(|_| disk.is_low) {
            Some(free) => format!("{records}; {free} bytes are free, fewer than journal.disk_warn_bytes"),
            None => records,
        })
    }

    /// Every thread of tables answers for one of its tables.
    async fn tables(&self) -> Result<String, String> {
        let tables = self.table_threads.iter().filter_map(|table| self.tables.get(*table));
        let answers = join_all(tables.map(|table| table.answers())).await;
        let (all, alive) = (answers.len(), answers.iter().filter(|answers| **answers).count());
        let message = format!("{alive} of {all} threads answer");
        if alive == all { Ok(message) } else { Err(message) }
    }

    /// New people get an id.
    async fn enrols(&self) -> Result<String, String> {
        match self.people.readiness() {
            people::Readiness::Ready => Ok(format!("{} people have an id", self.people.stats().people)),
            people::Readiness::NoRoom(why) => {
                Err(format!("free space, and new people are enrolled again: {why}"))
            }
            people::Readiness::InUse(why) => {
                Err(format!("end the other process, and new people are enrolled again: {why}"))
            }
            people::Readiness::Closed(why) => Err(format!("restart the hub to enrol new people: {why}")),
        }
    }

    /// A domain's actor answers.
    async fn domain(&self, domain: Domain) -> Result<String, String> {
        let report = self.money.report(domain).await.ok_or("the domain's actor is gone")?;
        Ok(format!("{} accounts, {} holds", report.accounts, report.holds))
    }

    /// The backplane's own report.
    async fn channels(&self) -> Result<String, String> {
        let (health, _) = self.pubsub.send(GetHealth).await.map_err(|_| "pubsub is gone".to_owned())?;
        if health.up { Ok(health.message) } else { Err(health.message) }
    }
}

/// Registers its paths on the public server.
pub fn routes(health: &web::Data<HealthSurface>, service: &mut web::ServiceConfig) {
    service
        .app_data(health.clone())
        .service(routes::page("/health/live", live))
        .service(routes::page("/health/ready", ready));
}

/// Registers its paths on the admin server.
pub fn routes_of_operator(health: &web::Data<HealthSurface>, service: &mut web::ServiceConfig) {
    service
        .app_data(health.clone())
        .service(routes::page("/health/live", live))
        .service(routes::page("/health/ready", ready_with_reasons));
}

/// The answer shows that the process runs.
async fn live(health: web::Data<HealthSurface>) -> HttpResponse {
    let uptime_seconds = health.started.elapsed().as_secs();
    HttpResponse::Ok().json(json!({ "status": "up", "uptime_seconds": uptime_seconds }))
}

async fn ready(health: web::Data<HealthSurface>) -> HttpResponse {
    health.report(|part| json!({ "name": part.name, "status": word(part.up) })).await
}

async fn ready_with_reasons(health: web::Data<HealthSurface>) -> HttpResponse {
    let told = |part: &Part| {
        let Part { name, up, message, duration_ms, .. } = part;
        json!({ "name": name, "status": word(*up), "message": message, "duration_ms": duration_ms })
    };
    health.report(told).await
}

/// What to do about a log that takes no records.
fn remedy(state: journal::State) -> &'static str {
    match state {
        journal::State::Preparing | journal::State::Ready => "the log is being made ready",
        journal::State::NoRoom => "free space on the disk of the log, and requests are taken again",
        journal::State::NoSegment => "put right what is named, and requests are taken again",
        journal::State::Unsound => {
            "keep the files, stop the hub, run `hub verify`, put right what it names, start again"
        }
    }
}

fn word(up: bool) -> &'static str {
    if up { "up" } else { "down" }
}

/// Times one part's check; no answer in time is down.
async fn part(name: &'static str, check: impl Future<Output = Result<String, String>>) -> Part {
    let began = Instant::now();
    let result = tokio::time::timeout(WAIT, check).await;
    let result = result.unwrap_or_else(|_| Err("no answer".into()));
    let duration_ms = began.elapsed().as_secs_f64() * 1000.0;
    let up = result.is_ok();
    let (Ok(message) | Err(message)) = result;
    Part { name, up, needed: true, message, duration_ms }
}
