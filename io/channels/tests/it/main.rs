//! Tests of both backplanes with one conformance suite, and of the Redis one with a real server and many faults.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bounds;
mod conformance;
mod faults;
mod forged;
mod plain;
mod proxy;
mod rig;
mod server;
