//! Reads beside the money thread: what the state store has on disk is read on a thread of its own, and the answer comes
//! back as a message. So no turn waits for a disk.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

use engine::Unreadable;
use journal::Condition;
use protocol::{ErrorCode, reply::Failure};

use crate::{clock::now_ms, panics::AbortOnPanic, receipts::not_now, spread, stored::ADVICE};

/// Name of this part when its panic ends the process: without it requests with an old key would wait for ever.
const PART: &str = "the reader of the state store";

/// A reading that failed is told at most this often, milliseconds.
const TELL_EVERY_MS: u64 = 1_000;

type Job = Box<dyn FnOnce() + Send>;

/// The way to the reading thread. Clones share it; it ends with the last of them.
///
/// What waits is bounded by the permits of those who ask.
#[derive(Debug, Clone)]
pub struct Asides {
    jobs: mpsc::Sender<Job>,
    /// When it was told last that a reading failed, milliseconds since 1970.
    told_ms: Arc<AtomicU64>,
}

impl Asides {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start() -> io::Result<Self> {
        let (sender, jobs) = mpsc::channel::<Job>();
        thread::Builder::new().name("hub-aside".into()).spawn(move || {
            let _guard = AbortOnPanic(PART);
            jobs.iter().for_each(|job| job());
        })?;
        Ok(Self { jobs: sender, told_ms: Arc::default() })
    }

    /// Runs a job behind those that wait already.
    ///
    /// # Panics
    /// When the thread is gone: it ends with the last way to it, and a panic in it ends the process.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) {
        self.jobs.send(Box::new(job)).expect("the thread lives as long as a way to it");
    }

    /// A reading has failed. Damage makes the hub not ready: nothing is known of old keys, so no request can be admitted. What
    /// an operation of the system came to passes. Returns when to try again, milliseconds from now.
    #[must_use]
    pub fn failed(&self, unreadable: &Unreadable, log: &Condition) -> u64 {
        let now = now_ms();
        if unreadable.damaged {
            log.unsound(format!("{unreadable}; {ADVICE}"));
        } else if now.saturating_sub(self.told_ms.load(Relaxed)) >= TELL_EVERY_MS {
            self.told_ms.store(now, Relaxed);
            tracing::error!(
                fault = unreadable.what,
                "the state store cannot be read now; requests with an old key are answered as unavailable until it can"
            );
        }
        spread::wait_ms(spread::BUSY)
    }

    /// The same, as the failure of a request that only reads.
    #[must_use]
    pub fn failure(&self, unreadable: &Unreadable, log: &Condition) -> Failure {
        not_now(ErrorCode::Unavailable, self.failed(unreadable, log))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_run_one_by_one_in_order_on_another_thread() {
        let asides = Asides::start().expect("a thread");
        let (sender, told) = mpsc::channel();
        for number in 0..100 {
            let sender = sender.clone();
            asides.run(move || sender.send((number, thread::current().id())).expect("the test listens"));
        }
        drop((sender, asides));
        let told: Vec<_> = told.iter().collect();
        assert!(told.iter().map(|(number, _)| *number).eq(0..100));
        assert!(told.iter().all(|(_, thread)| *thread != thread::current().id() && *thread == told[0].1));
    }
}
