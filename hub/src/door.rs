//! Between a connection and the HTTP server: bounds the memory of a connection, whatever the client sends or leaves
//! unread.
//!
//! A connection is a [`Pipe`], which gives the HTTP server one request at a time, and an answer is an [`Answer`], which
//! the server gets in small pieces. What one connection holds is then bounded: the server's read and write buffers, a
//! piece, and one request. Behind an upgrade the connection is the session's, and these bounds end.

mod answer;
mod framing;
mod pipe;

use std::{
    convert::Infallible,
    io::ErrorKind,
    net::SocketAddr,
    rc::Rc,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use actix_codec::Framed;
use actix_http::{
    ConnectionType, HttpServiceBuilder, Method, Protocol, Request, RequestHead, Response, StatusCode,
    error::DispatchError, h1, header,
};
use actix_rt::net::TcpStream;
use actix_service::{Service, ServiceFactory, apply_fn_factory};
use actix_web::{ResponseError, body::BoxBody, dev::ServiceResponse};

use self::{
    answer::Answer,
    framing::BodyLeft,
    pipe::{Exchange, Pipe},
};

use crate::{
    config::Socket,
    edge::{
        allowance::Allowance,
        error::{Error, Kind},
        rules::EdgeRules,
    },
    telemetry::{RequestId, events as telemetry},
};

/// Longest a connection without a request stays open.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// Longest wait for the first request, and for the rest of any that has begun.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);
/// Longest a connection is read on after a refusal that did not wait for the body, so that the refusal arrives.
const LINGER: Duration = Duration::from_secs(2);
/// Most the kernel takes of an answer before the client has room for it, bytes.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 32 * 1024;
/// Answered and not yet taken by the kernel, bytes; one piece of an answer comes on top.
const WRITE_BUFFER_BYTES: usize = 16 * 1024;

/// How long the server waits for a client.
#[derive(Debug, Clone, Copy)]
pub struct Waits {
    /// For the first request, and for the whole of any that has begun.
    request: Duration,
    /// For the client to take more of an answer.
    answer: Duration,
}

impl Waits {
    /// An answer may stay unread as long as what is sent to a session.
    #[must_use]
    pub fn new(socket: &Socket) -> Self {
        Self { request: REQUEST_WITHIN, answer: Duration::from_millis(socket.stall_ms_max.into()) }
    }

    /// Sets how long the kernel waits for a client that does not read its answer, or is gone without a close, before it
    /// drops the connection: HTTP itself has no such limit. A WebSocket has its own bounds from its handshake on.
    fn set_for_answers(self, io: &TcpStream) {
        #[cfg(target_os = "linux")]
        {
            let socket = socket2::SockRef::from(io);
            // Errors are ignored: a socket that takes no options fails at its first read.
            let _ = socket.set_tcp_user_timeout(Some(self.answer));
            let _ = socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = io;
    }
}

/// What answers requests: an `App` of actix-web.
pub trait Pages:
    ServiceFactory<
        Request,
        Config = (),
        Response = ServiceResponse,
        Error = actix_web::Error,
        InitError = (),
        Service: 'static,
        Future: 'static,
    > + 'static
{
}

impl<P> Pages for P where
    P: ServiceFactory<
            Request,
            Config = (),
            Response = ServiceResponse,
            Error = actix_web::Error,
            InitError = (),
            Service: 'static,
            Future: 'static,
        > + 'static
{
}

/// Serves `pages` on connections, and hands those that ask for WebSocket to `upgrade`, which asks the rules by itself.
pub fn http<P, U>(
    pages: P,
    upgrade: U,
    rules: Arc<EdgeRules>,
    waits: Waits,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()> + use<P, U>
where
    P: Pages,
    U: ServiceFactory<
            (Request, Framed<TcpStream, h1::Codec>),
            Config = (),
            Response = (),
            Error = Infallible,
            InitError = (),
            Service: 'static,
            Future: 'static,
        > + 'static,
{
    let upgrade = apply_fn_factory(
        upgrade,
        |(request, framed): (Request, Framed<Pipe, h1::Codec>), sockets: &U::Service| {
            let id = RequestId::of(request.head().headers());
            // The handshake is judged in the call. The future of a session has no use for an id.
            id.within(|| sockets.call((request, framed.into_map_io(Pipe::into_inner))))
        },
    );
    let http = server(waits).upgrade(upgrade).finish(answered(pages, rules.clone()));
    connected(http, rules, waits)
}

/// Serves `pages` on connections, and no WebSockets.
pub fn pages<P: Pages>(
    pages: P,
    rules: Arc<EdgeRules>,
    waits: Waits,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()> + use<P>
{
    connected(server(waits).finish(answered(pages, rules.clone())), rules, waits)
}

/// The HTTP server as every port has it.
fn server<S>(waits: Waits) -> HttpServiceBuilder<Pipe, S>
where
    S: ServiceFactory<Request, Config = (), Error = actix_web::Error, InitError = ()>,
    <S::Service as Service<Request>>::Future: 'static,
{
    HttpServiceBuilder::default()
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(waits.request)
        .client_disconnect_timeout(LINGER)
        .h1_allow_half_closed(false)
        .h1_write_buffer_size(WRITE_BUFFER_BYTES)
        .on_connect_ext(|pipe: &Pipe, data| {
            data.insert(pipe.exchange().clone());
        })
}

/// Makes a pipe of each connection, and counts those on which no HTTP was spoken.
fn connected<H>(
    http: H,
    rules: Arc<EdgeRules>,
    waits: Waits,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()> + use<H>
where
    H: ServiceFactory<
            (Pipe, Protocol, Option<SocketAddr>),
            Config = (),
            Response = (),
            Error = DispatchError,
            InitError = (),
        >,
{
    apply_fn_factory(http, move |io: TcpStream, http: &H::Service| {
        waits.set_for_answers(&io);
        let peer = io.peer_addr().ok();
        let serving = http.call((Pipe::new(io, waits.request), Protocol::Http1, peer));
        let rules = rules.clone();
        async move {
            serving.await.inspect_err(|error| {
                // A port scan speaks no HTTP and is counted; a client that disconnects is not.
                if is_unreadable(error) {
                    rules.refused.unreadable.fetch_add(1, Relaxed);
                }
                telemetry::connection_broken(error);
            })
        }
    })
}

/// Whether what came was no HTTP/1.1.
fn is_unreadable(error: &DispatchError) -> bool {
    match error {
        DispatchError::Parse(_) => true,
        DispatchError::Io(error) => error.kind() == ErrorKind::InvalidData,
        _ => false,
    }
}

/// Asks the rules before the pages, and tells the connection when a request begins and when its answer has ended. Everything
/// that answers a request does so under its id, and every answer has it.
fn answered<P: Pages>(
    pages: P,
    rules: Arc<EdgeRules>,
) -> impl ServiceFactory<Request, Config = (), Response = Response<Answer>, Error = actix_web::Error, InitError = ()>
{
    apply_fn_factory(pages, move |request: Request, pages: &P::Service| {
        let exchange = request.conn_data::<Rc<Exchange>>().cloned();
        let exchange = exchange.expect("each connection has it from its first byte");
        let (id, method) = (RequestId::of(request.head().headers()), request.method().clone());
        let (body, began) = (body_of(request.head()), Instant::now());
        let answering = exchange.begin(body);
        let admitted = rules.admit(request.head(), began);
        let answer = admitted.map(|()| id.within(|| pages.call(request)));
        let rules = rules.clone();
        id.clone().scope(async move {
            let (mut response, page) = match answer {
                Ok(answer) => page_answer(answer.await, !body.ended(), &rules),
                Err(error) => (refusal(&error), None),
            };
            let (name, value) = id.header();
            response.headers_mut().insert(name, value);
            tell(&method, page.as_deref().unwrap_or_default(), response.status(), began);
            exchange.pass().await;
            Ok(response.map_body(|_, body| Answer::new(body, answering)))
        })
    })
}

/// The answer of a page, with what is left to its caller, and the pattern of its path.
fn page_answer(
    answer: Result<ServiceResponse, actix_web::Error>,
    has_body: bool,
    rules: &EdgeRules,
) -> (Response<BoxBody>, Option<String>) {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return (error.error_response().into(), None),
    };
    let now = Instant::now();
    let judged = rules.judge_body(&answer, has_body, now);
    if let Err(error) = judged.and_then(|()| rules.answered(&answer, now)) {
        return (refusal(&error), None);
    }
    let told = telemetry::tells_of_answers() || answer.status() == StatusCode::INTERNAL_SERVER_ERROR;
    let page = if told { answer.request().match_pattern() } else { None };
    let allowance = Allowance::of(answer.request());
    let mut response: Response<BoxBody> = answer.into();
    for (name, value) in allowance.into_iter().flat_map(Allowance::headers) {
        response.headers_mut().insert(name, value);
    }
    (response, page)
}

/// Tells the log of an answer.
fn tell(method: &Method, page: &str, status: StatusCode, began: Instant) {
    telemetry::answered(method.as_str(), page, status.as_u16(), began.elapsed());
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        telemetry::answered_with_fault(method.as_str(), page);
    }
}

/// A refusal of the rules. The connection of an address that asks too often is closed, and a new one costs it more.
fn refusal(error: &Error) -> Response<BoxBody> {
    let mut response: Response<BoxBody> = error.error_response().into();
    if error.kind() == Kind::TooFast {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    response
}

/// The body a head announces. The HTTP server has refused what contradicts itself.
fn body_of(head: &RequestHead) -> BodyLeft {
    let headers = head.headers();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return BodyLeft::in_chunks();
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    match length.and_then(|length| length.trim().parse().ok()) {
        None | Some(0) => BodyLeft::Ended,
        Some(length) => BodyLeft::Length(length),
    }
}

#[cfg(test)]
mod tests;
