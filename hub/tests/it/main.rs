//! The hub's library from outside: its part of the manuals.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod figures;
mod manuals;
mod openapi;
