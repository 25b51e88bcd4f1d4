//! Backups: `hub backup` copies log, state store and people store at one cut, beside a hub that serves or has stopped, and
//! `hub restore` puts a backup into an empty directory and begins its new lineage.
//!
//! The cut: the files of the state store are opened first, then those of the log, then the people database is copied.
//! So the store stands for no later record than the log has, and the people store has everybody whom the log names. What is
//! open can be copied at leisure, whatever the hub writes, merges or removes meanwhile. No lock is taken. See
//! docs/adr/0030-a-backup-is-one-cut-of-log-store-and-people.md.
//!
//! A backup is whole when it has the file `backup.json`, the inventory: names, lengths and SHA-256 of all files, and where
//! the log ends. It is written last. The key file of the people store is not in it.

mod copy;
mod error;
mod inventory;
mod make;
mod restore;

pub use error::Error;
pub use make::{BackupOrder, make};
pub use restore::{RestoreOrder, restore};

/// Folders of a backup. Not the layout of a data directory, so that no hub is started on a backup by mistake.
const LOG: &str = "log";
/// The folder of the state store, in a backup as beside a log.
const STORE: &str = actors::stored::DIRECTORY;
/// The folder of the people database.
const PEOPLE: &str = "people";
