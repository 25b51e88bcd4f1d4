//! The subscriptions that the mirror needs from its link.

use protocol::Channel;

/// The state of the link to the server, and the subscriptions to change on it.
#[derive(Default)]
pub(super) struct LinkState {
    pub(super) up: bool,
    /// Channels to subscribe at the server.
    pub(super) wanted: Vec<Channel>,
    /// Channels to unsubscribe at the server.
    pub(super) unwanted: Vec<Channel>,
}
