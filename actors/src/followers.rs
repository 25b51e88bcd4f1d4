//! Followers: they read the log behind the writer and keep something of their own. Today one: the checkpoint.

pub mod checkpoint;
