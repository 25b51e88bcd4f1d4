//! The ledger from outside: one row a rule, and random moves against the invariants.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod property;
mod rules;
mod script;
