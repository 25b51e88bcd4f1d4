//! Messages to pubsub.

use actix::prelude::*;
use channels::{Counters, Health, Position, PublishError};
use engine::Told;
use protocol::{Channel, Payload, PlayerId, push::Event, reply::Welcome, request::Since};

use super::reply::ReplyTo;

/// Publishes an event that was born in the log, or is ephemeral.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct PublishEvent {
    /// The channel.
    pub channel: Channel,
    /// Offset given by the log, none for an ephemeral event.
    pub offset: Option<u64>,
    /// The event.
    pub event: Event,
}

/// What players are told, in the order of the log.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct PlayerNotices(pub Vec<Told>);

/// Where a session hears that it does not follow a channel that it has asked for.
#[derive(Debug, Clone)]
pub struct Subscriber {
    /// Which of the session's requests to subscribe it is; 0 is its hello.
    pub number: u64,
    /// Takes the news.
    pub refused: Recipient<NotFollowed>,
}

/// A session does not follow a channel that it has asked for. It hears so before its client does.
#[derive(Message, Debug, Clone, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct NotFollowed {
    /// The channel.
    pub channel: Channel,
    /// Which of the session's requests is refused; a later one is another matter.
    pub subscription: u64,
}

/// A session's player is known: subscribes it to the personal channel and to those the client had.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Attach {
    /// The session.
    pub to: ReplyTo,
    /// The player.
    pub player: PlayerId,
    /// Offset of the newest event of the player's channel.
    pub events: u64,
    /// Channels to subscribe to again; those the session may not have are gone already.
    pub resume: Vec<Since>,
    /// The reply.
    pub welcome: Box<Welcome>,
    /// The session.
    pub subscriber: Subscriber,
}

/// A session subscribes to one more channel.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Subscribe {
    /// The session.
    pub to: ReplyTo,
    /// The channel.
    pub channel: Channel,
    /// The last position seen.
    pub since: Option<Since>,
    /// The session.
    pub subscriber: Subscriber,
}

/// A session leaves a channel. Takes the same path as the grant of the channel, so that it does not overtake it. A
/// grant that still waits for Redis is cancelled.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Unsubscribe {
    /// The session.
    pub to: ReplyTo,
    /// The channel.
    pub channel: Channel,
}

/// A worker has no subscriber of a channel any more.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Vacant {
    /// The worker.
    pub worker: u16,
    /// The channel.
    pub channel: Channel,
    /// Grants the worker has seen for it; others may still be on their way to it.
    pub granted: u64,
}

/// The newest positions of channels, for a heartbeat.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct GetTops {
    /// The session.
    pub to: ReplyTo,
    /// Its channels.
    pub channels: Vec<Channel>,
}

/// A service publishes.
#[derive(Message, Debug)]
#[rtype(result = "Result<Option<Position>, PublishError>")]
pub struct Publish {
    /// The channel.
    pub channel: Channel,
    /// The data.
    pub payload: Payload,
}

/// Tells where a channel of the log stands, at the start.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Declare {
    /// The channel.
    pub channel: Channel,
    /// Offset of its newest event.
    pub offset: u64,
}

/// Reads the health and the counters of the backplane.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "(Health, Counters)")]
pub struct GetHealth;
