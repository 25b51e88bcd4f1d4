//! A layer between a program and the C library's file calls, for the files below one directory: it notes what is not
//! synced, and injects errors. It is loaded with `LD_PRELOAD`, and needs neither root nor a file system of its own.
//!
//! Each call that changes a file or a name is noted in a side directory before it is made, with what was there before;
//! a sync is noted when it has succeeded. The notes outlive the program, as a disk does. After a `kill -9` the test lets
//! the power fail: `tests/src/power.rs` takes back what the notes say was not synced. The variables and the notes are
//! in `tests/lossy/notes`. Without the variables every call is passed on.
//!
//! * **Syncs** write nothing to the real disk: whether they were called is what is tested. They take a random time, so
//!   that a kill often finds something that is not synced. The weakest contract holds: `fsync` of a file does not make
//!   its name durable, `fsync` of a directory only the names in it. `sync_file_range` is passed on and is no sync: it
//!   promises nothing about a crash.
//! * **Not modelled**: a call that would change such a file in another way ends the program and is named in the side
//!   directory, which the test checks (`refused.rs`). Two exceptions: SQLite's `-shm` file may be mapped, because it is
//!   built again after a crash; and direct system calls cannot be seen. The hub has two of those: `statx`, which changes
//!   nothing, and `fallocate`, whose new length is taken from the file with the next note and is never lost.
//! * Modes, owners and times of files are not noted, and always kept.
//!
//! Everything here calls the kernel directly (`kernel.rs`): the standard library's file calls would come back here.
#![cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]

mod bytes;
mod disk;
mod faults;
mod kernel;
mod names;
mod refused;
