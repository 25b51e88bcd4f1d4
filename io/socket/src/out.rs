//! The handle to a session, for all code except the driver.

use std::rc::Rc;

use bytes::Bytes;

use crate::queue::Class;
use crate::session::{Session, SocketPhase};
use crate::shared::Slot;

/// The out-queue of one session. Clones are handles to the same queue. After the session's end they have no effect.
#[derive(Clone)]
pub struct Out(pub(crate) Rc<Session>);

impl Out {
    /// Sends one or more complete frames (see [`text_frame`](crate::text_frame)) by the rule of their class. False when
    /// they were not taken: the session is closing, or is closed now because its queue is full.
    pub fn push(&self, frames: Bytes, class: Class) -> bool {
        self.0.push(frames, class)
    }

    /// Closes the session after the queued frames were sent: close frame, the client's answer within
    /// [`Limits::close_within_ms`](crate::Limits::close_within_ms), then the connection. The actor is stopped, and no
    /// more frames are taken. The reason is cut to 123 bytes. Only the first close counts.
    pub fn close(&self, code: u16, reason: &str) {
        self.0.close(code, reason);
    }

    /// Drops the connection now, with the queued frames.
    pub fn kill(&self) {
        self.0.kill();
    }

    /// Bytes that wait to be sent, without those in the kernel.
    pub fn queued_bytes(&self) -> usize {
        self.0.queued_bytes()
    }

    /// The tag of the encoding that was given when the session was accepted.
    pub fn encoding(&self) -> u8 {
        self.0.encoding()
    }

    /// The session's id within its worker.
    pub fn slot(&self) -> Slot {
        self.0.slot
    }

    /// Whether the session takes frames; false once it is closing or over.
    pub fn is_open(&self) -> bool {
        self.0.phase.get() == SocketPhase::Open
    }

    /// The close code that this side has sent, if any; the reason of the end, for the log.
    pub fn close_code(&self) -> Option<u16> {
        self.0.close_code()
    }
}
