//! Tests of the ledger through its public interface: one row for each rule, random moves against the invariants, encodings.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod encoding;
mod property;
mod rules;
mod script;
mod whole;
