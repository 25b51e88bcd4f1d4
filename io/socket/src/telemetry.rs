//! The log events of this crate: one function an event, which logs and counts together.

use std::fmt::Display;

use crate::shared::{Shared, Slot};

/// A handshake was refused, for its form or by the caller.
pub(crate) fn refused(shared: &Shared) {
    shared.count(|stats| stats.refused += 1);
}

/// A client was gone before it was a session. Everyday life.
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

/// A client has broken the protocol or a size limit, and is closed.
pub(crate) fn broken_rule(shared: &Shared) {
    shared.count(|stats| stats.closed_fault += 1);
}

/// A client has sent too many frames that bring nothing, and is closed.
pub(crate) fn flooding(shared: &Shared) {
    shared.count(|stats| stats.closed_flooding += 1);
}

/// A session's actor has panicked; its session is closed.
pub(crate) fn panicked(shared: &Shared, slot: Slot) {
    shared.count(|stats| stats.closed_panic += 1);
    tracing::error!(?slot, "session actor panicked");
}

/// A session's actor has panicked once more, while it stopped.
pub(crate) fn panicked_at_its_end(slot: Slot) {
    tracing::error!(?slot, "session actor panicked while it stopped");
}

/// An actor wrote something through its context that is no frame.
pub(crate) fn unspeakable(error: &dyn Display) {
    tracing::error!(%error, "an actor wrote a frame that cannot be encoded");
}
