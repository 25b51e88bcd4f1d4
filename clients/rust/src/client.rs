//! A session: `hello`, replies matched by id, a heartbeat, pushes into a bounded queue.
//!
//! Two tasks serve it: one writes what requests hand over, several frames to a flush; one reads. They end when
//! the last [`Client`] is dropped or the connection does. A reply may overtake another; the id tells them apart.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use protocol::{
    Channel, ClientFrame, Encoding, Push, Reply, Request, Text, U53,
    codec::ServerFrame,
    reply::Welcome,
    request::{Hello, Since, Subscribe},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, timeout},
};

use crate::{
    Closed, Connection, Error, Receiver, Sender,
    positions::{Positions, Verdict},
    pushes::{self, PushSink, Pushes},
};

/// Requests that may wait for the writer; more wait in [`Client::request`].
const WAITING_MAX: usize = 256;
/// Frames joined in one flush.
const FRAMES_PER_FLUSH_MAX: usize = 64;
/// A connection that was silent for so many heartbeats is taken for dead.
const SILENT_BEATS_MAX: u32 = 2;

/// How a client connects and waits.
#[derive(Debug, Clone)]
pub struct Options {
    /// Spelling of the frames. MessagePack unless a person reads along.
    pub encoding: Encoding,
    /// Program and version, for the hub's logs; at most 64 bytes, more is cut off.
    pub client_name: String,
    /// Channels to follow again, with the positions seen; from [`Client::positions`].
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

type Waiter = oneshot::Sender<Reply>;

#[derive(Debug, Default)]
struct Shared {
    next_id: AtomicU64,
    waiters: Mutex<HashMap<u64, Waiter>>,
    positions: Mutex<Positions>,
    closed: OnceLock<Closed>,
    /// Tells the writer that the connection has ended, so that it lets go of the socket.
    ended: tokio::sync::Notify,
    come_back_at: OnceLock<Instant>,
}

/// The guarded values are whole after every statement, so a panic elsewhere does not spoil them.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        Ok((Self::start(connection, token, options, sink).await?, pushes))
    }

    pub(crate) async fn start(
        mut connection: Connection,
        token: &str,
        options: Options,
        sink: PushSink,
    ) -> Result<Self, Error> {
        let hello = Hello {
            token: Text::new(token).ok_or(Error::Unexpected("hello: the token is too long"))?,
            client: Text::new(clipped(&options.client_name)),
            resume: options.resume.clone(),
        };
        let id = U53::from(0);
        let wait = options.request_timeout;
        let greeting = async {
            connection.send(ClientFrame { id, request: Request::Hello(hello) }).await?;
            loop {
                match connection.recv().await? {
                    ServerFrame::Reply(frame) if frame.id == Some(id) => return Ok::<_, Error>(frame.reply),
                    ServerFrame::Reply(_) => {}
                    ServerFrame::Push(push) => sink.put(push),
                }
            }
        };
        let reply = timeout(wait, greeting).await.map_err(|_| Error::Timeout(wait))??;
        let welcome = match reply {
            Reply::Welcome(welcome) => welcome,
            Reply::Error(failure) => return Err(Error::Refused(failure)),
            _ => return Err(Error::Unexpected("hello")),
        };
        let shared = Arc::new(Shared { next_id: AtomicU64::new(1), ..Shared::default() });
        lock(&shared.positions)
            .welcomed(&welcome, &options.resume)
            .into_iter()
            .for_each(|missed| sink.put(missed));

        let beat = Duration::from_millis(welcome.ping_every_ms.max(100));
        let (sender, receiver) = connection.split();
        let (frames, queue) = mpsc::channel(WAITING_MAX);
        tokio::spawn(write(sender, queue, shared.clone(), beat));
        let reader =
            Reader { shared: shared.clone(), sink, frames: frames.downgrade(), healing: HashMap::new() };
        tokio::spawn(read(receiver, reader, beat));
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

    /// How the connection ended, once it has.
    #[must_use]
    pub fn closed(&self) -> Option<&Closed> {
        self.shared.closed.get()
    }

    /// When a hub that is going down wants its clients back, once it has said so.
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
            reply.await.map_err(|_| self.gone())
        };
        match timeout(self.request_timeout, asked).await {
            Ok(Ok(Reply::Error(failure))) => Err(Error::Refused(failure)),
            Ok(answer) => answer,
            Err(_) => Err(Error::Timeout(self.request_timeout)),
        }
    }

    fn gone(&self) -> Error {
        let closed = self.shared.closed.get().cloned();
        Error::Closed(closed.unwrap_or_else(|| Closed::broken("the connection is ending")))
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

async fn write(
    mut sender: Sender,
    mut queue: mpsc::Receiver<ClientFrame>,
    shared: Arc<Shared>,
    beat: Duration,
) {
    let mut heart = tokio::time::interval_at(Instant::now() + beat, beat);
    heart.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut frames = Vec::with_capacity(FRAMES_PER_FLUSH_MAX);
    loop {
        tokio::select! {
            count = queue.recv_many(&mut frames, FRAMES_PER_FLUSH_MAX) => {
                if count == 0 {
                    break;
                }
            }
            () = shared.ended.notified() => break,
            _ = heart.tick() => {
                let Some(id) = U53::new(shared.next_id.fetch_add(1, Relaxed)) else { break };
                frames.push(ClientFrame { id, request: Request::Ping });
            }
        }
        for frame in frames.drain(..) {
            if sender.feed(frame).await.is_err() {
                return;
            }
        }
        if sender.flush().await.is_err() {
            return;
        }
    }
    // Whoever could read an error has gone.
    let _ = sender.close().await;
}

async fn read(mut receiver: Receiver, mut reader: Reader, beat: Duration) {
    let silence = beat * SILENT_BEATS_MAX;
    let closed = loop {
        match timeout(silence, receiver.recv()).await {
            Ok(Ok(ServerFrame::Reply(frame))) => reader.reply(frame.id.map_or(0, U53::get), frame.reply),
            Ok(Ok(ServerFrame::Push(push))) => reader.push(push),
            Ok(Err(Error::Closed(closed))) => break closed,
            Ok(Err(error)) => break Closed::broken(error.to_string()),
            Err(_) => break Closed::broken(format!("nothing came for {} ms", silence.as_millis())),
        }
    };
    tracing::debug!(%closed, "the connection ended");
    let _ = reader.shared.closed.set(closed);
    reader.shared.ended.notify_one();
    // Dropping the waiters wakes their requests, which then read `closed`.
    lock(&reader.shared.waiters).clear();
}

/// What becomes of frames as they come.
struct Reader {
    shared: Arc<Shared>,
    sink: PushSink,
    /// Weak, so that the connection ends with the last client and not with its reader.
    frames: mpsc::WeakSender<ClientFrame>,
    /// Requests of our own that ask for what is missing, by id.
    healing: HashMap<u64, Channel>,
}

impl Reader {
    fn reply(&mut self, id: u64, reply: Reply) {
        if let Some(channel) = self.healing.remove(&id) {
            let mut positions = lock(&self.shared.positions);
            match &reply {
                Reply::Subscribed(subscribed) => {
                    positions.healed(subscribed).into_iter().for_each(|missed| self.sink.put(missed));
                }
                _ => positions.not_healed(&channel),
            }
            return;
        }
        match &reply {
            Reply::Subscribed(subscribed) => lock(&self.shared.positions).follow(subscribed),
            Reply::Unsubscribed { ch } => lock(&self.shared.positions).forget(ch),
            Reply::Pong { tops, .. } => {
                let late = lock(&self.shared.positions).beat(tops);
                late.into_iter().for_each(|since| self.heal(since));
            }
            _ => {}
        }
        let waiter = lock(&self.shared.waiters).remove(&id);
        if let Some(waiter) = waiter {
            // The request may just have run out of time.
            let _ = waiter.send(reply);
        }
    }

    fn push(&mut self, push: Push) {
        if let Push::Drain { reconnect_after_ms } = push {
            let moment = Instant::now() + Duration::from_millis(reconnect_after_ms);
            let _ = self.shared.come_back_at.set(moment);
        }
        let verdict = lock(&self.shared.positions).heard(&push);
        match verdict {
            Verdict::Deliver => self.sink.put(push),
            Verdict::Drop => {}
            Verdict::Heal(since) => self.heal(since),
        }
    }

    /// Asks for a channel again from a position.
    fn heal(&mut self, since: Since) {
        let Since { ch: channel, e, o } = since;
        let number = self.shared.next_id.fetch_add(1, Relaxed);
        let subscribe = Subscribe { channel: channel.clone(), since: Some((e, o)) };
        let frame = U53::new(number).map(|id| ClientFrame { id, request: Request::Subscribe(subscribe) });
        let sent =
            frame.zip(self.frames.upgrade()).is_some_and(|(frame, frames)| frames.try_send(frame).is_ok());
        if sent {
            tracing::debug!(%channel, "asked for what is missing");
            self.healing.insert(number, channel);
        } else {
            // The queue is full or the connection is ending; the next sign of the gap asks again.
            lock(&self.shared.positions).not_healed(&channel);
        }
    }
}

/// At most 64 bytes of a name, cut between characters.
fn clipped(name: &str) -> &str {
    &name[..name.floor_char_boundary(64)]
}
