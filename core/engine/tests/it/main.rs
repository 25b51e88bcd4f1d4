//! Tests of the engine through its public interface: encodings, keys, tables and the auditor.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod adjustments;
mod against_model;
mod aside;
mod auditor;
mod bytes;
mod erasure;
mod explained;
mod extension;
mod faulty;
mod fullest_round;
mod golden;
mod invariants;
mod keys;
mod limits;
mod model;
mod operators;
mod parked;
mod past_rounds;
mod proof;
mod quarantine;
mod refusals;
mod rig;
mod rules;
mod ruling;
mod stored;
mod table;
mod table_rules;
mod upgrade;
