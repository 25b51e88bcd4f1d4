//! Tests of the wire protocol, through the crate's public interface.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod allocation;
mod amount;
mod codes;
mod docs;
mod frames;
mod golden;
mod hostile;
mod later;
mod names;
mod payload;
mod property;
mod strict;
mod words;
