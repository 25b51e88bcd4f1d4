//! The engine from outside: bytes, keys, the life of a table, and the auditor.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod auditor;
mod bytes;
mod checkpoints;
mod golden;
mod invariants;
mod keys;
mod limits;
mod parked;
mod proof;
mod quarantine;
mod rig;
mod rules;
mod table;
