//! The log events of this room: one function an event. None shows a person.

use std::{fmt::Display, path::Path};

/// Group or others could use a file of the people store; now they cannot.
pub fn tightened(file: &Path, before: u32) {
    let before = format!("{before:o}");
    tracing::info!(file = %file.display(), before, "closed a file of the people store to group and others");
}

/// The disk or a quota is full: new people are refused, known ones are not.
pub fn no_room(file: &Path, error: &str) {
    tracing::error!(file = %file.display(), error, "no room to enrol new people; they are refused until there is");
}

/// Another process uses the database: new people are refused, known ones are not.
pub fn in_use(file: &Path, error: &str) {
    tracing::error!(
        file = %file.display(), error,
        "another process uses the people store; new people are refused until it does not"
    );
}

/// There was no room, or the database was in use; now people are enrolled.
pub fn enrols_again(file: &Path) {
    tracing::info!(file = %file.display(), "new people are enrolled again");
}

/// A write or sync has failed: new people are refused until the next start, known ones are not.
pub fn closed(file: &Path, error: &str) {
    tracing::error!(file = %file.display(), error, "the people store cannot be written; new people are refused until a restart");
}

/// The system gives no random bytes.
pub fn no_random(error: &impl Display) {
    tracing::error!(%error, "no random id for a new person");
}

/// The names for searches could not be read; the next search tries again.
pub fn names_not_read(error: &dyn std::error::Error) {
    let source = error.source().map(ToString::to_string);
    tracing::error!(%error, source, "the names of people cannot be read for a search");
}
