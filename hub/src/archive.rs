//! The archive of the hub's log: the command `hub archive`, and the follower that does the same while the hub serves.
//!
//! Sending needs no lock: a full segment never changes. Removing does: a serving hub removes in its own follower, a stopped
//! one through the right to write its log. Nothing is removed before its archived copy was read back in the same pass, a
//! verified state is behind it, and every follower has read it.

mod bring_back;
mod command;
mod error;
mod follower;
mod send_anchor;
mod whole;
mod whole_state;

pub use command::{Fetch, Order, run};
pub use error::Error;
pub use follower::{ArchiveFigures, Archiver, Figures};
pub(crate) use send_anchor::RETRY;
pub use send_anchor::{AnchorError, OpenedStore, send_anchor};
pub use whole::{whole_of_files, whole_of_log};
pub use whole_state::{StoreBeside, VerifiedState};
