//! Panics: one ends a table, a session, or the process. The hub never goes on without a part that all requests need.
//!
//! actix drops an actor that panics and goes on. For a session that is right. For the money thread, pubsub, the alarms
//! and the workers' inboxes it would leave a process that is up and answers nothing. So they end the process, and the
//! next start replays the log.

/// Ends the process when it is dropped by a panic. Names the part that failed.
pub struct AbortOnPanic(pub &'static str);

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(
                part = self.0,
                "a part that the hub cannot do without has panicked; the hub stops"
            );
            std::process::abort();
        }
    }
}
