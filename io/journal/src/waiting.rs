//! The threads that wait for the next durable record: followers that have read all there is.

use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::thread::{self, Thread};

use parking_lot::Mutex;

/// The threads that wait for the next durable record.
#[derive(Default)]
pub(crate) struct WaitingThreads {
    /// Whether there are any: all that a batch costs when there are none.
    any: AtomicBool,
    threads: Mutex<Vec<Thread>>,
}

impl WaitingThreads {
    /// The current thread is woken by the next durable record. It looks once more, after this, whether there is one already.
    pub fn add_current(&self) {
        let current = thread::current();
        let mut threads = self.threads.lock();
        if threads.iter().all(|thread| thread.id() != current.id()) {
            threads.push(current);
        }
        self.any.store(true, Ordering::Relaxed);
        drop(threads);
        // What is durable is read after this, and written before the flag is read: one of the two sides sees the other.
        fence(Ordering::SeqCst);
    }

    /// There is one: they are woken.
    pub fn wake(&self) {
        fence(Ordering::SeqCst);
        if self.any.load(Ordering::Relaxed) {
            let mut threads = self.threads.lock();
            self.any.store(false, Ordering::Relaxed);
            threads.drain(..).for_each(|thread| thread.unpark());
        }
    }
}
