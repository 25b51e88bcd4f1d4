//! The door of the WebSockets: path, origin, address, sub-protocol. Who the player is, the first request tells.

use std::{convert::Infallible, rc::Rc, sync::Arc};

use actix_codec::Framed;
use actix_http::{
    HttpMessage, Request, StatusCode, h1,
    header::{self, HeaderMap, HeaderValue},
};
use actix_rt::net::TcpStream;
use actix_service::ServiceFactory;
use actors::session::{MaySubscribe, Options, SessionActor, SessionContext};
use protocol::{CloseCode, Encoding};
use socket::{Accepted, CloseCodes, Refusal, Worker, subprotocols, upgrade_service};

use super::{Edge, problem};
use crate::config::{Loaded, Server, Subscribe};

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
        tables: edge.tables.clone(),
        money: edge.money.clone(),
        pubsub: edge.pubsub.clone(),
        workers: edge.workers.clone(),
        number,
        authenticate: edge.authenticate.clone(),
        may_subscribe: may_subscribe(&edge.loaded),
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
    if !origin_allowed(request.headers(), &edge.loaded.config.server) {
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
pub fn origin_allowed(headers: &HeaderMap, server: &Server) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = host.is_some_and(|host| origin.split_once("://").is_some_and(|(_, origin)| origin == host));
    let public = !origin.is_empty() && origin == server.public_url;
    own || public || server.allowed_origins.iter().any(|known| known == origin || known == "*")
}

/// Which channels of namespaces that are not the hub's a session may subscribe to.
fn may_subscribe(loaded: &Arc<Loaded>) -> MaySubscribe {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a page of `origin` may come in at a hub called `host`, which allows `allowed`.
    #[track_caller]
    fn check(origin: &'static str, host: &'static str, allowed: &[&str], expected: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        headers.insert(header::HOST, HeaderValue::from_static(host));
        let allowed_origins = allowed.iter().map(|&origin| origin.to_owned()).collect();
        let server = Server { allowed_origins, ..Server::default() };
        assert_eq!(origin_allowed(&headers, &server), expected, "{origin} at {host} with {allowed:?}");
    }

    #[test]
    fn pages_of_the_hub_and_of_allowed_sites_may_come_in_and_no_others() {
        check("http://127.0.0.1:7700", "127.0.0.1:7700", &[], true);
        check("https://play.example.com", "play.example.com", &[], true);
        for foreign in [
            "https://evil.example",
            "https://play.example.com.evil.example",
            "https://evil.example/play.example.com",
            "https://play.example.com:8443",
            "https://xplay.example.com",
            "https://user@play.example.com",
            "play.example.com",
            "null",
            "",
        ] {
            check(foreign, "play.example.com", &["https://www.example.com"], false);
        }
        check("https://www.example.com", "play.example.com", &["https://www.example.com"], true);
        check("http://www.example.com", "play.example.com", &["https://www.example.com"], false);
        check("https://anything.example", "play.example.com", &["*"], true);
    }

    #[test]
    fn pages_under_the_public_url_are_the_hubs_own_whatever_name_the_proxy_uses() {
        let server = Server { public_url: "https://play.example.com".into(), ..Server::default() };
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("hub-7.internal:7700"));
        headers.insert(header::ORIGIN, HeaderValue::from_static("https://play.example.com"));
        assert!(origin_allowed(&headers, &server));
        headers.insert(header::ORIGIN, HeaderValue::from_static("https://evil.example"));
        assert!(!origin_allowed(&headers, &server));
    }

    #[test]
    fn programs_that_name_no_origin_may_come_in() {
        assert!(origin_allowed(&HeaderMap::new(), &Server::default()));
    }
}
