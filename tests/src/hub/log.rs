//! What the hub and its commands write.

use std::{
    io::{BufRead, BufReader, Read},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

/// What the hub wrote to standard error, over all its starts; or what a command wrote.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// The lines are whole after every statement, so a panic elsewhere does not spoil them.
    pub fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in every line from now on, on a thread of its own, which ends with the text.
    pub fn follow(&self, text: impl Read + Send + 'static) -> JoinHandle<()> {
        let log = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(text).lines().map_while(Result::ok) {
                log.lines().push(line);
            }
        })
    }
}
