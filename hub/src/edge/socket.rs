//! The door of the WebSockets: path, origin, address, sub-protocol. Who the player is, the first request tells.

use std::{convert::Infallible, rc::Rc, sync::Arc};

use actix_codec::Framed;
use actix_http::{
    HttpMessage, Request, StatusCode, h1,
    header::{self, HeaderMap, HeaderValue},
};
use actix_rt::net::TcpStream;
use actix_service::ServiceFactory;
use actors::session::{MayFollow, Options, SessionActor, SessionContext};
use protocol::{CloseCode, Encoding};
use socket::{Accepted, CloseCodes, Refusal, Worker, subprotocols, upgrade_service};

use super::{Edge, problem};
use crate::config::{Loaded, Subscribe};

/// Path of the WebSockets.
pub const PATH: &str = "/ws";

/// Malformed frames until a session is closed.
const ERRORS_MAX: u32 = 20;
/// Requests above the rate, less those within it, until a session is closed.
const TOO_FAST_MAX: u32 = 2_000;
/// Tables a session may sit at.
const TABLES_MAX: usize = 16;

/// Close codes of the driver.
#[must_use]
pub fn close_codes() -> CloseCodes {
    CloseCodes {
        too_slow: CloseCode::TooSlow.number(),
        no_pong: CloseCode::NoPong.number(),
        flooding: CloseCode::Flooding.number(),
    }
}

/// The upgrade service of one worker.
pub fn upgrade(
    edge: &Arc<Edge>,
    worker: Worker,
    number: u16,
) -> impl ServiceFactory<
    (Request, Framed<TcpStream, h1::Codec>),
    Config = (),
    Response = (),
    Error = Infallible,
    InitError = (),
> + use<> {
    let config = &edge.loaded.config;
    let context = Rc::new(SessionContext {
        admission: edge.admission.clone(),
        directory: edge.directory.clone(),
        balance: edge.domains.balance.clone(),
        coordinator: edge.coordinator.clone(),
        pubsub: edge.pubsub.clone(),
        workers: edge.workers.clone(),
        number,
        authenticate: edge.authenticate.clone(),
        may_follow: may_follow(&edge.loaded),
        currencies: edge.currencies.clone(),
        options: Options {
            hello_within_ms: config.socket.hello_within_ms.into(),
            ping_every_ms: (u64::from(config.socket.ping_every_ms) / 2).max(1_000),
            channels_max: config.channels.subscriptions_per_session_max as usize,
            errors_max: ERRORS_MAX,
            too_fast_max: TOO_FAST_MAX,
            tables_max: TABLES_MAX,
            version: env!("CARGO_PKG_VERSION"),
        },
        metrics: edge.metrics.clone(),
    });
    let edge = edge.clone();
    upgrade_service(worker, move |request: &Request| {
        let encoding = judge(&edge, request)?;
        let context = context.clone();
        Ok(Accepted {
            subprotocol: subprotocols(request).next().map(|_| encoding.subprotocol()),
            encoding: encoding as u8,
            start: Box::new(move |slot, out| SessionActor::new(context, slot, out)),
        })
    })
}

/// Looks at a handshake; the encoding when it may come in.
fn judge(edge: &Edge, request: &Request) -> Result<Encoding, Refusal> {
    if request.path() != PATH {
        return Err(refuse(StatusCode::NOT_FOUND, "WebSockets are served at /ws"));
    }
    if edge.admission.draining() {
        let mut refusal = refuse(StatusCode::SERVICE_UNAVAILABLE, "the hub is restarting");
        refusal.headers.push((header::RETRY_AFTER, HeaderValue::from_static("2")));
        return Err(refusal);
    }
    if !origin_allowed(request.headers(), &edge.loaded.config.server.allowed_origins) {
        return Err(refuse(StatusCode::FORBIDDEN, "pages of this origin may not connect"));
    }
    let mut offered = subprotocols(request).peekable();
    if offered.peek().is_none() {
        return Ok(Encoding::Msgpack);
    }
    offered
        .find_map(Encoding::from_subprotocol)
        .ok_or_else(|| refuse(StatusCode::BAD_REQUEST, "the hub speaks hub.v1.msgpack and hub.v1.json"))
}

/// A browser names the page it runs: it must be ours, or one the operator allows. Other programs name none.
pub fn origin_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = host.is_some_and(|host| origin.split_once("://").is_some_and(|(_, origin)| origin == host));
    own || allowed.iter().any(|allowed| allowed == origin || allowed == "*")
}

/// Which channels of namespaces that are not the hub's a session may follow.
fn may_follow(loaded: &Arc<Loaded>) -> MayFollow {
    let loaded = loaded.clone();
    Arc::new(move |channel| {
        let namespace = loaded.config.channels.namespaces.get(channel.namespace());
        namespace.is_some_and(|namespace| namespace.subscribe == Subscribe::Anyone)
    })
}

fn refuse(status: StatusCode, why: &str) -> Refusal {
    let mut refusal = Refusal::new(status, problem("refused", why).to_string());
    refusal.headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
    refusal
}
