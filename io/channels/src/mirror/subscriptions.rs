//! The changes of subscriptions that the link must still send to the server.

use protocol::Channel;

/// The state of the link to the server, and the subscriptions to change on it.
#[derive(Default)]
pub(super) struct LinkState {
    pub(super) up: bool,
    /// Channels to subscribe at the server.
    pub(super) to_subscribe: Vec<Channel>,
    /// Channels to unsubscribe at the server.
    pub(super) to_unsubscribe: Vec<Channel>,
}
