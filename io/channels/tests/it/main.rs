//! Both backplanes against one conformance suite, and the Redis one against a real server that fails in many ways.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bounds;
mod conformance;
mod faults;
mod forged;
mod plain;
mod proxy;
mod rig;
mod server;
