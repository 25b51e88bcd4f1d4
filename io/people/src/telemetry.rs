//! The log events of this room: one function an event. None shows a person.

use std::{io, path::Path};

/// Group or others could use the people file; now they cannot.
pub fn tightened(file: &Path, before: u32) {
    let before = format!("{before:o}");
    tracing::info!(file = %file.display(), before, "closed the people file to group and others");
}

/// A crash has interrupted a write; nobody had an id from it.
pub fn tail_cut(file: &Path, offset: u64, bytes: u64) {
    tracing::warn!(file = %file.display(), offset, bytes, "cut a torn tail of the people file");
}

/// The disk or a quota is full: new people are refused, known ones are not.
pub fn no_room(file: &Path, error: &io::Error) {
    tracing::error!(file = %file.display(), %error, "no room to enrol new people; they are refused until there is");
}

/// There was no room, and there is again.
pub fn room_again(file: &Path) {
    tracing::info!(file = %file.display(), "new people are enrolled again");
}

/// A write or sync has failed: new people are refused until the next start, known ones are not.
pub fn closed(file: &Path, error: &io::Error) {
    tracing::error!(file = %file.display(), %error, "the people file cannot be written; new people are refused until a restart");
}

/// The system gives no random bytes.
pub fn no_random(error: &getrandom::Error) {
    tracing::error!(%error, "no random id for a new person");
}
