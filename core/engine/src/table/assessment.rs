//! The assessment of a request: take it, refuse it, or wait.

use protocol::ErrorCode;

/// What is to be done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assessment {
    Take,
    Refuse(ErrorCode),
    /// It depends on what is undecided.
    Wait(Wait),
}

/// What a request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// For what the same player has under way, or parked ahead of it.
    Own,
    /// For what anybody has under way.
    Table,
}
