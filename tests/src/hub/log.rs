//! What the hub writes to standard error.

use std::{
    io::{BufRead, BufReader, Read},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What the hub wrote to standard error, over all its starts.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// The lines are whole after every statement, so a panic elsewhere does not spoil them.
    pub fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in every line from now on, on a thread of its own.
    pub fn follow(&self, stderr: impl Read + Send + 'static) {
        let log = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                log.lines().push(line);
            }
        });
    }
}
