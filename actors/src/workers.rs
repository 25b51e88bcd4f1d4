//! The workers' inboxes: the sending ends, known to whoever answers, and the receiving end of each.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use protocol::{ErrorCode, Reply, reply::Failure};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::messages::{reply::ReplyTo, worker::ToWorker};

/// Senders to all workers.
#[derive(Debug, Clone)]
pub struct Workers(Arc<Vec<Inbox>>);

#[derive(Debug)]
struct Inbox {
    sender: UnboundedSender<ToWorker>,
    /// Publications sent and not yet handed to sockets.
    waiting: Arc<AtomicU64>,
}

/// The receiving end of one worker, to be given to `worker::run` on its thread.
#[derive(Debug)]
pub struct Mailbox {
    /// The worker's number.
    pub worker: u16,
    pub(crate) receiver: UnboundedReceiver<ToWorker>,
    /// Publications sent and not yet handed to sockets.
    pub(crate) waiting: Arc<AtomicU64>,
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
    /// Inboxes for so many workers.
    #[must_use]
    pub fn new(count: u16) -> (Self, Vec<Mailbox>) {
        let (inboxes, mailboxes) = (0..count)
            .map(|worker| {
                let (sender, receiver) = unbounded_channel();
                let waiting = Arc::new(AtomicU64::new(0));
                (Inbox { sender, waiting: waiting.clone() }, Mailbox { worker, receiver, waiting })
            })
            .unzip();
        (Self(Arc::new(inboxes)), mailboxes)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u16 {
        self.0.len() as u16
    }

    /// Sends to one worker. Replies are bounded by their permits, publications by [`Workers::waiting`].
    pub fn send(&self, worker: u16, message: ToWorker) {
        let Some(inbox) = self.0.get(usize::from(worker)) else { return };
        if let ToWorker::Publication(_) = message {
            inbox.waiting.fetch_add(1, Relaxed);
        }
        // A worker that is gone has no sessions left to tell.
        let _ = inbox.sender.send(message);
    }

    /// Sends a reply. Only for what does not depend on a record that is not durable yet.
    pub fn reply(&self, to: ReplyTo, reply: Reply) {
        self.send(to.session.worker, ToWorker::Reply { to, reply: Box::new(reply) });
    }

    /// Sends a refusal.
    pub fn refuse(&self, to: ReplyTo, code: ErrorCode) {
        self.reply(to, Reply::Error(Failure::of(code)));
    }

    /// Publications that wait at a worker.
    #[must_use]
    pub fn waiting(&self, worker: u16) -> u64 {
        self.0.get(usize::from(worker)).map_or(0, |inbox| inbox.waiting.load(Relaxed))
    }

    /// Sends to every worker.
    pub fn send_all(&self, mut message: impl FnMut() -> ToWorker) {
        (0..self.count()).for_each(|worker| self.send(worker, message()));
    }
}
