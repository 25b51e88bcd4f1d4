//! The client against a server that says exactly what a test wants.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod comes_back;
mod later;
mod resilient;
mod scripted;
mod session;
