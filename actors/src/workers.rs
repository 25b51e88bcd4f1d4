//! The workers' inboxes: the sending ends, shared by the actors, and one receiving end for each worker.
//!
//! Replies are bounded by their permits. Publications and resets, which need no permit, are bounded in bytes: each
//! worker has an equal share of one bound, and what does not fit is dropped for that worker. Its subscribers notice the
//! gap: by the next offset, by another epoch, or by the newest positions in their heartbeat.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use channels::{Position, Publication};
use protocol::{Channel, ErrorCode, Reply, reply::Failure};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::messages::{reply::ReplyTo, worker::ToWorker};

/// Senders to all workers.
#[derive(Debug, Clone)]
pub struct Workers(Arc<Inboxes>);

#[derive(Debug)]
struct Inboxes {
    inboxes: Vec<Inbox>,
    /// Most bytes of publications and resets that wait at one worker.
    waiting_bytes_max: u64,
}

#[derive(Debug)]
struct Inbox {
    sender: UnboundedSender<ToWorker>,
    /// Bytes of publications and resets that were sent and not yet handed to sockets.
    waiting: Arc<AtomicU64>,
}

/// The receiving end of one worker, to be given to `worker::run` on its thread.
#[derive(Debug)]
pub struct Mailbox {
    /// The worker's number.
    pub worker: u16,
    pub(crate) receiver: UnboundedReceiver<ToWorker>,
    /// Bytes of publications and resets that were sent and not yet handed to sockets.
    pub(crate) waiting: Arc<AtomicU64>,
}

/// What a publication or a reset that waits costs besides its payload and its channel's name: the message with its place
/// in the inbox, the shared publication, and the allocations behind it. Bytes.
const WAITING_BYTES: usize = 320;

/// What a publication costs while it waits at a worker. Bytes; it is counted at each worker, though they share it.
pub(crate) fn publication_bytes(publication: &Publication) -> u64 {
    (publication.payload.bytes().len() + publication.channel.as_str().len() + WAITING_BYTES) as u64
}

/// What a reset costs while it waits at a worker. Bytes.
pub(crate) fn reset_bytes(channel: &Channel) -> u64 {
    (channel.as_str().len() + WAITING_BYTES) as u64
}

#[cfg(test)]
impl Mailbox {
    /// The next message, for tests of what is sent to a worker. Fails when none comes.
    pub async fn next(&mut self) -> ToWorker {
        let waiting = tokio::time::timeout(std::time::Duration::from_secs(10), self.receiver.recv());
        waiting.await.expect("a message in time").expect("the senders live as long as the test")
    }
}

impl Workers {
    /// Inboxes for so many workers. `waiting_bytes_max` bounds the publications and resets that wait at all of them
    /// together; each has an equal share.
    #[must_use]
    pub fn new(count: u16, waiting_bytes_max: u64) -> (Self, Vec<Mailbox>) {
        let (inboxes, mailboxes) = (0..count)
            .map(|worker| {
                let (sender, receiver) = unbounded_channel();
                let waiting = Arc::new(AtomicU64::new(0));
                (Inbox { sender, waiting: waiting.clone() }, Mailbox { worker, receiver, waiting })
            })
            .unzip();
        let waiting_bytes_max = waiting_bytes_max / u64::from(count.max(1));
        (Self(Arc::new(Inboxes { inboxes, waiting_bytes_max })), mailboxes)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u16 {
        self.0.inboxes.len() as u16
    }

    /// Sends to one worker a message that is bounded by a permit.
    pub fn send(&self, worker: u16, message: ToWorker) {
        let Some(inbox) = self.0.inboxes.get(usize::from(worker)) else { return };
        // A worker that is gone has no sessions left to tell.
        let _ = inbox.sender.send(message);
    }

    /// Sends a publication to one worker. `false` when it was dropped because too much waits there; it is always taken
    /// when nothing waits. To be called from one thread.
    pub fn publish(&self, worker: u16, publication: &Arc<Publication>) -> bool {
        self.offer(worker, publication_bytes(publication), || ToWorker::Publication(publication.clone()))
    }

    /// Tells one worker that continuity of a channel is lost. `false` as for [`Workers::publish`].
    pub fn reset(&self, worker: u16, channel: &Channel, top: Position) -> bool {
        self.offer(worker, reset_bytes(channel), || ToWorker::Reset { channel: channel.clone(), top })
    }

    fn offer(&self, worker: u16, bytes: u64, message: impl FnOnce() -> ToWorker) -> bool {
        let Some(inbox) = self.0.inboxes.get(usize::from(worker)) else { return true };
        let waiting = inbox.waiting.load(Relaxed);
        if waiting > 0 && waiting + bytes > self.0.waiting_bytes_max {
            return false;
        }
        inbox.waiting.fetch_add(bytes, Relaxed);
        let _ = inbox.sender.send(message());
        true
    }

    /// Sends a reply. Only for what does not depend on a record that is not durable yet.
    pub fn reply(&self, to: ReplyTo, reply: Reply) {
        self.send(to.session.worker, ToWorker::Reply { to, reply: Box::new(reply) });
    }

    /// Sends a refusal.
    pub fn refuse(&self, to: ReplyTo, code: ErrorCode) {
        self.reply(to, Reply::Error(Failure::of(code)));
    }

    /// Bytes of publications and resets that wait at all workers.
    #[must_use]
    pub fn waiting_bytes(&self) -> u64 {
        self.0.inboxes.iter().map(|inbox| inbox.waiting.load(Relaxed)).sum()
    }

    /// Sends to every worker.
    pub fn send_all(&self, mut message: impl FnMut() -> ToWorker) {
        (0..self.count()).for_each(|worker| self.send(worker, message()));
    }
}

#[cfg(test)]
mod tests {
    use protocol::Payload;

    use super::*;

    const SHARE: u64 = 1_000_000;

    fn publication(payload_bytes: usize) -> Arc<Publication> {
        let json = format!("\"{}\"", "x".repeat(payload_bytes));
        let payload = Payload::from_json(json.as_bytes()).expect("JSON");
        Arc::new(Publication { channel: channel(), position: None, payload })
    }

    fn channel() -> Channel {
        "news:sport".parse().expect("a channel")
    }

    fn top() -> Position {
        Position { epoch: "m1".parse().expect("an epoch"), offset: 1 }
    }

    /// How many are taken of what is offered without end to a worker that takes nothing.
    fn taken(workers: &Workers, offer: impl Fn(&Workers) -> bool) -> usize {
        (0..1_000_000).take_while(|_| offer(workers)).count()
    }

    #[test]
    fn publications_at_a_stuck_worker_are_bounded_in_bytes_whatever_their_size() {
        for payload_bytes in [1, 100, 10_000, 60_000] {
            let (workers, _mailboxes) = Workers::new(2, 2 * SHARE);
            let publication = publication(payload_bytes);
            let taken = taken(&workers, |workers| workers.publish(0, &publication)) as u64;
            assert!(taken * (payload_bytes as u64 + 200) <= SHARE, "{taken} of {payload_bytes} bytes");
            assert!(
                taken * (payload_bytes as u64 + 400) + 60_400 > SHARE,
                "{taken} of {payload_bytes} bytes"
            );
            assert!(workers.waiting_bytes() <= SHARE);
            assert!(workers.publish(1, &publication), "the other worker has its own share");
        }
    }

    #[test]
    fn a_storm_of_resets_is_bounded_too() {
        let (workers, _mailboxes) = Workers::new(1, SHARE);
        let taken = taken(&workers, |workers| workers.reset(0, &channel(), top()));
        assert!(taken < 5_000 && workers.waiting_bytes() <= SHARE, "{taken}");
    }

    #[test]
    fn a_publication_is_taken_when_nothing_waits_and_frees_its_room_when_it_is_handed_on() {
        let (workers, mut mailboxes) = Workers::new(1, 1);
        let publication = publication(60_000);
        for _ in 0..3 {
            assert!(workers.publish(0, &publication));
            assert!(!workers.publish(0, &publication));
            let mailbox = &mut mailboxes[0];
            mailbox.receiver.try_recv().expect("the publication");
            mailbox.waiting.fetch_sub(publication_bytes(&publication), Relaxed);
            assert_eq!(workers.waiting_bytes(), 0);
        }
    }

    #[test]
    fn the_cost_covers_what_a_message_takes_in_memory() {
        // The shared publication has two counts before it; it, its channel's name and its payload are allocations of
        // their own, each with what an allocator adds, and the payload has a shared count.
        let message = size_of::<ToWorker>();
        let shared = size_of::<Publication>() + 16 + 16;
        let behind = 3 * 16 + size_of::<[usize; 4]>();
        assert!(message + shared + behind <= WAITING_BYTES, "{message}, {shared} and {behind}");
    }
}
