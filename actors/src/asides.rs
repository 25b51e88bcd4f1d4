//! Reads beside the money thread: what the state store has on disk is read on a thread of its own, and the answer comes
//! back as a message. So no turn waits for a disk.

use std::{io, sync::mpsc, thread};

use crate::panics::AbortOnPanic;

/// Name of this part when its panic ends the process: without it requests with an old key would wait for ever.
const PART: &str = "the reader of the state store";

type Job = Box<dyn FnOnce() + Send>;

/// The way to the reading thread. Clones share it; it ends with the last of them.
///
/// What waits is bounded by the permits of those who ask.
#[derive(Debug, Clone)]
pub struct Asides(mpsc::Sender<Job>);

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
        Ok(Self(sender))
    }

    /// Runs a job behind those that wait already.
    ///
    /// # Panics
    /// When the thread is gone: it ends with the last way to it, and a panic in it ends the process.
    pub fn run(&self, job: impl FnOnce() + Send + 'static) {
        self.0.send(Box::new(job)).expect("the thread lives as long as a way to it");
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
