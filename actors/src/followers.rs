//! Followers: they read the log behind the writer. One keeps the state store; the other checks old parts of the log for
//! damage. Both run under one runner.

#[cfg(test)]
mod log;
mod progress;
mod runner;
pub mod scrub;
pub mod state;

pub use progress::Progress;
