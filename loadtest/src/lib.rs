//! The load harness: measures from outside and asserts the money invariants.
