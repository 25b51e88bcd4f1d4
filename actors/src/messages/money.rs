//! Messages to the coordinator, and the result of an envelope.

use actix::prelude::*;
use engine::{Envelope, Verdict};
use protocol::{Key, PlayerId, TableId};
use tokio::sync::oneshot;

use super::reply::{BetContext, ReplyTo};

/// Where the result of an envelope goes.
#[derive(Debug)]
pub enum Origin {
    /// To a table, with the request that caused it.
    Table {
        /// The table.
        table: TableId,
        /// The request, when a player made one.
        request: Option<BetContext>,
    },
    /// To a session whose request no table is asked about.
    Session(BetContext),
    /// To a service that waits.
    Service(oneshot::Sender<Verdict>),
    /// To nobody.
    Nobody,
}

impl Origin {
    /// The player who has asked, if one has.
    #[must_use]
    pub fn player(&self) -> Option<PlayerId> {
        match self {
            Origin::Table { request: Some(asked), .. } | Origin::Session(asked) => Some(asked.player),
            Origin::Table { request: None, .. } | Origin::Service(_) | Origin::Nobody => None,
        }
    }
}

/// Runs one envelope. Never refused: whoever sends it holds a permit, or is the hub itself.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Submit {
    /// The envelope.
    pub envelope: Envelope,
    /// Where the result goes.
    pub origin: Origin,
}

/// What became of a player's key. Answered when what it has seen is on disk.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct GetOutcome {
    /// The player.
    pub player: PlayerId,
    /// The key.
    pub key: Key,
    /// The session.
    pub to: ReplyTo,
}

/// Says when everything applied so far is on disk. Never, when it cannot be written: the process ends.
#[derive(Message, Debug)]
#[rtype(result = "oneshot::Receiver<()>")]
pub struct AwaitDurable;
