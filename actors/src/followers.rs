//! Followers: they read the log behind the writer. One keeps the state store, one the read model in SQL; one checks old parts of
//! the log for damage. All run under one runner.

#[cfg(test)]
mod log;
mod progress;
pub mod read_model;
mod runner;
pub mod scrub;
pub mod state;

pub use progress::Progress;
