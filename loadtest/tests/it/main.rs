//! The harness against small servers of its own that lie on demand: what must be found is found, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod fanout;
mod honesty;
mod little_hub;
