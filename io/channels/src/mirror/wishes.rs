//! The subscriptions that the mirror needs from its link.

use protocol::Channel;

/// What the mirror knows and wants of the link to the server.
#[derive(Default)]
pub(super) struct LinkState {
    pub(super) up: bool,
    /// Channels to ask the server for.
    pub(super) wanted: Vec<Channel>,
    /// Channels to tell the server about that nobody needs any more.
    pub(super) unwanted: Vec<Channel>,
}
