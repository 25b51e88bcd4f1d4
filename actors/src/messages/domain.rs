//! Messages to a domain's actor.

use actix::prelude::*;
use ledger::Domain;
use protocol::{PlayerId, reply::Welcome, request::Since};

use super::reply::ReplyTo;

/// How a domain is doing. Also its sign of life.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "Report")]
pub struct GetReport;

/// How a domain is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The domain.
    pub domain: Domain,
    /// Accounts in use.
    pub accounts: usize,
    /// Holds open.
    pub holds: usize,
}

/// A player's balances. Answered when what they have seen is on disk.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct GetBalance {
    /// The player.
    pub player: PlayerId,
    /// The session.
    pub to: ReplyTo,
}

/// A player's last settled rounds. Answered when what they have seen is on disk.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct GetResults {
    /// The player.
    pub player: PlayerId,
    /// The session.
    pub to: ReplyTo,
}

/// A session has said who it is: finds out where the player's channel stands and sends it on its way.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Arrive {
    /// The player.
    pub player: PlayerId,
    /// The session.
    pub to: ReplyTo,
    /// Channels to subscribe to again.
    pub resume: Vec<Since>,
    /// The reply, its channels still to be filled in.
    pub welcome: Box<Welcome>,
}
