//! Tests of the recipes through the public interface: what each does to every account of the five domains.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod balance_rules;
mod limits;
mod protected;
mod recipes;
mod results;
mod script;
