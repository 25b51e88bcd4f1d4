//! A connection that gives the HTTP server behind it one request at a time.
//!
//! The server decodes every request it finds in its buffer before it answers the first: a client that sends thousands
//! of small ones and reads nothing would keep them all in memory (measured: 20 MiB a connection). Here the next request
//! stays in the kernel until the answer to the last one has been taken by the kernel, so that a client that does not
//! read is slowed by TCP. Pipelining works, one request after the other.

use std::{
    cell::Cell,
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_rt::net::TcpStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep, sleep_until},
};

use super::framing::{BodyLeft, RequestHead, short_body};

/// Longest head of a request, bytes.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Most that is handed over at once, bytes.
const SLICE_BYTES_MAX: usize = 8 * 1024;

/// Longest body that is read before an answer that does not need it, bytes.
const PASSED_BYTES_MAX: usize = 64 * 1024;
/// Most that is read behind an answer of a body that does not tell its length, bytes.
const BEHIND_BYTES_MAX: usize = 256 * 1024;

/// Why the connection is there: only `into_inner` takes it, and takes the pipe with it.
const STANDS: &str = "a pipe has its connection until it is taken apart";

/// The request that is under way on a connection.
#[derive(Debug, Default)]
pub struct Exchange {
    answering: Cell<bool>,
    body: Cell<BodyLeft>,
    /// When its head had come.
    began: Cell<Option<Instant>>,
    /// Bytes of the body that were handed over: in all, and once the answer has ended, behind it.
    taken: Cell<usize>,
    /// Bytes of the body that were handed over together with the head.
    ahead: Cell<usize>,
    /// The server was handed a body together with the head, and has not come to the end of its turn since.
    unread: Cell<bool>,
    /// All that has come of the body was handed over.
    dry: Cell<bool>,
}

/// A request is being answered while this lives.
#[derive(Debug)]
pub struct Answering(Rc<Exchange>);

impl Exchange {
    /// A request with this body has been understood, and its answer begins.
    #[must_use]
    pub fn begin(self: &Rc<Self>, body: BodyLeft) -> Answering {
        let ahead = self.ahead.take();
        self.answering.set(true);
        self.began.set(Some(Instant::now()));
        self.body.set(if body == BodyLeft::Length(ahead as u64) { BodyLeft::Ended } else { body });
        self.taken.set(ahead);
        self.unread.set(ahead > 0);
        self.dry.set(false);
        Answering(self.clone())
    }

    /// Waits until what has come of a body is handed over, up to a bound. An answer that did not wait for its body would
    /// end the connection, although the next request stands behind a few bytes.
    pub async fn pass(&self) {
        // The server reads the rest of what it has been handed before it asks for the answer a second time.
        if self.unread.take() {
            tokio::task::yield_now().await;
        }
        poll_fn(|_| if self.passed() { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// Asked again after each read: the connection's task is the one that waits.
    fn passed(&self) -> bool {
        match self.body.get() {
            BodyLeft::Ended => true,
            BodyLeft::Length(left) if left > PASSED_BYTES_MAX as u64 => true,
            BodyLeft::Length(_) | BodyLeft::Chunks(_) => {
                self.dry.get() || self.taken.get() > PASSED_BYTES_MAX
            }
        }
    }

    /// Whether the server may read: the rest of a body, or the next request.
    fn wants_more(&self) -> bool {
        !self.answering.get() || !self.body.get().ended()
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.set(false);
        self.0.taken.set(0);
    }
}

/// The connection.
#[derive(Debug)]
pub struct Pipe {
    /// `None` once it was taken.
    io: Option<TcpStream>,
    exchange: Rc<Exchange>,
    head: RequestHead,
    head_bytes: usize,
    head_until: Option<Pin<Box<Sleep>>>,
    /// Set while a body goes on behind its answer.
    body_until: Option<Pin<Box<Sleep>>>,
    /// Longest wait for the rest of a head that has begun, and for the whole body behind it when no page reads it. The
    /// server's own limit holds for the first head only, and it waits for the rest of a body in chunks for ever.
    request_within: Duration,
    /// Something was handed over, and the server has not had its turn since.
    handed_over: bool,
    /// The kernel takes no more for now.
    blocked: bool,
    /// A read was refused, and nothing will wake the reader but us.
    waiting: bool,
}

impl Pipe {
    /// A connection on which nothing was said yet.
    #[must_use]
    pub fn new(io: TcpStream, request_within: Duration) -> Self {
        Self {
            io: Some(io),
            exchange: Rc::default(),
            head: RequestHead::default(),
            head_bytes: 0,
            head_until: None,
            body_until: None,
            request_within,
            handed_over: false,
            blocked: false,
            waiting: false,
        }
    }

    /// What the server's side tells about the requests.
    #[must_use]
    pub fn exchange(&self) -> &Rc<Exchange> {
        &self.exchange
    }

    /// The connection itself, for a protocol that is not HTTP. Nothing that was read is left behind.
    #[must_use]
    pub fn into_inner(mut self) -> TcpStream {
        self.io.take().expect(STANDS)
    }

    fn io(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(self.io.as_mut().expect(STANDS))
    }

    /// Hands over what belongs to the head, a short body that has come with it, and no byte behind them.
    fn read_head(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(until) = &mut self.head_until
            && until.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the rest of a request did not come",
            )));
        }
        let space = buf.initialize_unfilled_to(buf.remaining().min(SLICE_BYTES_MAX));
        let mut seen = ReadBuf::new(space);
        ready!(self.io().poll_peek(cx, &mut seen))?;
        if seen.filled().is_empty() {
            return Poll::Ready(Ok(()));
        }
        let seen = seen.filled();
        let end = self.head.clone().end(seen);
        // A head of which a part is already gone is not looked into: its body comes with the next turn.
        let body =
            end.filter(|_| self.head_bytes == 0).map_or(0, |end| short_body(&seen[..end], seen.len() - end));
        let ours = end.map_or(seen.len(), |end| end + body);
        let mut taken = ReadBuf::new(&mut space[..ours]);
        ready!(self.io().poll_read(cx, &mut taken))?;
        let taken = taken.filled();
        let ended = self.head.end(taken).is_some();
        self.exchange.ahead.set(body);
        self.handed_over = ended;
        self.head_bytes = if ended { 0 } else { self.head_bytes + taken.len() };
        if ended {
            self.head_until = None;
        } else if self.head_bytes > HEAD_BYTES_MAX {
            return Poll::Ready(Err(self.head_too_long()));
        } else if self.head_until.is_none() {
            self.head_until = Some(Box::pin(sleep(self.request_within)));
        }
        let count = taken.len();
        buf.advance(count);
        Poll::Ready(Ok(()))
    }

    /// Nothing is under way, so the answer can be written past the server, which would take four times as much first.
    fn head_too_long(&mut self) -> io::Error {
        // A client that does not take it has its answer in the end of the connection.
        let _ = self.io().try_write(
            b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        );
        io::Error::new(io::ErrorKind::InvalidData, "the head of a request is too long")
    }

    /// Waits for the rest of a body behind its answer, which the kernel has: not longer than the body may take in all.
    fn wait_for_body(&mut self, cx: &mut Context<'_>) {
        let exchange = &self.exchange;
        if exchange.answering.get() || exchange.body.get().ended() {
            self.body_until = None;
            return;
        }
        let began = exchange.began.get().unwrap_or_else(Instant::now);
        let until = began + self.request_within;
        let until = self.body_until.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if until.as_mut().poll(cx).is_ready() {
            // The reader finds that the time is over.
            cx.waker().wake_by_ref();
        }
    }

    /// Whether a body that goes on behind its answer may do so.
    fn judge_body(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Some(until) = &mut self.body_until
            && until.as_mut().poll(cx).is_ready()
        {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the rest of a body did not come"));
        }
        let in_chunks = matches!(self.exchange.body.get(), BodyLeft::Chunks(_));
        if in_chunks && !self.exchange.answering.get() && self.exchange.taken.get() > BEHIND_BYTES_MAX {
            return Err(io::Error::other("a body goes on and on behind its answer"));
        }
        Ok(())
    }

    /// Hands over what belongs to the body, and no byte behind it.
    fn read_body(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.judge_body(cx)?;
        let malformed = |_| io::Error::new(io::ErrorKind::InvalidData, "no body in chunks");
        self.exchange.dry.set(true);
        let space = buf.initialize_unfilled_to(buf.remaining().min(SLICE_BYTES_MAX));
        let mut seen = ReadBuf::new(space);
        ready!(self.io().poll_peek(cx, &mut seen))?;
        if seen.filled().is_empty() {
            return Poll::Ready(Ok(()));
        }
        let ours = self.exchange.body.get().advance(seen.filled()).map_err(malformed)?;
        let mut taken = ReadBuf::new(&mut space[..ours]);
        ready!(self.io().poll_read(cx, &mut taken))?;
        let mut body = self.exchange.body.get();
        body.advance(taken.filled()).map_err(malformed)?;
        let count = taken.filled().len();
        self.exchange.body.set(body);
        self.exchange.taken.set(self.exchange.taken.get().saturating_add(count));
        self.exchange.dry.set(false);
        self.handed_over = true;
        buf.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.blocked || !this.exchange.wants_more() {
            this.waiting = true;
            return Poll::Pending;
        }
        if this.handed_over {
            // The server reads on until it is told to wait. It has its turn, and is woken behind it if there is more to
            // read.
            this.waiting = true;
            return Poll::Pending;
        }
        if this.exchange.body.get().ended() { this.read_head(cx, buf) } else { this.read_body(cx, buf) }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = this.io().poll_write(cx, bytes);
        this.blocked = written.is_pending();
        written
    }

    /// The server calls this at the end of each of its turns, when everything is written that it had to say.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.io().poll_flush(cx))?;
        (this.handed_over, this.blocked) = (false, false);
        this.exchange.unread.set(false);
        this.wait_for_body(cx);
        if this.waiting && this.exchange.wants_more() {
            this.waiting = false;
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().io().poll_shutdown(cx)
    }
}

/// Closing over bytes that have come and were not read resets a connection, and the last answer with it.
impl Drop for Pipe {
    fn drop(&mut self) {
        const READS_MAX: usize = 64;
        let Some(io) = &self.io else { return };
        let mut unread = [0; 4096];
        for _ in 0..READS_MAX {
            match io.try_read(&mut unread) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
