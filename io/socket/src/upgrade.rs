//! The upgrade: takes an HTTP request that asks for WebSocket, does or refuses the handshake, and drives the session.
//!
//! The form of the handshake (RFC 6455 §4.2) is checked here; a malformed one gets the answer of the caller's
//! `malformed`. The caller's `accept` decides on path, origin and sub-protocol. Mount the service with
//! `actix_http::HttpService::build().upgrade(..)`: requests that do not ask for an upgrade go to the HTTP service on
//! the same port.

use std::convert::Infallible;
use std::rc::Rc;

use actix::{Actor, StreamHandler};
use actix_codec::Framed;
use actix_http::body::BodySize;
use actix_http::header::{self, HeaderName, HeaderValue};
use actix_http::ws::{HandshakeError, Message, ProtocolError, handshake_response, verify_handshake};
use actix_http::{HttpMessage, Request, Response, StatusCode, h1};
use actix_service::{ServiceFactory, fn_service};
use actix_web_actors::ws::WebsocketContext;
use bytes::Bytes;
use futures_util::SinkExt;
use tokio::net::TcpStream;

use crate::driver::Driver;
use crate::fanout::ENCODINGS;
use crate::out::Out;
use crate::shared::Slot;
use crate::telemetry;
use crate::tune::tune;
use crate::worker::Worker;

/// An accepted handshake.
pub struct Accepted<A> {
    /// The sub-protocol to confirm: one of those that the client offered ([`subprotocols`]), or none.
    pub subprotocol: Option<&'static str>,
    /// The caller's tag for the encoding of this session's frames: 0 or 1.
    pub encoding: u8,
    /// Makes the session's actor.
    pub start: Box<dyn FnOnce(Slot, Out) -> A>,
}

/// A refused handshake, and the answer to it. The connection is closed after the answer.
#[derive(Debug)]
pub struct Refusal {
    /// Status of the answer.
    pub status: StatusCode,
    /// Headers besides length and connection.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Body of the answer; may be empty.
    pub body: Bytes,
}

impl Refusal {
    /// A refusal with a status and a text that says why.
    pub fn new(status: StatusCode, why: impl Into<Bytes>) -> Self {
        Refusal { status, headers: Vec::new(), body: why.into() }
    }
}

/// The plain answer to a malformed handshake.
impl From<HandshakeError> for Refusal {
    fn from(error: HandshakeError) -> Self {
        let (status, headers) = match error {
            HandshakeError::GetMethodRequired => {
                (StatusCode::METHOD_NOT_ALLOWED, vec![(header::ALLOW, HeaderValue::from_static("GET"))])
            }
            HandshakeError::NoVersionHeader | HandshakeError::UnsupportedVersion => {
                let version = (header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
                (StatusCode::UPGRADE_REQUIRED, vec![version])
            }
            HandshakeError::NoWebsocketUpgrade
            | HandshakeError::NoConnectionUpgrade
            | HandshakeError::BadWebsocketKey => (StatusCode::BAD_REQUEST, Vec::new()),
        };
        Refusal { status, headers, body: error.to_string().into() }
    }
}

/// The sub-protocols that the client offers, in its order of preference.
pub fn subprotocols(request: &Request) -> impl Iterator<Item = &str> {
    request
        .headers()
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// Makes the upgrade service of one worker. `accept` is called once for each well-formed handshake, before the answer;
/// `malformed` makes the answer to each other one ([`Refusal::from`] makes a plain one). Both are called while the service is, and
/// not by its future, which lives as long as the session.
///
/// The actor gets whole `Message::Text` and `Message::Binary` and, last, `Message::Close` if the client sent one. It
/// never gets pings, pongs, fragments or errors, which are handled here. Then its stream is `finished`, which by
/// default stops it. Frames that it writes through its context go to the same queue as those of [`Out::push`]; a close
/// frame closes the session.
pub fn upgrade_service<A, F, M>(
    worker: Worker,
    accept: F,
    malformed: M,
) -> impl ServiceFactory<
    (Request, Framed<TcpStream, h1::Codec>),
    Config = (),
    Response = (),
    Error = Infallible,
    InitError = (),
>
where
    A: Actor<Context = WebsocketContext<A>> + StreamHandler<Result<Message, ProtocolError>>,
    F: Fn(&Request) -> Result<Accepted<A>, Refusal> + 'static,
    M: Fn(HandshakeError) -> Refusal + 'static,
{
    let judges = Rc::new((accept, malformed));
    fn_service(move |(request, framed): (Request, Framed<TcpStream, h1::Codec>)| {
        let (accept, malformed) = &*judges;
        let form = verify_handshake(request.head()).map_err(malformed);
        let verdict = form.and_then(|()| accept(&request));
        // Boxed: a session does not keep the room that its handshake took.
        let admitted = Box::pin(admit(worker.clone(), verdict, request, framed));
        async move {
            if let Some(driver) = admitted.await {
                driver.await;
            }
            Ok(())
        }
    })
}

/// Answers the handshake. `None` when it was refused, or the client has disconnected. The driver is boxed so that the
/// future of an HTTP connection stays small.
async fn admit<A>(
    worker: Worker,
    verdict: Result<Accepted<A>, Refusal>,
    request: Request,
    mut framed: Framed<TcpStream, h1::Codec>,
) -> Option<std::pin::Pin<Box<Driver>>>
where
    A: Actor<Context = WebsocketContext<A>> + StreamHandler<Result<Message, ProtocolError>>,
{
    let accepted = match verdict {
        Ok(accepted) => accepted,
        Err(refusal) => {
            telemetry::refused(&worker.0.shared);
            if let Err(error) = refuse(&mut framed, refusal).await {
                telemetry::left("before its refusal", &error);
            }
            return None;
        }
    };
    assert!(usize::from(accepted.encoding) < ENCODINGS, "an encoding tag is 0 or 1");

    let mut response = handshake_response(request.head());
    if let Some(subprotocol) = accepted.subprotocol {
        response.insert_header((header::SEC_WEBSOCKET_PROTOCOL, subprotocol));
    }
    let response = response.message_body(()).expect("a fixed response has no bad header");
    drop(request);
    let tuned = tune(framed.io_ref(), worker.limits());
    if let Err(error) = tuned {
        telemetry::left("before its handshake", &error);
        return None;
    }
    if let Err(error) = framed.send((response, BodySize::None).into()).await {
        telemetry::left("during its handshake", &error);
        return None;
    }
    let parts = framed.into_parts();
    // Copied, usually without any bytes: even an empty slice would keep the HTTP parser's 8 KiB buffer.
    let leftover = Bytes::copy_from_slice(&parts.read_buf);
    let session = worker.admit(parts.io, accepted.encoding);
    Some(Box::pin(Driver::new(worker.clone(), session, leftover, accepted.start)))
}

async fn refuse(framed: &mut Framed<TcpStream, h1::Codec>, refusal: Refusal) -> Result<(), std::io::Error> {
    let mut response = Response::build(refusal.status);
    response.force_close();
    for header in refusal.headers {
        response.insert_header(header);
    }
    let response = response.message_body(()).expect("header names and values are checked by their types");
    let size = BodySize::Sized(refusal.body.len() as u64);
    framed.send((response, size).into()).await?;
    if !refusal.body.is_empty() {
        framed.send(h1::Message::Chunk(Some(refusal.body))).await?;
    }
    framed.close().await
}
