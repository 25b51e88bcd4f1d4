//! The publishing connection: waiting publications are sent together, in order, one pipeline at a time.
//!
//! Without a connection publications are refused at once and do not wait, so that the end of an outage is not followed
//! by a burst of old ones.

use std::{convert::Infallible, rc::Rc, sync::Arc, time::Duration};

use protocol::Channel;
use redis::{AsyncConnectionConfig, PushInfo, PushKind, RedisResult, Value, aio::MultiplexedConnection};
use tokio::{
    select,
    sync::{Notify, mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval_at, sleep},
};

use super::{shared::Shared, status::Backoff, wire::REDIS_PREFIX};
use crate::PublishError;

const LINK: &str = "publishing";
/// Most publications in one pipeline.
const JOBS_PER_PIPELINE: usize = 512;
/// Time in which a full queue is probably sent. Milliseconds.
pub(super) const BUSY_RETRY_MS: u64 = 50;

/// A publication to be sent to Redis.
pub(super) struct Job {
    channel: String,
    message: Vec<u8>,
    answer: oneshot::Sender<Result<(), PublishError>>,
}

impl Job {
    pub(super) fn new(
        channel: &Channel,
        message: Vec<u8>,
    ) -> (Self, oneshot::Receiver<Result<(), PublishError>>) {
        let (answer, answered) = oneshot::channel();
        (Self { channel: format!("{REDIS_PREFIX}{channel}"), message, answer }, answered)
    }

    fn answer(self, answer: Result<(), PublishError>) {
        let _ = self.answer.send(answer); // the caller may have dropped its future
    }
}

/// Keeps the connection up until the task is aborted.
pub(super) async fn run(shared: Rc<Shared>, mut queue: mpsc::Receiver<Job>) {
    let mut backoff = Backoff::new(&shared.options.link);
    loop {
        backoff.stood(keep_up(&shared, &mut queue).await);
        let retry_after_ms = shared.options.link.backoff_max_ms;
        while let Ok(job) = queue.try_recv() {
            shared.queued_bytes.set(shared.queued_bytes.get() - job.message.len());
            job.answer(Err(PublishError::Unavailable { retry_after_ms }));
        }
        sleep(backoff.next()).await;
    }
}

/// Connects and publishes until the connection is lost. Returns how long it was up.
async fn keep_up(shared: &Shared, queue: &mut mpsc::Receiver<Job>) -> Duration {
    let options = &shared.options.link;
    let closed = Arc::new(Notify::new());
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(options.connect_within()))
        .set_response_timeout(Some(options.answer_within()))
        .set_push_sender(notice(closed.clone()));
    let connection = match shared.client.get_multiplexed_async_connection_with_config(&config).await {
        Ok(connection) => connection,
        Err(error) => {
            let reason = error.to_string();
            shared.telemetry.link_unreachable(LINK, &shared.server, &reason);
            shared.sending.set_down(&reason);
            return Duration::ZERO;
        }
    };
    let began = Instant::now();
    shared.sending.set_up();
    shared.telemetry.link_up(LINK, &shared.server);
    let reason = publish(shared, connection, &closed, queue).await;
    shared.sending.set_down(&reason);
    shared.telemetry.link_lost(LINK, &shared.server, &reason);
    began.elapsed()
}

/// Notifies when the server closes the connection; otherwise only the next publication would notice it, and fail.
fn notice(closed: Arc<Notify>) -> impl Fn(PushInfo) -> Result<(), Infallible> {
    move |push| {
        if push.kind == PushKind::Disconnection {
            closed.notify_one();
        }
        Ok(())
    }
}

/// Publishes until the connection is lost. Returns the reason.
async fn publish(
    shared: &Shared,
    mut connection: MultiplexedConnection,
    closed: &Notify,
    queue: &mut mpsc::Receiver<Job>,
) -> String {
    let period = shared.options.link.probe_every();
    let mut tick = interval_at(Instant::now() + period, period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::with_capacity(JOBS_PER_PIPELINE);
    loop {
        let sent = select! {
            biased;
            () = closed.notified() => return "the server closed the connection".into(),
            _ = tick.tick() => probe(shared, &mut connection).await,
            _ = queue.recv_many(&mut batch, JOBS_PER_PIPELINE) => {
                for job in &batch {
                    shared.queued_bytes.set(shared.queued_bytes.get() - job.message.len());
                }
                send(&mut connection, &mut batch).await
            }
        };
        if let Err(error) = sent {
            return error.to_string();
        }
    }
}

/// Sends a batch and answers each of its jobs.
async fn send(connection: &mut MultiplexedConnection, batch: &mut Vec<Job>) -> RedisResult<()> {
    let mut pipeline = redis::pipe();
    for job in &*batch {
        pipeline.cmd("PUBLISH").arg(&job.channel).arg(&job.message);
    }
    let sent = connection.send_packed_commands(&pipeline, 0, batch.len()).await;
    let mut values = sent.as_ref().map_or(&[][..], Vec::as_slice).iter();
    for job in batch.drain(..) {
        job.answer(match values.next() {
            Some(Value::ServerError(error)) => Err(PublishError::Refused(error.to_string())),
            Some(_) => Ok(()),
            None => Err(PublishError::Unconfirmed),
        });
    }
    sent.map(drop)
}

/// Publishes to this process's own probe channel: proves that this connection is alive, and that the receiving link
/// receives what is published here.
async fn probe(shared: &Shared, connection: &mut MultiplexedConnection) -> RedisResult<()> {
    redis::cmd("PUBLISH").arg(&shared.probe).arg("").query_async::<Value>(connection).await?;
    shared.unheard_probes.set(shared.unheard_probes.get() + 1);
    Ok(())
}
