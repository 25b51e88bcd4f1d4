//! The assessment of a request: take it, refuse it, or wait.

use protocol::ErrorCode;

use super::Grounds;

/// What is to be done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assessment {
    Take,
    Refuse(ErrorCode, Grounds),
    /// The decision depends on undecided requests.
    Wait(Wait),
}

/// What a request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// For the same player's requests that are under way, or parked ahead of it.
    Own,
    /// For requests of any player.
    Table,
}
