//! The upgrade to WebSocket: path, origin, sub-protocol. The player is named by the first request, `hello`.

use std::{convert::Infallible, rc::Rc, sync::Arc};

use actix::Addr;
use actix_codec::Framed;
use actix_http::{HttpMessage, Request, h1, ws::HandshakeError};
use actix_rt::net::TcpStream;
use actix_service::ServiceFactory;
use actix_web::web;
use actors::{
    admission::Admission,
    currencies::Currencies,
    house::House,
    ports::{money::MoneyPort, table::TablePort},
    pubsub::PubSub,
    session::{Authenticate, MaySubscribe, Options, SessionActor, SessionContext},
    telemetry::Metrics,
    workers::Workers,
};
use protocol::{CloseCode, Encoding};
use socket::{Accepted, CloseCodes, Limits, Refusal, Worker, subprotocols, upgrade_service};

use super::{
    error::{Error, Kind},
    origins::Origins,
    rules::EdgeRules,
};
use crate::config::{self, Loaded, Subscribe};

/// Path of the WebSockets.
pub const PATH: &str = "/ws";

/// Malformed frames until a session is closed.
const ERRORS_MAX: u32 = 20;
/// Requests above the rate, less those within it, until a session is closed.
const TOO_FAST_MAX: u32 = 2_000;
/// Tables a session may sit at.
const TABLES_MAX: usize = 16;

/// The upgrade service: checks handshakes, and what a new session is given.
pub struct Upgrade {
    admission: Arc<Admission>,
    tables: TablePort,
    money: MoneyPort,
    pubsub: Addr<PubSub>,
    workers: Workers,
    metrics: Metrics,
    currencies: Currencies,
    authenticate: Authenticate,
    may_subscribe: MaySubscribe,
    origins: Origins,
    rules: Arc<EdgeRules>,
    options: Options,
}

impl Upgrade {
    /// The way in to a running house.
    #[must_use]
    pub fn new(
        loaded: &Arc<Loaded>,
        house: &House,
        admission: Arc<Admission>,
        currencies: Currencies,
        authenticate: Authenticate,
        rules: Arc<EdgeRules>,
    ) -> Self {
        let config::Config { socket, channels, server, .. } = &loaded.config;
        Self {
            admission,
            tables: house.tables.clone(),
            money: house.money.clone(),
            pubsub: house.pubsub.clone(),
            workers: house.workers.clone(),
            metrics: house.metrics.clone(),
            currencies,
            authenticate,
            may_subscribe: may_subscribe(loaded),
            origins: Origins::new(server),
            rules,
            options: Options {
                hello_within_ms: socket.hello_within_ms.into(),
                ping_every_ms: (u64::from(socket.ping_every_ms) / 2).max(1_000),
                channels_max: channels.subscriptions_per_session_max as usize,
                errors_max: ERRORS_MAX,
                too_fast_max: TOO_FAST_MAX,
                tables_max: TABLES_MAX,
                version: env!("CARGO_PKG_VERSION"),
            },
        }
    }

    /// The upgrade service of worker `number`.
    pub fn service(
        self: &Arc<Self>,
        worker: Worker,
        number: u16,
    ) -> impl ServiceFactory<
        (Request, Framed<TcpStream, h1::Codec>),
        Config = (),
        Response = (),
        Error = Infallible,
        InitError = (),
    > + use<> {
        let context = Rc::new(SessionContext {
            admission: self.admission.clone(),
            tables: self.tables.clone(),
            money: self.money.clone(),
            pubsub: self.pubsub.clone(),
            workers: self.workers.clone(),
            number,
            authenticate: self.authenticate.clone(),
            may_subscribe: self.may_subscribe.clone(),
            currencies: self.currencies.clone(),
            options: self.options.clone(),
            metrics: self.metrics.clone(),
        });
        let upgrade = self.clone();
        let accept = move |request: &Request| {
            let encoding = upgrade.judge(request)?;
            let context = context.clone();
            Ok(Accepted {
                subprotocol: subprotocols(request).next().map(|_| encoding.subprotocol()),
                encoding: encoding as u8,
                start: Box::new(move |slot, out| SessionActor::new(context, slot, out)),
            })
        };
        upgrade_service(worker, accept, |error| malformed(error).into())
    }

    /// Checks a handshake; returns the encoding of its sub-protocol.
    fn judge(&self, request: &Request) -> Result<Encoding, Refusal> {
        self.rules.judge(request.head())?;
        if request.path() != PATH {
            return Err(Error::new(Kind::NotFound, "WebSockets are served at /ws").into());
        }
        if self.admission.draining() {
            return Err(Error::from(Kind::Draining).into());
        }
        if !self.origins.allow(request.headers()) {
            return Err(Error::new(Kind::Forbidden, "pages of this origin may not connect").into());
        }
        let mut offered = subprotocols(request).peekable();
        if offered.peek().is_none() {
            return Ok(Encoding::Msgpack);
        }
        let known = offered.find_map(Encoding::from_subprotocol);
        known.ok_or_else(|| Error::from(Kind::UnknownSubprotocol).into())
    }
}

/// The answer to a handshake of a wrong form.
fn malformed(error: HandshakeError) -> Error {
    let words = error.to_string();
    match error {
        HandshakeError::GetMethodRequired => Error::method_not_allowed("GET"),
        HandshakeError::NoVersionHeader | HandshakeError::UnsupportedVersion => Error::other_version(words),
        HandshakeError::NoWebsocketUpgrade
        | HandshakeError::NoConnectionUpgrade
        | HandshakeError::BadWebsocketKey => Error::new(Kind::BadHandshake, words),
    }
}

/// The answer at the path of the WebSockets to a request that is no upgrade.
pub fn routes(service: &mut web::ServiceConfig) {
    service.route(PATH, web::to(async || Err::<&str, _>(Error::from(Kind::UpgradeRequired))));
}

/// Close codes of the driver.
#[must_use]
pub fn close_codes() -> CloseCodes {
    CloseCodes {
        too_slow: CloseCode::TooSlow.number(),
        no_pong: CloseCode::NoPong.number(),
        flooding: CloseCode::Flooding.number(),
    }
}

/// Bounds of one socket.
#[must_use]
pub fn limits(socket: &config::Socket) -> Limits {
    Limits {
        frame_bytes_max: socket.frame_bytes_max,
        message_bytes_max: socket.message_bytes_max,
        queue_bytes_max: socket.queue_bytes_max,
        read_pause_bytes: socket.queue_soft_bytes,
        stall_ms_max: socket.stall_ms_max.into(),
        ping_every_ms: socket.ping_every_ms.into(),
        pong_within_ms: socket.pong_within_ms.into(),
        close_within_ms: socket.close_within_ms.into(),
        send_buffer_bytes: socket.send_buffer_bytes,
        ..Limits::default()
    }
}

/// Which channels of namespaces that are not the hub's a session may subscribe to.
fn may_subscribe(loaded: &Arc<Loaded>) -> MaySubscribe {
    let loaded = loaded.clone();
    Arc::new(move |channel| {
        let namespace = loaded.config.channels.namespaces.get(channel.namespace());
        namespace.is_some_and(|namespace| namespace.subscribe == Subscribe::Anyone)
    })
}
