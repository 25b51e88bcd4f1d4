//! What a panic may cost: a table or a session, or the process, never a hub that lives on without a part.
//!
//! actix drops an actor that panics and goes on. For a session that is right. For the money thread, pubsub, the
//! alarms and the workers' inboxes it would leave a hub that looks alive and answers nothing, so they end the
//! process: the start path is the recovery path.

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
