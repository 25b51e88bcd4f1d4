//! Monitoring: what the hub finds out about itself, and whom it tells.
//!
//! Checks ask the parts ([`checks`]); pages and alerts read what they found. Nothing here decides about money, and
//! nothing that serves players waits for it.

pub mod checks;
pub mod figures;
pub mod health_status;
pub mod score;
pub mod surface;
pub mod unified;
