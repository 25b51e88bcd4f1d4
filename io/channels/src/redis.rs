//! The backplane over Redis, for several processes: publications of services are sent to Redis and received from it.
//!
//! It has two connections: [`publisher`] sends; [`subscriber`] receives, and puts publications into the mirror. Redis
//! pub/sub does not keep messages that it cannot deliver. So after each loss of the receiving link the channels on it
//! begin a new epoch (`Reset`).
//!
//! Any service may `PUBLISH hub:{channel}` one MessagePack value or JSON text ([`wire`] decides which it is); each
//! mirror numbers it. Channels of the hub's own namespaces do not use Redis at all: they are published and delivered in
//! this process, and messages on them from Redis are dropped and counted ([`guard`]).
//!
//! Histories are not kept in Redis: each process keeps the publications that it has received.

mod guard;
mod publisher;
mod shared;
mod status;
mod subscriber;
mod wire;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use ::redis::{Client, IntoConnectionInfo, ProtocolVersion};
use futures_util::{FutureExt, future::LocalBoxFuture};
use protocol::Channel;
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::Instant,
};

pub use self::wire::REDIS_PREFIX;
use self::{publisher::Job, shared::Shared, status::Status};
use crate::{
    At, Backplane, Counters, Delivery, Health, Options, Outgoing, Position, PublishError, Recovery,
    SubscribeError,
    mirror::{Mirror, Subscribed},
    outbox::{Deliver, Outbox},
    telemetry::Telemetry,
};

/// The Redis URL cannot be used. The message contains no part of the URL, which may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the redis url cannot be used: {0}")]
pub struct ConnectError(String);

/// The backplane over Redis 6 or later (or a server that speaks RESP3 pub/sub).
///
/// Dropping it ends its connections.
pub struct RedisBackplane {
    shared: Rc<Shared>,
    jobs: mpsc::Sender<Job>,
    tasks: [JoinHandle<()>; 2],
}

impl RedisBackplane {
    /// Starts to connect, and returns at once. The links are connected in the background, and again when they break.
    /// `url` is `redis://[user:password@]host[:port]`.
    ///
    /// # Panics
    /// Outside of a tokio `LocalSet` (actix arbiters are one).
    pub fn connect(url: &str, options: Options, deliver: Rc<dyn Fn(Delivery)>) -> Result<Self, ConnectError> {
        let deliver: Deliver = deliver;
        let (client, server) = open(url)?;
        let options = Rc::new(options);
        let telemetry = Rc::new(Telemetry::default());
        let mirror = Mirror::linked(options.clone(), telemetry.clone());
        let (jobs, queue) = mpsc::channel(options.link.publish_queue_max.max(1));
        let shared = Rc::new(Shared {
            options,
            telemetry,
            probe: format!("{REDIS_PREFIX}:probe:{}", mirror.name()),
            mirror: RefCell::new(mirror),
            outbox: Outbox::new(deliver),
            started: Instant::now(),
            client,
            server,
            hearing: Status::new(),
            sending: Status::new(),
            changes: Notify::new(),
            queued_bytes: Cell::new(0),
            guard: Arc::default(),
            unheard_probes: Cell::new(0),
        });
        let tasks = [
            tokio::task::spawn_local(subscriber::run(shared.clone())),
            tokio::task::spawn_local(publisher::run(shared.clone(), queue)),
        ];
        Ok(Self { shared, jobs, tasks })
    }

    fn enqueue(
        &self,
        outgoing: Outgoing,
    ) -> Result<LocalBoxFuture<'static, Result<Option<Position>, PublishError>>, PublishError> {
        let shared = &self.shared;
        {
            let mut mirror = shared.mirror.borrow_mut();
            mirror.check(&outgoing)?;
            if mirror.is_local(&outgoing.channel) {
                let published = mirror.publish(outgoing, shared.now_ms(), &shared.outbox);
                return Ok(std::future::ready(published).boxed_local());
            }
        }
        if !shared.sending.is_up() {
            return Err(PublishError::Unavailable { retry_after_ms: shared.options.link.backoff_max_ms });
        }
        let message = wire::write(outgoing.at == At::Ephemeral, &outgoing.payload);
        let queued_bytes = shared.queued_bytes.get() + message.len();
        let (job, answer) = Job::new(&outgoing.channel, message);
        if queued_bytes > shared.options.link.publish_queue_bytes_max || self.jobs.try_send(job).is_err() {
            shared.telemetry.busy();
            return Err(PublishError::Busy { retry_after_ms: publisher::BUSY_RETRY_MS });
        }
        shared.queued_bytes.set(queued_bytes);
        // The sender is dropped without an answer only when the publisher ends.
        let answer = answer.map(|answer| answer.unwrap_or(Err(PublishError::Unconfirmed)));
        Ok(answer.map(|answer| answer.map(|()| None)).boxed_local())
    }
}

/// Checks that [`RedisBackplane::connect`] can use `url`. Does not connect.
///
/// # Errors
/// When it cannot be used; only the kind of the error is given, because the cause may contain the password.
pub fn check_url(url: &str) -> Result<(), ConnectError> {
    open(url).map(drop)
}

/// Makes a RESP3 client of a URL; also returns the part of the URL that may be shown.
fn open(url: &str) -> Result<(Client, String), ConnectError> {
    // The cause may quote the URL, so only its kind is passed on.
    let refused = |error: ::redis::RedisError| ConnectError(error.category().into());
    let info = url.into_connection_info().map_err(refused)?;
    let server = info.addr().to_string();
    // The library leaves Nagle's algorithm on, and a publication would wait for an acknowledgement.
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let client = Client::open(info.set_tcp_settings(tcp).set_redis_settings(redis)).map_err(refused)?;
    Ok((client, server))
}

impl Backplane for RedisBackplane {
    fn publish(&self, outgoing: Outgoing) -> LocalBoxFuture<'static, Result<Option<Position>, PublishError>> {
        let published = self.enqueue(outgoing);
        self.shared.outbox.drain();
        published.unwrap_or_else(|error| std::future::ready(Err(error)).boxed_local())
    }

    fn subscribe(&self, channel: &Channel) -> LocalBoxFuture<'static, Result<Position, SubscribeError>> {
        let shared = self.shared.clone();
        let subscribed = shared.mirror.borrow_mut().subscribe(channel, shared.now_ms());
        shared.changes.notify_one();
        let channel = channel.clone();
        async move {
            match subscribed? {
                Subscribed::Now => {}
                // Confirmed, or the link was lost, or the channel was removed; the mirror has the result.
                Subscribed::When(confirmed) => drop(confirmed.await),
            }
            shared.mirror.borrow().top(&channel).ok_or(SubscribeError::Withdrawn)
        }
        .boxed_local()
    }

    fn unsubscribe(&self, channel: &Channel) {
        self.shared.mirror.borrow_mut().unsubscribe(channel, self.shared.now_ms());
        self.shared.changes.notify_one();
    }

    fn recover(&self, channel: &Channel, since: &Position) -> Recovery {
        self.shared.mirror.borrow_mut().recover(channel, since, self.shared.now_ms())
    }

    fn top(&self, channel: &Channel) -> Option<Position> {
        self.shared.mirror.borrow().top(channel)
    }

    fn declare(&self, channel: &Channel, top: Position) {
        let shared = &self.shared;
        shared.mirror.borrow_mut().declare(channel, top, shared.now_ms(), &shared.outbox);
        shared.outbox.drain();
    }

    fn health(&self) -> Health {
        let Shared { hearing, sending, server, .. } = &*self.shared;
        let up = hearing.is_up() && sending.is_up();
        let message = if up {
            format!("connected to {server}")
        } else {
            let part =
                |name, status: &Status| (!status.is_up()).then(|| format!("{name}: {}", status.reason()));
            let parts = [part("hearing", hearing), part("publishing", sending)];
            format!("no link to {server}; {}", parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
        };
        // Up since the later connection came up; down since the earlier of the lost ones was lost.
        let changes = [hearing, sending].into_iter().filter(|status| status.is_up() == up).map(Status::since);
        let since = if up { changes.max() } else { changes.min() };
        let since_ms = since.map_or(0, |since| since.elapsed().as_millis() as u64);
        Health { up, message, since_ms }
    }

    fn counters(&self) -> Counters {
        self.shared.guard.report(&self.shared.telemetry);
        self.shared.mirror.borrow().counters()
    }
}

impl Drop for RedisBackplane {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn the_password_is_in_no_message() {
        let (_, server) = open("redis://player:s3cret@127.0.0.1:7001").unwrap();
        assert_eq!(server, "127.0.0.1:7001");
        for url in [
            "redis://player:s3cret@127.0.0.1:port",
            "redis://player:s3cret@127.0.0.1/s3cret",
            "redis://:s3cret@",
            "rediss://:s3cret@localhost",
            "s3cret",
            "http://:s3cret@localhost",
        ] {
            let error = open(url).err().unwrap_or_else(|| panic!("{url} was accepted")).to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
