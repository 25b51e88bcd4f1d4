//! The handle to a session for all code but the driver.

use std::rc::Rc;

use bytes::Bytes;

use crate::queue::Class;
use crate::session::{Session, SocketPhase};
use crate::shared::Slot;

/// The out-queue of one session. Clones are handles to the same queue; all outlive the session harmlessly.
#[derive(Clone)]
pub struct Out(pub(crate) Rc<Session>);

impl Out {
    /// Sends one or more complete frames (see [`text_frame`](crate::text_frame)) by the rule of their class.
    /// False: they were not taken, because the session is closing, or is now for want of room.
    pub fn push(&self, frames: Bytes, class: Class) -> bool {
        self.0.push(frames, class)
    }

    /// Ends the session after what waits has been sent: close frame, the client's answer within
    /// [`Limits::close_within_ms`](crate::Limits::close_within_ms), then the connection. The actor is stopped
    /// and nothing more is taken. The reason is cut to 123 bytes. The first close wins.
    pub fn close(&self, code: u16, reason: &str) {
        self.0.close(code, reason);
    }

    /// Drops the connection now, with what waits in it.
    pub fn kill(&self) {
        self.0.kill();
    }

    /// Bytes waiting to be sent, without those the kernel holds.
    pub fn queued_bytes(&self) -> usize {
        self.0.queued_bytes()
    }

    /// The tag given when the session was accepted.
    pub fn encoding(&self) -> u8 {
        self.0.encoding()
    }

    /// The session's name within its worker.
    pub fn slot(&self) -> Slot {
        self.0.slot
    }

    /// False once the session is closing or over: pushes are no longer taken.
    pub fn is_open(&self) -> bool {
        self.0.phase.get() == SocketPhase::Open
    }

    /// The close code this side sent, once it has sent one: why the session ended, for the log.
    pub fn close_code(&self) -> Option<u16> {
        self.0.close_code()
    }
}
