//! Followers: they read the log behind the writer. One writes checkpoints; the other checks old parts of the log for
//! damage. Both run under one runner.

pub mod checkpoint;
#[cfg(test)]
mod log;
mod runner;
pub mod scrub;

pub use runner::Progress;
