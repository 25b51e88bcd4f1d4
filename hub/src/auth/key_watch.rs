//! The thread that reads issuers' keys again: when a set is old, when its file was changed, and when somebody has a token of a key
//! that is not there. Requests never wait for it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, SystemTime},
};

use super::{Issuers, Refreshed, key_source::FileStamp};
use crate::telemetry::{events as telemetry, with_causes};

/// How often it is looked whether a set is to be read again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The running thread. It ends when this is dropped.
#[derive(Debug)]
pub struct KeyWatch {
    issuers: Arc<Issuers>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread knows of each issuer.
#[derive(Debug)]
struct Watched {
    issuers: Arc<Issuers>,
    every: Duration,
    /// What told of the file when it was last read.
    stamps: Vec<Option<FileStamp>>,
    /// Why a set could not be read, as long as it is so.
    failures: Vec<Option<String>>,
}

impl KeyWatch {
    /// Starts it, if there are issuers. Each set is read again after `every` at the latest.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(issuers: Arc<Issuers>, every: Duration) -> io::Result<Option<Self>> {
        if issuers.is_empty() {
            return Ok(None);
        }
        let ends = Arc::new(AtomicBool::new(false));
        let mut watched = Watched::new(issuers.clone(), every);
        let told = ends.clone();
        let thread = thread::Builder::new().name("hub-keys".into()).spawn(move || {
            while !told.load(Relaxed) {
                watched.look(SystemTime::now());
                watched.issuers.wait(LOOK_EVERY);
            }
        })?;
        Ok(Some(Self { issuers, ends, thread: Some(thread) }))
    }
}

impl Drop for KeyWatch {
    fn drop(&mut self) {
        self.ends.store(true, Relaxed);
        self.issuers.wake();
        if let Some(thread) = self.thread.take() {
            // It reads at most a file more. A panic was logged.
            let _ = thread.join();
        }
    }
}

impl Watched {
    fn new(issuers: Arc<Issuers>, every: Duration) -> Self {
        let count = issuers.all().len();
        // Unknown: what was read at the start is compared once more.
        Self { issuers, every, stamps: vec![None; count], failures: vec![None; count] }
    }

    /// Reads each set that is due.
    fn look(&mut self, now: SystemTime) {
        for place in 0..self.stamps.len() {
            // Before the set is read: a change while it is being read shows at the next look.
            let stamp = self.issuers.all()[place].source.stamp();
            if stamp == self.stamps[place] && !self.issuers.is_due(place, self.every, now) {
                if stamp.is_some() && self.failures[place].is_none() {
                    self.issuers.note_unchanged(place, now);
                }
                continue;
            }
            self.stamps[place] = stamp;
            self.read(place, now);
        }
    }

    fn read(&mut self, place: usize, now: SystemTime) {
        let known = &self.issuers.all()[place];
        let (issuer, source) = (&*known.issuer, &known.source);
        match self.issuers.note(place, source.read(), now) {
            Ok(refreshed) => {
                if self.failures[place].take().is_some() {
                    telemetry::keys_read_again(issuer);
                }
                if let Refreshed::Changed(keys) = refreshed {
                    let names: Vec<_> = keys.names().collect();
                    telemetry::keys_changed(issuer, &names, keys.ignored());
                }
            }
            Err(error) => {
                let why = with_causes(&error);
                if self.failures[place].as_ref() != Some(&why) {
                    telemetry::keys_not_read(issuer, &why);
                    self.failures[place] = Some(why);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
