//! The client against a server that sends exactly what a test tells it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod comes_back;
mod later;
mod resilient;
mod scripted;
mod session;
