//! The edge: what the hub shows of itself over HTTP, and the door of its WebSockets, on one port.

pub mod addresses;
mod assets;
mod cached;
mod demo;
mod health;
mod metrics;
mod publish;
pub mod socket;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use actix::Addr;
use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
    web,
};
use actors::{
    admission::{Admission, Bounds},
    currencies::Currencies,
    house::House,
    messages::output::Output,
    ports::{money::MoneyPort, table::TablePort},
    pubsub::PubSub,
    session::Authenticate,
    telemetry::Metrics,
    workers::Workers,
};
use journal::Journal;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use protocol::{ErrorCode, TableId};
use serde_json::json;

use self::{addresses::Addresses, cached::Cached};
use crate::{
    app,
    auth::{Minter, TokenError, Verifier},
    config::Loaded,
};

/// What every request may need. One for the process.
pub struct Edge {
    /// The configuration, checked.
    pub loaded: Arc<Loaded>,
    /// Takes permits and rates.
    pub admission: Arc<Admission>,
    /// The way to tables.
    pub tables: TablePort,
    /// The way to money.
    pub money: MoneyPort,
    /// Channels.
    pub pubsub: Addr<PubSub>,
    /// The workers' inboxes.
    pub workers: Workers,
    /// The log's writer.
    pub journal: Journal<Output>,
    /// Figures.
    pub metrics: Metrics,
    /// The operator's currencies.
    pub currencies: Currencies,
    /// Checks tokens.
    pub authenticate: Authenticate,
    /// What each network address may take.
    pub addresses: Arc<Addresses>,
    minter: Option<Minter>,
    registry: Registry,
    publications: publish::Publications,
    dropped: Arc<AtomicU64>,
    checkpoint: actors::followers::checkpoint::Progress,
    table_threads: Vec<TableId>,
    /// What each worker has counted, when it was last asked.
    sockets: Mutex<Vec<::socket::Stats>>,
    readiness: Cached<(bool, Arc<[serde_json::Value]>)>,
    scraped: Cached<Option<web::Bytes>>,
    demo_players: AtomicU32,
    started: Instant,
}

impl Edge {
    /// The edge of a running house.
    #[must_use]
    pub fn new(loaded: Arc<Loaded>, house: &House) -> Self {
        let rate = &loaded.config.rate;
        let admission = Admission::new(Bounds {
            in_flight_max: rate.in_flight_max,
            in_flight_per_session_max: rate.in_flight_per_session,
            rate_per_second: rate.requests_per_second_per_player,
            rate_burst: rate.requests_burst_per_player,
            sessions_per_player_max: rate.sessions_per_player_max,
            channels_per_player_max: loaded.config.channels.subscriptions_per_player_max,
        });
        let secrets = &loaded.secrets;
        let rules = loaded.config.token_rules();
        let verifier = Verifier::new(secrets.keys.clone(), rules.clone(), secrets.pseudonyms.clone());
        let minter = Minter::new(secrets.keys.clone(), rules);
        let mut registry = Registry::default();
        house.metrics.register(&mut registry);
        let publications = publish::Publications::default();
        publications.register(&mut registry);
        Self {
            admission,
            tables: house.tables.clone(),
            money: house.money.clone(),
            pubsub: house.pubsub.clone(),
            workers: house.workers.clone(),
            journal: house.journal.clone(),
            metrics: house.metrics.clone(),
            currencies: app::currencies(&loaded),
            authenticate: authenticate(verifier),
            minter,
            registry,
            publications,
            dropped: house.dropped.clone(),
            checkpoint: house.checkpoints.progress(),
            table_threads: house.table_threads.clone(),
            sockets: Mutex::default(),
            readiness: Cached::default(),
            scraped: Cached::default(),
            addresses: Addresses::new(rate, loaded.config.server.connections_per_address_max),
            demo_players: AtomicU32::new(0),
            started: Instant::now(),
            loaded,
        }
    }

    /// Sessions connected now.
    #[must_use]
    pub fn sessions(&self) -> u64 {
        self.metrics.sessions()
    }

    /// Bounds of one socket.
    #[must_use]
    pub fn limits(&self) -> ::socket::Limits {
        let socket = &self.loaded.config.socket;
        ::socket::Limits {
            frame_bytes_max: socket.frame_bytes_max,
            message_bytes_max: socket.message_bytes_max,
            queue_bytes_max: socket.queue_bytes_max,
            read_pause_bytes: socket.queue_soft_bytes,
            stall_ms_max: socket.stall_ms_max.into(),
            ping_every_ms: socket.ping_every_ms.into(),
            pong_within_ms: socket.pong_within_ms.into(),
            close_within_ms: socket.close_within_ms.into(),
            send_buffer_bytes: socket.send_buffer_bytes,
            ..::socket::Limits::default()
        }
    }
}

/// Checks tokens with the configured keys, by the time of day, and says what is wrong with one in a sentence.
fn authenticate(verifier: Verifier) -> Authenticate {
    Arc::new(move |token| match verifier.verify(token, SystemTime::now()) {
        Ok(identity) => {
            Ok(actors::session::Identity { player: identity.player, until_ms: milliseconds(identity.until) })
        }
        Err(error) => {
            let code = match error {
                TokenError::Expired => ErrorCode::TokenExpired,
                TokenError::TooLong
                | TokenError::Malformed
                | TokenError::WrongAlgorithm
                | TokenError::UnknownExtension
                | TokenError::Forged
                | TokenError::BadClaim(_)
                | TokenError::NotSeconds(_)
                | TokenError::WrongIssuer
                | TokenError::WrongAudience
                | TokenError::NotYetValid(_)
                | TokenError::HoldsTooLong => ErrorCode::TokenInvalid,
            };
            Err((code, error.to_string()))
        }
    })
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Every path of the edge but the WebSocket's.
pub fn routes(service: &mut web::ServiceConfig) {
    macro_rules! page {
        ($path:expr, $handler:path) => {
            web::resource($path)
                .route(web::get().to($handler))
                .route(web::head().to($handler))
                .default_service(web::to(wrong_method))
        };
    }
    macro_rules! action {
        ($path:expr, $handler:path) => {
            web::resource($path).route(web::post().to($handler)).default_service(web::to(wrong_method))
        };
    }
    service
        .service(page!("/health/live", health::live))
        .service(page!("/health/ready", health::ready))
        .service(page!("/metrics", metrics::scrape))
        .service(page!("/api/info", demo::info))
        .service(action!("/api/demo", demo::sign_in))
        .service(action!("/api/publish", publish::publish))
        .route(socket::PATH, web::to(not_an_upgrade))
        .service(page!("/{path:.*}", assets::serve));
}

/// Somebody came to the WebSocket's path without asking for one.
async fn not_an_upgrade() -> HttpResponse {
    HttpResponse::build(StatusCode::UPGRADE_REQUIRED)
        .insert_header((header::UPGRADE, "websocket"))
        .json(problem("upgrade_required", "this path speaks WebSocket; see docs/protocol.md"))
}

/// The path is right, the method is not.
async fn wrong_method() -> HttpResponse {
    HttpResponse::MethodNotAllowed().json(problem("method_not_allowed", "this path takes another method"))
}

/// Longest body of a request, bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// Longest wait for a body.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// The whole body of a request, if it is not too long and comes in time.
async fn body(payload: web::Payload) -> Result<web::Bytes, HttpResponse> {
    match tokio::time::timeout(BODY_WITHIN, payload.to_bytes_limited(BODY_BYTES_MAX)).await {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(_))) => {
            Err(HttpResponse::BadRequest().json(problem("malformed", "the body could not be read")))
        }
        Ok(Err(_)) => {
            let words = format!("a body has at most {BODY_BYTES_MAX} bytes");
            Err(HttpResponse::PayloadTooLarge().json(problem("too_large", words)))
        }
        Err(_) => {
            let words = "the body did not come in time";
            Err(HttpResponse::RequestTimeout().force_close().json(problem("too_slow", words)))
        }
    }
}

/// An error as the HTTP side spells it.
fn problem(name: &str, message: impl Into<String>) -> serde_json::Value {
    json!({ "error": { "name": name, "message": message.into() } })
}
