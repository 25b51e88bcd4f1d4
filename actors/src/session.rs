//! One connection: its player, its rights, and where each of its requests goes.
//!
//! Lives on the worker that accepted its socket. It takes the permits and checks everything that needs no other actor;
//! replies and publications reach the socket without it.

mod amounts;
mod dispatch;
mod exclusion;
mod limits;

use std::{
    pin::Pin,
    rc::Rc,
    sync::{Arc, atomic::AtomicU32},
    time::Duration,
};

use actix::prelude::*;
use actix_web_actors::ws;
use protocol::{
    Channel, CloseCode, Encoding, ErrorCode, PlayerId, Reply, Request, TableId, U53, codec, reply::Failure,
};
use socket::{Out, Slot};

use crate::{
    admission::Admission,
    clock::{now_ms, time_of_day_ms},
    currencies::Currencies,
    frames::{encoding, push_reply},
    messages::reply::{ReplyTo, SessionRef},
    ports::{money::MoneyPort, table::TablePort},
    pubsub::PubSub,
    spread,
    telemetry::Metrics,
    workers::Workers,
};

/// Close code of RFC 6455 for a kind of message that is not understood.
const UNSUPPORTED: u16 = 1003;

/// The player whom a token names, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The player's id.
    pub player: PlayerId,
    /// When the token ends, the tolerated difference of the clocks included. Milliseconds since 1970, by the time of
    /// day.
    pub until_ms: u64,
}

/// Whom a valid token names.
pub enum Bearer {
    /// Somebody with an id.
    Known(Identity),
    /// Somebody who has none yet.
    New(Enrolment),
}

/// Gives somebody new an id: ends once it is on disk, or with `None` when nobody new is enrolled now. Nothing is done
/// before it is polled, so that it can wait for a permit.
pub type Enrolment = Pin<Box<dyn Future<Output = Option<Identity>>>>;

/// Checks a token by the time of day: returns whom it names, or the code and the sentence for the client.
pub type Authenticate = Arc<dyn Fn(&str) -> Result<Bearer, (ErrorCode, String)> + Send + Sync>;

/// Whether a session may subscribe to a channel of a namespace the hub does not own.
pub type MaySubscribe = Arc<dyn Fn(&Channel) -> bool + Send + Sync>;

/// Bounds of one session.
#[derive(Debug, Clone)]
pub struct Options {
    /// Longest wait for the first request, milliseconds.
    pub hello_within_ms: u64,
    /// How often a client should ping, milliseconds; told in `welcome`.
    pub ping_every_ms: u64,
    /// Channels a session may subscribe to, the personal one and its tables included.
    pub channels_max: usize,
    /// Malformed frames until the session is closed.
    pub errors_max: u32,
    /// Requests above the rate until the session is closed; each request within the rate takes one off the count.
    pub too_fast_max: u32,
    /// Tables a session may sit at.
    pub tables_max: usize,
    /// The hub's version, told in `welcome`.
    pub version: &'static str,
}

/// What every session of a worker shares.
pub struct SessionContext {
    /// Takes permits and rates.
    pub admission: Arc<Admission>,
    /// The way to tables.
    pub tables: TablePort,
    /// The way to money.
    pub money: MoneyPort,
    /// Carries channels.
    pub pubsub: Addr<PubSub>,
    /// All workers' inboxes.
    pub workers: Workers,
    /// This worker's number.
    pub number: u16,
    /// Checks tokens.
    pub authenticate: Authenticate,
    /// Checks channels of other namespaces.
    pub may_subscribe: MaySubscribe,
    /// The operator's currencies.
    pub currencies: Currencies,
    /// Bounds.
    pub options: Options,
    /// Figures.
    pub metrics: Metrics,
}

/// A session's actor.
pub struct SessionActor {
    context: Rc<SessionContext>,
    slot: Slot,
    out: Out,
    state: State,
    in_flight: Arc<AtomicU32>,
    errors: u32,
    too_fast: u32,
}

/// The state of a session.
enum State {
    /// Before `hello`; the handle cancels the alarm for a `hello` that does not come.
    Waiting(Option<SpawnHandle>),
    /// After `hello`: the player is known.
    Ready(Box<Ready>),
    /// It is being closed.
    Closing,
}

/// What a session keeps after `hello`.
struct Ready {
    identity: Identity,
    /// Channels the session has subscribed to, or is about to, the personal one first.
    channels: Vec<Followed>,
    /// Requests to subscribe so far.
    subscriptions: u64,
    /// Tables it sits at, or is about to, each with the number of its newest join.
    tables: Vec<(TableId, u64)>,
    /// Joins so far.
    joins: u64,
    /// Tables that may still have a bet or a clearing of the session under way, whether it sits there or not.
    asked: Vec<TableId>,
}

/// A channel of a session.
struct Followed {
    channel: Channel,
    /// The number of the request since which it counts: a refusal of an earlier one is no matter of this stay.
    since: u64,
    /// Requests since then that were not refused: with the last one the channel counts no more.
    granted: u32,
}

impl SessionActor {
    /// A session after the WebSocket handshake, before its `hello`.
    #[must_use]
    pub fn new(context: Rc<SessionContext>, slot: Slot, out: Out) -> Self {
        context.metrics.session_opened();
        let state = State::Waiting(None);
        Self { context, slot, out, state, in_flight: Arc::default(), errors: 0, too_fast: 0 }
    }

    fn this(&self) -> SessionRef {
        SessionRef { worker: self.context.number, slot: self.slot }
    }

    fn encoding(&self) -> Encoding {
        encoding(self.out.encoding())
    }

    fn fail(&self, id: Option<U53>, failure: Failure) {
        push_reply(&self.out, id, Reply::Error(failure));
    }

    fn close(&mut self, code: CloseCode, reason: &str) {
        self.leave();
        self.state = State::Closing;
        self.end(code.number(), reason);
    }

    /// Closes the socket, unless it is closing already.
    fn end(&self, code: u16, reason: &str) {
        if self.out.is_open() {
            self.context.metrics.session_ended(code);
            self.out.close(code, reason);
        }
    }

    /// Gives back the session's counts at admission and its places at tables.
    fn leave(&mut self) {
        if let State::Ready(ready) = &self.state {
            let player = ready.identity.player;
            // The personal channel is not counted.
            self.context.admission.unsubscribe(player, ready.channels.len() as u32 - 1);
            self.context.admission.leave(player, (self.context.number, self.slot));
            for (table, _) in &ready.tables {
                if let Some(table) = self.context.tables.get(*table) {
                    table.leave(self.this());
                }
            }
        }
    }

    /// One whole message of the client.
    fn message(&mut self, bytes: &[u8], context: &mut ws::WebsocketContext<Self>) {
        if let State::Closing = self.state {
            return;
        }
        let frame = match codec::decode_client(self.encoding(), bytes) {
            Ok(frame) => frame,
            Err(error) => {
                self.context.metrics.malformed();
                self.fail(error.id, Failure::with(error.code, error.detail));
                return self.count_error();
            }
        };
        let id = frame.id;
        let now = now_ms();
        match (&self.state, frame.request) {
            (State::Waiting(_), Request::Hello(hello)) => self.hello(id, hello, context),
            (State::Waiting(_), _) => {
                self.fail(Some(id), Failure::of(ErrorCode::NotAuthenticated));
                self.count_error();
            }
            (State::Ready(_), Request::Hello(_)) => {
                self.fail(Some(id), Failure::with(ErrorCode::OutOfOrder, "hello was said already"));
                self.count_error();
            }
            (State::Ready(ready), request) => {
                if time_of_day_ms() >= ready.identity.until_ms {
                    self.fail(Some(id), Failure::of(ErrorCode::TokenExpired));
                    return self.close(CloseCode::TokenExpired, "the token has expired");
                }
                let player = ready.identity.player;
                if let Some(to) = self.admit(id, player, now) {
                    self.dispatch(to, request, context);
                }
            }
            (State::Closing, _) => {}
        }
    }

    /// Closes the session when its token has expired; until then it sets an alarm for that time. The time is compared
    /// again then, because the clock may have been set back.
    fn expire(&mut self, context: &mut ws::WebsocketContext<Self>) {
        let State::Ready(ready) = &self.state else { return };
        match ready.identity.until_ms.saturating_sub(time_of_day_ms()) {
            0 => self.close(CloseCode::TokenExpired, "the token has expired"),
            rest_ms => {
                context.run_later(Duration::from_millis(rest_ms), |this, context| this.expire(context));
            }
        }
    }

    fn count_error(&mut self) {
        self.errors += 1;
        if self.errors >= self.context.options.errors_max {
            self.close(CloseCode::TooManyErrors, "too many frames that cannot be requests now");
        }
    }

    /// Takes the permit for a request, or refuses it. The rate holds during a drain as well: a refusal is an answer too.
    fn admit(&mut self, id: U53, player: PlayerId, now: u64) -> Option<ReplyTo> {
        let admission = &self.context.admission;
        if let Err(retry_after_ms) = admission.within_rate(player, now) {
            self.too_fast += 1;
            self.fail(Some(id), Failure::of(ErrorCode::RateLimited).after_ms(retry_after_ms));
            if self.too_fast >= self.context.options.too_fast_max {
                self.close(CloseCode::Flooding, "far more requests than allowed");
            }
            return None;
        }
        // A request within the rate takes one off the count, and does not reset it: some requests of a flood are within
        // the rate.
        self.too_fast = self.too_fast.saturating_sub(1);
        if admission.draining() {
            let wait_ms = spread::wait_ms(spread::COME_BACK);
            self.fail(Some(id), Failure::of(ErrorCode::Draining).after_ms(wait_ms));
            return None;
        }
        match admission.admit(&self.in_flight) {
            Some(permit) => Some(ReplyTo { session: self.this(), id, permit }),
            None => {
                // A log that takes no records needs an operator or a restart: clients are told a longer wait.
                let busy = if admission.log().is_ready() { spread::BUSY } else { spread::COME_BACK };
                let wait_ms = spread::wait_ms(busy);
                self.fail(Some(id), Failure::of(ErrorCode::Busy).after_ms(wait_ms));
                None
            }
        }
    }

    /// Takes the permit for a `hello`. Without one the connection is closed and the client connects again later: a
    /// connection without a session would keep a place that a player could have.
    fn admit_hello(&mut self, id: U53) -> Option<ReplyTo> {
        let admission = &self.context.admission;
        let (code, close) = if admission.draining() {
            (ErrorCode::Draining, CloseCode::Draining)
        } else if let Some(permit) = admission.admit(&self.in_flight) {
            return Some(ReplyTo { session: self.this(), id, permit });
        } else {
            (ErrorCode::Busy, CloseCode::Busy)
        };
        self.fail_hello(id, code, close);
        None
    }

    /// Answers a `hello` that cannot be carried out now, and closes the connection: the client connects again later.
    fn fail_hello(&mut self, id: U53, code: ErrorCode, close: CloseCode) {
        self.fail(Some(id), Failure::of(code).after_ms(spread::wait_ms(spread::COME_BACK)));
        self.close(close, code.text());
    }
}

impl Actor for SessionActor {
    type Context = ws::WebsocketContext<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let wait = Duration::from_millis(self.context.options.hello_within_ms);
        let handle = context.run_later(wait, |this, _| {
            if let State::Waiting(_) = this.state {
                this.close(CloseCode::NoHello, "no hello in time");
            }
        });
        self.state = State::Waiting(Some(handle));
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.leave();
        self.state = State::Closing;
        self.context.metrics.session_closed();
    }
}

impl StreamHandler<Result<ws::Message, ws::ProtocolError>> for SessionActor {
    fn handle(
        &mut self,
        message: Result<ws::Message, ws::ProtocolError>,
        context: &mut ws::WebsocketContext<Self>,
    ) {
        match message {
            Ok(ws::Message::Binary(bytes)) if self.encoding() == Encoding::Msgpack => {
                self.message(&bytes, context);
            }
            Ok(ws::Message::Text(text)) if self.encoding() == Encoding::Json => {
                self.message(text.as_bytes(), context);
            }
            Ok(ws::Message::Binary(_)) => self.end(UNSUPPORTED, "hub.v1.json speaks in text frames"),
            Ok(ws::Message::Text(_)) => self.end(UNSUPPORTED, "hub.v1.msgpack speaks in binary frames"),
            // The driver answers pings and closes, joins fragments and ends the stream on errors.
            Ok(
                ws::Message::Ping(_)
                | ws::Message::Pong(_)
                | ws::Message::Close(_)
                | ws::Message::Continuation(_)
                | ws::Message::Nop,
            )
            | Err(_) => {}
        }
    }
}
