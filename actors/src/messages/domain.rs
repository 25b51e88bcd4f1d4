//! Messages to a domain's actor.

use actix::prelude::*;
use domains::{
    Funds,
    exclusion::Exclusion,
    freeze::Freeze,
    limits::{LimitId, PlayerLimit},
    play_session::PlayFacts,
    results::Settled,
};
use engine::Unreadable;
use ledger::Domain;
use protocol::{Currency, PlayerId, level::BalanceLevel, reply::Welcome, request::Since};
use tokio::sync::oneshot;

use super::{pubsub::Subscriber, reply::ReplyTo};

/// Asks a domain for its figures. An answer also shows that its actor is alive.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "Report")]
pub struct GetReport;

/// The figures of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The domain.
    pub domain: Domain,
    /// Accounts in use.
    pub accounts: usize,
    /// Holds open.
    pub holds: usize,
}

/// Reads a player's balances. Answered when every record that the answer shows is on disk.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct GetBalance {
    /// The player.
    pub player: PlayerId,
    /// The session.
    pub to: ReplyTo,
}

/// Reads what the balance domain has of a player. Answered when every record that the answer shows is on disk.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct GetFunds {
    /// The player.
    pub player: PlayerId,
    /// Takes the answer.
    pub answer: oneshot::Sender<PlayerFunds>,
}

/// What the balance domain has of a player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayerFunds {
    /// Place in the log of the last record that it shows.
    pub lsn: u64,
    /// The freeze that stands.
    pub freeze: Option<Freeze>,
    /// The exclusion from play that stands.
    pub exclusion: Option<Exclusion>,
    /// The play session that goes on.
    pub play: Option<PlayFacts>,
    /// The limits: each with what is used of it, and when its next period begins, milliseconds since 1970.
    pub limits: Vec<(LimitId, PlayerLimit, u64)>,
    /// The funds in each currency in which the player has an account, in minor units, and what they are by the operator's
    /// thresholds.
    pub accounts: Vec<(Currency, Funds, BalanceLevel)>,
}

/// Reads a player's last settled rounds. Answered when every record that the answer shows is on disk.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct GetResults {
    /// The player.
    pub player: PlayerId,
    /// The session.
    pub to: ReplyTo,
}

/// The last settled rounds of a player, newest first, as far as they were read from the state store.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct ResultsRead {
    /// The session.
    pub to: ReplyTo,
    /// The rounds.
    pub results: Result<Vec<Settled>, Unreadable>,
}

/// The player of a session is known: reads the position of the player's channel and hands the session on to pubsub.
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
    /// The session, for its channels.
    pub subscriber: Subscriber,
}
