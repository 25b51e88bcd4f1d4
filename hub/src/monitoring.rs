//! Monitoring: what the hub finds out about itself, and whom it tells.
//!
//! [`checks`] ask the parts; [`unified`] makes one document of what they found and of the metrics; [`alert_book`] compares
//! its figures with the operator's thresholds; [`watch`] looks again and again, and posts what is to be told; [`keeper`] has the
//! files. [`error_book`] and [`security`] keep what went wrong, and name nobody. Nothing here decides about money, and nothing that serves players waits for it.

pub mod alert;
pub mod alert_book;
pub mod checks;
pub mod counters;
pub mod error_book;
pub mod figure_names;
pub mod figures;
pub mod health_status;
pub mod keeper;
pub mod kept_file;
pub mod kept_files;
pub mod rise;
pub mod score;
pub mod security;
pub mod surface;
pub mod told;
pub mod unified;
pub mod usual;
pub mod watch;
pub mod webhook;
pub mod webhook_target;
