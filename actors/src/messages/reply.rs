//! The way back to a session: which worker, which slot, which request, and the permit that ends with it.

use protocol::{Key, PlayerId, U53};
use socket::Slot;

use crate::admission::Permit;

/// The address of a session. A stale one is harmless: the generation in its slot has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionRef {
    /// The worker.
    pub worker: u16,
    /// The place on it.
    pub slot: Slot,
}

/// Where a reply goes. Each is answered once.
#[derive(Debug)]
pub struct ReplyTo {
    /// The session.
    pub session: SessionRef,
    /// The request's id.
    pub id: U53,
    /// Held until the reply is on its way.
    pub permit: Permit,
}

/// The request a transaction came from; travels with it and ends in a reply.
#[derive(Debug)]
pub struct BetContext {
    /// The session.
    pub to: ReplyTo,
    /// The player.
    pub player: PlayerId,
    /// The key.
    pub key: Key,
    /// Whether the reply is to `clear_bets`.
    pub clears: bool,
}
