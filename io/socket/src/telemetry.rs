//! The log events and counters of this crate: one function for each event, which logs and counts it.

use std::fmt::Display;

use crate::shared::{Shared, Slot};

/// A handshake was refused, by the caller or because it was malformed.
pub(crate) fn refused(shared: &Shared) {
    shared.count(|stats| stats.refused += 1);
}

/// A client disconnected before it was a session, which happens often.
pub(crate) fn left(when: &'static str, error: &dyn Display) {
    tracing::debug!(%error, when, "a client has left early");
}

/// A client does not read what it is sent, and is closed.
pub(crate) fn too_slow(shared: &Shared) {
    shared.count(|stats| stats.closed_too_slow += 1);
}

/// A client has not answered a ping, and is closed.
pub(crate) fn no_pong(shared: &Shared) {
    shared.count(|stats| stats.closed_no_pong += 1);
}

/// A client has violated the protocol or a size limit, and is closed.
pub(crate) fn broken_rule(shared: &Shared) {
    shared.count(|stats| stats.closed_fault += 1);
}

/// A client has sent too many control frames or empty fragments, and is closed.
pub(crate) fn flooding(shared: &Shared) {
    shared.count(|stats| stats.closed_flooding += 1);
}

/// A session's actor has panicked; its session is closed.
pub(crate) fn panicked(shared: &Shared, slot: Slot) {
    shared.count(|stats| stats.closed_panic += 1);
    tracing::error!(?slot, "session actor panicked");
}

/// A session's actor has panicked while it stopped.
pub(crate) fn panicked_at_its_end(slot: Slot) {
    tracing::error!(?slot, "session actor panicked while it stopped");
}

/// An actor wrote something through its context that cannot be encoded as a frame.
pub(crate) fn unspeakable(error: &dyn Display) {
    tracing::error!(%error, "an actor wrote a frame that cannot be encoded");
}
