//! The hub's library from outside: what the manuals print of it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod figures;
mod manuals;
