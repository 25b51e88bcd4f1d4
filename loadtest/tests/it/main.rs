//! The harness against small servers that give wrong answers on demand: each is found, and nothing else is.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod credits;
mod fanout;
mod honesty;
mod little_hub;
mod old_keys;
