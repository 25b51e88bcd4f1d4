//! A session: `hello`, replies matched by id, a heartbeat, pushes into a bounded queue.
//!
//! Two tasks serve it (`serve.rs`); they end when the last [`Client`] is dropped or the connection does. A reply may
//! overtake another; the id tells them apart.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use protocol::{
    ClientFrame, Encoding, FrameError, Push, Reply, Request, Text, U53,
    codec::ServerFrame,
    reply::Welcome,
    request::{Hello, RESUME_MAX, Since},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};

use crate::{
    Closed, Connection, Error,
    pushes::{self, PushSink, Pushes},
    serve::{Reader, Shared, lock, serve},
};

/// Requests that may wait for the writer; more wait in [`Client::request`].
const WAITING_MAX: usize = 256;
/// Pushes kept that come before the welcome; what is dropped beyond them shows as a gap, and is healed.
const EARLY_MAX: usize = 256;

/// How a client connects and waits.
#[derive(Debug, Clone)]
pub struct Options {
    /// Spelling of the frames. MessagePack unless a person reads along.
    pub encoding: Encoding,
    /// Program and version, for the hub's logs; at most 64 bytes, more is cut off.
    pub client_name: String,
    /// Channels to follow again, with the positions seen; from [`Client::positions`]. `hello` carries the first
    /// [`RESUME_MAX`]; the others are subscribed to right after it. What was missed comes as pushes.
    pub resume: Vec<Since>,
    /// Longest wait for a reply.
    pub request_timeout: Duration,
    /// Pushes that may wait for the listener.
    pub pushes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            encoding: Encoding::Msgpack,
            client_name: concat!("hub-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            resume: Vec::new(),
            request_timeout: Duration::from_secs(10),
            pushes_max: 1_024,
        }
    }
}

/// One authenticated session. Cheap to clone; all clones share the connection.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
    frames: mpsc::Sender<ClientFrame>,
    welcome: Arc<Welcome>,
    request_timeout: Duration,
}

impl Client {
    /// Connects, says `hello`, and waits for the welcome.
    pub async fn connect(url: &str, token: &str, options: Options) -> Result<(Self, Pushes), Error> {
        let connection = Connection::open(url, options.encoding).await?;
        Self::over(connection, token, options).await
    }

    /// Says `hello` on an open connection.
    pub async fn over(
        connection: Connection,
        token: &str,
        options: Options,
    ) -> Result<(Self, Pushes), Error> {
        let (sink, pushes) = pushes::channel(options.pushes_max);
        Ok((Self::start(connection, token, options, sink, true).await?, pushes))
    }

    /// Says `hello`. Without `resuming` the hello names no channel: those of the options are subscribed to after the
    /// welcome, and what the player's own has missed is told as lost.
    pub(crate) async fn start(
        mut connection: Connection,
        token: &str,
        options: Options,
        sink: PushSink,
        resuming: bool,
    ) -> Result<Self, Error> {
        let resume_max = if resuming { RESUME_MAX } else { 0 };
        let hello = Hello {
            token: Text::new(token).ok_or(Error::Unexpected("hello: the token is too long"))?,
            client: Text::new(clipped(&options.client_name)),
            resume: options.resume.iter().take(resume_max).cloned().collect(),
        };
        let id = U53::from(0);
        let wait = options.request_timeout;
        let mut early = Vec::new();
        let greeting = async {
            connection.send(ClientFrame { id, request: Request::Hello(hello) }).await?;
            greet(&mut connection, id, &mut early).await
        };
        let reply = timeout(wait, greeting).await.map_err(|_| Error::Timeout(wait))??;
        let mut welcome = match reply {
            Reply::Welcome(welcome) => welcome,
            Reply::Error(failure) => return Err(Error::Refused(failure)),
            _ => return Err(Error::Unexpected("hello")),
        };
        // Without `resuming` the hub was not asked to recover anything.
        welcome.personal.recovered &= resuming;
        let shared = Arc::new(Shared::default());
        let (frames, queue) = mpsc::channel(WAITING_MAX);
        let mut reader = Reader::new(shared.clone(), sink, frames.downgrade());
        reader.welcomed(&welcome, &options.resume);
        for push in early {
            match push {
                Some(push) => reader.push(push),
                None => reader.missed(),
            }
        }
        let beat = Duration::from_millis(welcome.ping_every_ms.max(100));
        serve(connection, queue, reader, beat);
        Ok(Self { shared, frames, welcome: Arc::new(welcome), request_timeout: wait })
    }

    /// What the hub said at the start.
    #[must_use]
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// The last position seen of each followed channel, for [`Options::resume`].
    #[must_use]
    pub fn positions(&self) -> Vec<Since> {
        lock(&self.shared.positions).resume()
    }

    /// Waits until the connection has ended, and says how.
    pub async fn ended(&self) -> Closed {
        let mut ended = self.shared.ended.subscribe();
        // The sender is part of `shared`, so it is not gone.
        let _ = ended.wait_for(|ended| *ended).await;
        self.closed_or_ending()
    }

    /// How the connection ended, once it has.
    #[must_use]
    pub fn closed(&self) -> Option<&Closed> {
        self.shared.closed.get()
    }

    /// When to come back to a hub that drains, once it has said so.
    #[must_use]
    pub fn come_back_at(&self) -> Option<Instant> {
        self.shared.come_back_at.get().copied()
    }

    /// Asks, and waits for the reply. A refusal is [`Error::Refused`].
    ///
    /// After [`Error::Timeout`] or [`Error::Closed`] it is not known whether a change took effect: ask again with
    /// the same key, or use [`crate::Resilient`].
    pub async fn request(&self, request: Request) -> Result<Reply, Error> {
        let number = self.shared.next_id.fetch_add(1, Relaxed);
        let id = U53::new(number).ok_or(Error::Unexpected("a request after 2^53 others"))?;
        let (waiter, reply) = oneshot::channel();
        let _waiting = Waiting { shared: &self.shared, number };
        lock(&self.shared.waiters).insert(number, waiter);
        // The reader may have ended just before: then nobody will wake this waiter any more.
        if self.shared.closed.get().is_some() {
            return Err(self.gone());
        }
        let asked = async {
            self.frames.send(ClientFrame { id, request }).await.map_err(|_| self.gone())?;
            reply.await.map_err(|_| self.gone())?.map_err(Error::Frame)
        };
        match timeout(self.request_timeout, asked).await {
            Ok(Ok(Reply::Error(failure))) => Err(Error::Refused(failure)),
            Ok(answer) => answer,
            Err(_) => Err(Error::Timeout(self.request_timeout)),
        }
    }

    fn gone(&self) -> Error {
        Error::Closed(self.closed_or_ending())
    }

    fn closed_or_ending(&self) -> Closed {
        let closed = self.shared.closed.get().cloned();
        closed.unwrap_or_else(|| Closed::broken("the connection is ending"))
    }
}

/// Waits for the reply to `hello`. Pushes that come before it are kept, with `None` for one that cannot be read: what
/// of them is new is known only after the welcome, and after another answer the next connection brings them again.
async fn greet(connection: &mut Connection, id: U53, early: &mut Vec<Option<Push>>) -> Result<Reply, Error> {
    loop {
        let push = match connection.recv().await {
            Ok(ServerFrame::Reply(frame)) if frame.id == Some(id) => return Ok(frame.reply),
            Err(Error::Frame(error)) if error.id == Some(id) => return Err(Error::Frame(error)),
            Ok(ServerFrame::Reply(_)) | Err(Error::Frame(FrameError { id: Some(_), .. })) => continue,
            Ok(ServerFrame::Push(push)) => Some(push),
            Err(Error::Frame(FrameError { id: None, .. })) => None,
            Err(error) => return Err(error),
        };
        if early.len() < EARLY_MAX {
            early.push(push);
        }
    }
}

/// Forgets a waiter that stopped waiting, whatever the reason.
struct Waiting<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(&self.shared.waiters).remove(&self.number);
    }
}

/// At most 64 bytes of a name, cut between characters.
fn clipped(name: &str) -> &str {
    &name[..name.floor_char_boundary(64)]
}
