//! The archive of a log: copies of its sealed segments, compressed, in a directory or an S3-compatible bucket.
//!
//! A segment that has a later one behind it never changes again. It is checked batch by batch, compressed, and put into
//! the archive under a name that states its lineage, its records, its length and the SHA-256 of its bytes. Then it is read
//! back whole and compared. Only after that the next one is sent. So the list of the objects is the catalogue: whatever has
//! a later object behind it was verified once.
//!
//! An *anchor* is one object too: the files of a full state as of a record, under a name that also states the hash of the
//! record's batch, so that it is known of which log it is before it is read.
//!
//! Nothing here removes a segment. [`Retention`] says how far the log may be shortened; for what is to be removed,
//! [`Archive::verify`] reads the archived copy again.
//!
//! Memory is bounded by a few parts of 8 MiB, whatever the length of a segment. Each call has a deadline and is repeated
//! with full jitter. Nothing waits for the archive but its own caller. See
//! docs/adr/0028-the-oldest-segments-are-archived-and-removed.md.

mod anchor;
mod anchor_files;
mod anchor_name;
mod compress;
mod error;
mod fetch;
mod name;
mod retention;
mod retry;
mod send;
mod store;
mod unpack;
mod whole;

pub use anchor::AnchorStep;
pub use anchor_files::{AnchorContent, AnchorFiles};
pub use anchor_name::{AnchorName, ArchivedAnchor};
pub use error::Error;
pub use fetch::{Fetched, FetchedFrom};
pub use name::ObjectName;
pub use retention::{Kept, Retention};
pub use retry::RetryRule;
pub use send::Sent;
pub use store::{Archive, Archived, Catalogue};
pub use whole::WholeLog;
