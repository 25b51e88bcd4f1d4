//! The driver of one connection, from the handshake to its end: reads, runs the actor, writes, and closes.
//!
//! Each turn has three steps: read once into the worker's shared buffer, but only if the actor has taken all earlier
//! messages and the client reads what it is sent; poll the actor, always; flush. The actor gets whole text and binary
//! messages and, last, the client's close frame; pings and pongs are handled here. However the session ends (a close
//! from either side, a violation of the protocol, the end of the stream, a panic in the actor), other sessions go on.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix::{Actor, AsyncContext, StreamHandler};
use actix_http::error::PayloadError;
use actix_http::ws::{CloseReason, Message, ProtocolError};
use actix_web_actors::ws::WebsocketContext;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;
use tokio::io::{AsyncRead, ReadBuf};

use crate::decode::{Decoded, FrameDecoder};
use crate::frame::{self, NO_CODE};
use crate::out::Out;
use crate::session::{InboundEnd, Session, SocketPhase};
use crate::shared::Slot;
use crate::telemetry;
use crate::worker::Worker;

/// Turns of one poll, after which a busy session lets the others of its thread run.
const TURNS_PER_WAKE: usize = 4;
/// Close code when the actor stopped by itself.
const NORMAL: u16 = 1000;
/// Close code when the actor panicked, RFC 6455 §7.4.1.
const INTERNAL_ERROR: u16 = 1011;

type ActorStream = Pin<Box<dyn Stream<Item = Result<Bytes, actix_web::Error>>>>;

/// The future of one session; it resolves when the connection is closed.
pub(crate) struct Driver {
    worker: Worker,
    session: Rc<Session>,
    /// The actor, until the session closes.
    actor: Option<ActorStream>,
    decoder: FrameDecoder,
    /// Bytes that were read and not yet decoded: those after the handshake in the same packet, or those after the most
    /// events that are decoded at once.
    leftover: Bytes,
    stream_over: bool,
    /// Whether the client has sent its close frame.
    answered: bool,
    /// Whether this side of the TCP connection is shut down.
    half_closed: bool,
}

/// The result of a turn's read.
#[derive(PartialEq, Eq)]
enum Read {
    /// Bytes, the end of the stream, or an error: the actor must run.
    Some,
    /// No bytes yet; the task is woken when there are.
    Waiting,
    /// Not tried: the actor or the client is behind, or nothing more can come.
    NotTried,
}

impl Driver {
    /// Starts the actor. A panic in `start` ends the session, as any panic of the actor does.
    pub(crate) fn new<A>(
        worker: Worker,
        session: Rc<Session>,
        leftover: Bytes,
        start: Box<dyn FnOnce(Slot, Out) -> A>,
    ) -> Self
    where
        A: Actor<Context = WebsocketContext<A>> + StreamHandler<Result<Message, ProtocolError>>,
    {
        let limits = worker.limits();
        let decoder = FrameDecoder::new(limits.frame_bytes_max, limits.message_bytes_max);
        let mut driver = Driver {
            worker,
            session,
            actor: None,
            decoder,
            leftover,
            stream_over: false,
            answered: false,
            half_closed: false,
        };
        let session = driver.session.clone();
        session.set_corked(true);
        let started = catch_unwind(AssertUnwindSafe(|| {
            let session = session.clone();
            // The context needs a stream of raw bytes to decode: it gets one that is always empty. The actor gets
            // a second stream, of whole, checked messages.
            WebsocketContext::with_factory(stream::pending::<Result<Bytes, PayloadError>>(), move |ctx| {
                ctx.add_stream(Inbox(session.clone()));
                start(session.slot, Out(session))
            })
        }));
        session.set_corked(false);
        match started {
            Ok(actor) => driver.actor = Some(Box::pin(actor)),
            Err(_) => driver.panicked(),
        }
        driver
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Read {
        let read = self.read_into_inbox(cx);
        self.session.count_idle(self.decoder.take_idle_frames());
        read
    }

    fn read_into_inbox(&mut self, cx: &mut Context<'_>) -> Read {
        let session = &self.session;
        let mut inbox = session.inbox.borrow_mut();
        let wanted = match session.phase.get() {
            SocketPhase::Open => {
                inbox.is_empty() && session.inbound_end.get().is_none() && !session.is_paused()
            }
            SocketPhase::Closing => true,
            SocketPhase::Over => false,
        };
        session.throttled.set(false);
        if self.stream_over || !wanted {
            return Read::NotTried;
        }
        if !self.leftover.is_empty() {
            let n = self.leftover.len().min(session.shared.limits().read_bytes);
            let taken = self.decoder.decode(&self.leftover[..n], &mut inbox);
            self.leftover =
                if taken < self.leftover.len() { self.leftover.split_off(taken) } else { Bytes::new() };
            return Read::Some;
        }
        let mut buffer = session.shared.read_buffer.borrow_mut();
        let mut buffer = ReadBuf::new(&mut buffer);
        match session.with_io(|io| Pin::new(io).poll_read(cx, &mut buffer)) {
            Some(Poll::Pending) => return Read::Waiting,
            Some(Poll::Ready(Ok(()))) if !buffer.filled().is_empty() => {
                let bytes = buffer.filled();
                session.heard();
                session.shared.count(|stats| stats.read_bytes += bytes.len() as u64);
                let taken = self.decoder.decode(bytes, &mut inbox);
                if taken < bytes.len() {
                    self.leftover = Bytes::copy_from_slice(&bytes[taken..]);
                }
            }
            // A reset connection ends the session as the end of the stream does.
            Some(Poll::Ready(_)) | None => {
                self.stream_over = true;
                if !self.decoder.is_over() {
                    inbox.push_back(Decoded::Eof);
                }
            }
        }
        Read::Some
    }

    /// Polls the actor. Frames that it pushes are written together afterwards.
    fn run_actor(&mut self, cx: &mut Context<'_>) {
        let Some(actor) = self.actor.as_mut() else { return };
        let session = &self.session;
        session.set_corked(true);
        let turn = catch_unwind(AssertUnwindSafe(|| {
            loop {
                match actor.as_mut().poll_next(cx) {
                    // An actor that is still running after the client's end is stopped: it has nothing left to do.
                    Poll::Pending => break session.inbound_end.get().is_some(),
                    Poll::Ready(None) => break true,
                    Poll::Ready(Some(Ok(frames))) => session.push_context(frames),
                    Poll::Ready(Some(Err(error))) => {
                        telemetry::unspeakable(&error);
                        session.close(INTERNAL_ERROR, "internal error");
                        break true;
                    }
                }
            }
        }));
        match turn {
            Ok(false) => {}
            Ok(true) => self.end_of_actor(),
            Err(_) => self.panicked(),
        }
        self.session.set_corked(false);
    }

    /// Closes the session after the client or the actor has ended it, with the right close code.
    fn end_of_actor(&mut self) {
        let session = &self.session;
        match session.inbound_end.get() {
            Some(InboundEnd::Closed(code)) => session.close(code, ""),
            Some(InboundEnd::FrameFault(fault)) => {
                telemetry::broken_rule(&session.shared);
                session.close(fault.code, fault.reason);
            }
            Some(InboundEnd::Eof) => {
                // Queued frames may still reach a client that only stopped sending.
                session.flush();
                session.finish();
            }
            None => session.close(NORMAL, ""),
        }
        self.drop_actor();
    }

    fn panicked(&mut self) {
        telemetry::panicked(&self.session.shared, self.session.slot);
        self.session.close(INTERNAL_ERROR, "internal error");
        self.drop_actor();
    }

    /// Stops the actor: `stopping` and `stopped` run now, while the session is still registered.
    fn drop_actor(&mut self) {
        let actor = self.actor.take();
        if catch_unwind(AssertUnwindSafe(|| drop(actor))).is_err() {
            telemetry::panicked_at_its_end(self.session.slot);
        }
        self.worker.unsubscribe_all(&self.session);
    }

    /// After this side's close frame: ignores the client's messages, waits for its close frame, and shuts down this
    /// side when everything was sent. True when the connection can be dropped.
    fn is_closed(&mut self, all_sent: bool) -> bool {
        self.answered |= matches!(self.session.inbound_end.get(), Some(InboundEnd::Closed(_)));
        self.answered |= self.session.inbox.take().iter().any(|event| matches!(event, Decoded::Close(_)));
        if all_sent && !self.half_closed && (self.answered || self.decoder.is_over()) {
            // RFC 6455 §7.1.1: the server closes the TCP connection first, at once. Only the sending side is shut
            // down: closing while the client still sends would reset the connection, and the close frame could be
            // lost. So the client's bytes are read and ignored until it closes too, or the wait is over.
            self.half_closed = true;
            self.session.with_io(|io| socket2::SockRef::from(&*io).shutdown(std::net::Shutdown::Write));
        }
        all_sent && self.stream_over
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.session.set_waker(cx.waker());
        for _ in 0..TURNS_PER_WAKE {
            let was_open = this.session.phase.get() == SocketPhase::Open;
            let read = this.read(cx);
            if was_open {
                this.run_actor(cx);
            }
            let all_sent = this.session.poll_flush(cx).is_ready();
            let more = match this.session.phase.get() {
                SocketPhase::Over => return Poll::Ready(()),
                SocketPhase::Closing => {
                    if this.actor.is_some() {
                        this.drop_actor();
                    }
                    if this.is_closed(all_sent) {
                        return Poll::Ready(());
                    }
                    was_open || read == Read::Some
                }
                SocketPhase::Open => match read {
                    Read::Some => true,
                    Read::Waiting => false,
                    // An actor that is behind wakes this task itself; a client that is behind wakes it when it
                    // has read.
                    Read::NotTried => {
                        let unheard = !this.session.inbox.borrow().is_empty();
                        !this.session.is_paused() && (!unheard || this.session.throttled.take())
                    }
                },
            };
            if !more {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.session.finish();
        self.drop_actor();
        self.worker.retire(self.session.slot);
    }
}

/// The actor's stream: whole messages, then the client's close frame, then the end.
struct Inbox(Rc<Session>);

impl Stream for Inbox {
    type Item = Result<Message, ProtocolError>;

    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // No waker is stored: only the driver fills the inbox, and it polls the actor directly after that.
        let session = &self.0;
        if session.phase.get() != SocketPhase::Open {
            return Poll::Pending;
        }
        if session.inbound_end.get().is_some() {
            return Poll::Ready(None);
        }
        loop {
            if session.is_paused() {
                // Otherwise one read full of small requests could fill the queue with replies.
                session.throttled.set(true);
                return Poll::Pending;
            }
            let Some(event) = take(&session.inbox) else { return Poll::Pending };
            match event {
                Decoded::Message(message) => return Poll::Ready(Some(Ok(message))),
                Decoded::Ping(payload) => session.push_pong(frame::pong_frame(&payload)),
                Decoded::Close(reason) => {
                    session.inbound_end.set(Some(InboundEnd::Closed(answer_to(reason.as_ref()))));
                    return Poll::Ready(Some(Ok(Message::Close(reason))));
                }
                Decoded::Fault(fault) => {
                    session.inbound_end.set(Some(InboundEnd::FrameFault(fault)));
                    return Poll::Ready(None);
                }
                Decoded::Eof => {
                    session.inbound_end.set(Some(InboundEnd::Eof));
                    return Poll::Ready(None);
                }
            }
        }
    }
}

/// Takes the next event. An inbox that becomes empty gives its memory back.
fn take(inbox: &std::cell::RefCell<VecDeque<Decoded>>) -> Option<Decoded> {
    let mut inbox = inbox.borrow_mut();
    let event = inbox.pop_front();
    if inbox.is_empty() && inbox.capacity() > 0 {
        *inbox = VecDeque::new();
    }
    event
}

fn answer_to(reason: Option<&CloseReason>) -> u16 {
    reason.map_or(NO_CODE, |reason| reason.code.into())
}
