//! Tests of the ledger through its public interface: one row for each rule, and random moves against the invariants.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod property;
mod rules;
mod script;
