//! The receiving link: one RESP3 connection that subscribes to every channel needed here, and is connected again
//! whenever it breaks or does not answer.
//!
//! Messages and the server's confirmations are handled in the order in which they arrive, so the subscription of a
//! channel begins exactly between two messages.
//!
//! A link is given up in four cases: the server closes it; two probes in a row have no answer and nothing else arrives
//! either; the queue of received messages overflows; or three probes in a row that Redis accepted on the publishing
//! connection do not arrive here. In the last case the two connections are to different servers, as after a failover.

use std::{
    panic::AssertUnwindSafe,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use protocol::Channel;
use redis::{AsyncConnectionConfig, PushInfo, PushKind, RedisResult, Value, aio::MultiplexedConnection};
use tokio::{
    select,
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at, sleep, timeout},
};

use super::{
    guard::Guard,
    shared::Shared,
    status::Backoff,
    wire::{self, Message, REDIS_PREFIX, Unreadable},
};
use crate::mirror::Heard;

const LINK: &str = "hearing";
/// Most channels in one SUBSCRIBE, so that subscribing to many channels does not block the server for long.
const CHANNELS_PER_COMMAND: usize = 512;
/// Messages handled before other tasks of the thread get their turn.
const MESSAGES_PER_TURN: usize = 256;
/// Number of probes in a row without an answer after which the link is given up.
const MISSES_MAX: u32 = 2;
/// Number of probes in a row that Redis accepted and that did not arrive here, after which the link is given up. One
/// may still be on its way, so two are surely missing.
const UNHEARD_MAX: u32 = 3;

/// Keeps the link up until the task is aborted.
pub(super) async fn run(shared: Rc<Shared>) {
    let mut backoff = Backoff::new(&shared.options.link);
    loop {
        // After a panic in a delivery the process must still receive messages. That delivery is lost, so the link is
        // connected again, which resets every subscriber.
        match AssertUnwindSafe(keep_up(&shared)).catch_unwind().await {
            Ok(stood) => backoff.stood(stood),
            Err(_) => {
                shared.telemetry.link_panicked(LINK);
                down(&shared, "a delivery panicked");
            }
        }
        sleep(backoff.next()).await;
    }
}

/// Connects, and receives until the link is lost. Returns how long it was up.
async fn keep_up(shared: &Shared) -> Duration {
    let link = match Link::connect(shared).await {
        Ok(link) => link,
        Err(error) => {
            let reason = error.to_string();
            shared.telemetry.link_unreachable(LINK, &shared.server, &reason);
            shared.hearing.set_down(&reason);
            return Duration::ZERO;
        }
    };
    let began = Instant::now();
    shared.unheard_probes.set(0);
    shared.mirror.borrow_mut().link_up();
    let reason = link.hear().await;
    shared.telemetry.link_lost(LINK, &shared.server, &reason);
    down(shared, &reason);
    began.elapsed()
}

fn down(shared: &Shared, reason: &str) {
    shared.hearing.set_down(reason);
    shared.mirror.borrow_mut().link_down();
}

/// The answer to a command that the link has sent.
enum Answer {
    Command(RedisResult<()>),
    /// The answer to the subscription of the [`Guard`]'s patterns.
    Watch(RedisResult<()>),
    Ping {
        answered: bool,
    },
}

struct Link<'a> {
    shared: &'a Shared,
    connection: MultiplexedConnection,
    arrived: mpsc::Receiver<PushInfo>,
    gauge: Arc<Gauge>,
    answers: FuturesUnordered<LocalBoxFuture<'static, Answer>>,
    /// A SUBSCRIBE or UNSUBSCRIBE is under way. There is one at a time; later changes are collected for the next one.
    commanding: bool,
    pinging: bool,
    misses: u32,
    /// Whether something arrived since the last probe was sent.
    alive: bool,
}

impl<'a> Link<'a> {
    async fn connect(shared: &'a Shared) -> RedisResult<Self> {
        let options = &shared.options.link;
        let (sender, arrived) = mpsc::channel(options.receive_queue_max.max(1));
        let message_bytes_max = wire::message_bytes_max(shared.options.payload_bytes_max);
        let gauge = Arc::new(Gauge::new(options.receive_queue_bytes_max, message_bytes_max));
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_within()))
            .set_response_timeout(Some(options.answer_within()))
            .set_push_sender({
                let gauge = gauge.clone();
                let guard = shared.guard.clone();
                move |push| if guard.dropped(&push) { Ok(()) } else { gauge.pass(push, &sender) }
            });
        let connection = shared.client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut link = Self {
            shared,
            connection,
            arrived,
            gauge,
            answers: FuturesUnordered::new(),
            commanding: false,
            pinging: false,
            misses: 0,
            alive: false,
        };
        link.command(vec![shared.probe.clone()], true);
        link.watch();
        Ok(link)
    }

    /// Receives until the link is lost. Returns the reason.
    async fn hear(mut self) -> String {
        let period = self.shared.options.link.probe_every();
        let mut tick = interval_at(Instant::now() + period, period);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(MESSAGES_PER_TURN);
        loop {
            self.send_changes();
            select! {
                count = self.arrived.recv_many(&mut batch, MESSAGES_PER_TURN) => {
                    if count == 0 {
                        return "the server closed the connection".into();
                    }
                    self.alive = true;
                    self.take_in(batch.drain(..));
                    if self.has_overflowed() {
                        return "messages arrived faster than they could be delivered".into();
                    }
                    tokio::task::yield_now().await;
                }
                Some(answer) = self.answers.next() => match answer {
                    Answer::Command(Ok(())) => self.commanding = false,
                    Answer::Command(Err(error)) => return error.to_string(),
                    Answer::Watch(Ok(())) => {}
                    // An access rule may forbid it. Then no such message arrives, and there is nothing to count.
                    Answer::Watch(Err(error)) => self.shared.telemetry.unwatched(&error.to_string()),
                    Answer::Ping { answered } => {
                        if let Some(reason) = self.pinged(answered, period) {
                            return reason;
                        }
                    }
                },
                () = self.shared.changes.notified() => {}
                _ = tick.tick() => {
                    self.shared.mirror.borrow_mut().forget_due(self.shared.now_ms());
                    self.shared.guard.report(&self.shared.telemetry);
                    if self.has_overflowed() {
                        return "a message was larger than the whole queue".into();
                    }
                    if self.shared.unheard_probes.get() >= UNHEARD_MAX {
                        return "publications taken by redis are not heard on this connection".into();
                    }
                    if !self.pinging {
                        self.ping(period);
                    }
                }
            }
        }
    }

    /// Sends the next command that the mirror needs, unless one is under way. When none is left, the link is up.
    fn send_changes(&mut self) {
        while !self.commanding {
            if !self.shared.mirror.borrow().has_changes() {
                if !self.shared.hearing.is_up() {
                    self.shared.hearing.set_up();
                    self.shared.telemetry.link_up(LINK, &self.shared.server);
                }
                return;
            }
            let (to_unsubscribe, to_subscribe) =
                self.shared.mirror.borrow_mut().take_changes(CHANNELS_PER_COMMAND);
            let names = |channels: Vec<Channel>| {
                channels.into_iter().map(|channel| format!("{REDIS_PREFIX}{channel}")).collect::<Vec<_>>()
            };
            // Both lists may be empty by now; a command without channels would be an error.
            if !to_unsubscribe.is_empty() {
                self.command(names(to_unsubscribe), false);
            } else if !to_subscribe.is_empty() {
                self.command(names(to_subscribe), true);
            }
        }
    }

    fn command(&mut self, names: Vec<String>, subscribe: bool) {
        self.commanding = true;
        let mut connection = self.connection.clone();
        let command = async move {
            Answer::Command(if subscribe {
                connection.subscribe(&names).await
            } else {
                connection.unsubscribe(&names).await
            })
        };
        self.answers.push(command.boxed_local());
    }

    /// Subscribes to messages on the hub's own namespaces, to count them.
    fn watch(&mut self) {
        let mut connection = self.connection.clone();
        let patterns = Guard::patterns(&self.shared.options);
        let watch = async move { Answer::Watch(connection.psubscribe(patterns).await) };
        self.answers.push(watch.boxed_local());
    }

    fn ping(&mut self, within: Duration) {
        (self.pinging, self.alive) = (true, false);
        let mut connection = self.connection.clone();
        let ping = async move {
            let ping = redis::cmd("PING");
            let answer = timeout(within, ping.query_async::<Value>(&mut connection)).await;
            Answer::Ping { answered: matches!(answer, Ok(Ok(_))) }
        };
        self.answers.push(ping.boxed_local());
    }

    /// Handles the end of a probe. Returns a reason when the link counts as lost.
    fn pinged(&mut self, answered: bool, period: Duration) -> Option<String> {
        self.pinging = false;
        // On a busy link the answer may be queued behind many messages; any message proves that the link is alive.
        if answered || self.alive {
            self.misses = 0;
            return None;
        }
        self.misses += 1;
        if self.misses >= MISSES_MAX {
            return Some(format!("no answer to {MISSES_MAX} probes in a row"));
        }
        self.ping(period);
        None
    }

    fn has_overflowed(&self) -> bool {
        // Messages that arrived before the overflow are delivered first.
        self.gauge.overflowed.load(Relaxed) && self.arrived.is_empty()
    }

    fn take_in(&self, batch: impl Iterator<Item = PushInfo>) {
        let Shared { mirror, outbox, .. } = self.shared;
        for push in batch {
            self.gauge.left(&push);
            let mut data = push.data.into_iter();
            let Some(Value::BulkString(name)) = data.next() else { continue };
            let Ok(name) = str::from_utf8(&name) else { continue };
            let channel = name.strip_prefix(REDIS_PREFIX).and_then(|name| name.parse::<Channel>().ok());
            match (push.kind, channel) {
                (PushKind::Message, Some(channel)) => {
                    match data.next() {
                        Some(Value::BulkString(message)) => self.take_message(&channel, message.into()),
                        Some(Value::Int(bytes)) => self.shared.telemetry.oversized(
                            channel.as_str(),
                            usize::try_from(bytes).unwrap_or(usize::MAX),
                            self.shared.options.payload_bytes_max,
                        ),
                        _ => {} // not a message
                    }
                }
                (PushKind::Message, None) if name == self.shared.probe => self.shared.unheard_probes.set(0),
                (PushKind::Subscribe, Some(channel)) => mirror.borrow_mut().confirmed(&channel, outbox),
                (PushKind::Unsubscribe, Some(channel)) => mirror.borrow_mut().ended(&channel),
                _ => {} // other kinds of push
            }
        }
        outbox.drain();
    }

    fn take_message(&self, channel: &Channel, message: Bytes) {
        let Shared { mirror, outbox, telemetry, options, .. } = self.shared;
        let max = options.payload_bytes_max;
        match wire::read(message, max) {
            Ok(Message { payload, ephemeral }) => {
                let heard = Heard { payload, ephemeral };
                mirror.borrow_mut().hear(channel, heard, self.shared.now_ms(), outbox);
            }
            Err(Unreadable::Ambiguous) => telemetry.ambiguous(channel),
            Err(Unreadable::OfALog) => telemetry.log(channel),
            Err(Unreadable::TooLarge { bytes }) => telemetry.oversized(channel.as_str(), bytes, max),
            Err(Unreadable::Invalid(reason)) => telemetry.invalid(channel.as_str(), &reason),
        }
    }
}

/// Bounds the bytes of received messages that are not handled yet. The connection's task adds to it, the link
/// subtracts.
struct Gauge {
    bytes: AtomicUsize,
    bytes_max: usize,
    /// Of a longer message only the length is queued, so that a single message cannot break the link.
    message_bytes_max: usize,
    /// A message was refused. Final: a message after it would hide the gap.
    overflowed: AtomicBool,
}

/// The queue is full.
struct Overflow;

impl Gauge {
    fn new(bytes_max: usize, message_bytes_max: usize) -> Self {
        Self { bytes: AtomicUsize::new(0), bytes_max, message_bytes_max, overflowed: AtomicBool::new(false) }
    }

    fn pass(&self, mut push: PushInfo, queue: &mpsc::Sender<PushInfo>) -> Result<(), Overflow> {
        if self.overflowed.load(Relaxed) {
            return Err(Overflow);
        }
        if let (PushKind::Message, Some(Value::BulkString(message))) = (&push.kind, push.data.get(1))
            && message.len() > self.message_bytes_max
        {
            push.data[1] = Value::Int(message.len() as i64);
        }
        let weight = weight(&push);
        let fits = self.bytes.fetch_add(weight, Relaxed) + weight <= self.bytes_max;
        if fits && queue.try_send(push).is_ok() {
            return Ok(());
        }
        self.overflowed.store(true, Relaxed);
        Err(Overflow)
    }

    fn left(&self, push: &PushInfo) {
        self.bytes.fetch_sub(weight(push), Relaxed);
    }
}

/// The bytes of a push that its sender controls.
fn weight(push: &PushInfo) -> usize {
    let bytes = |value: &Value| match value {
        Value::BulkString(bytes) => bytes.len(),
        _ => 0,
    };
    push.data.iter().map(bytes).sum()
}
