//! Messages to the coordinator, and the result of an envelope.

use std::sync::Arc;

use actix::prelude::*;
use domains::approval::{EndedProposal, Proposal, ProposalId};
use engine::{
    Envelope, Found, KeptKey, Preview, Principal, StillOpen, StoredState, TxId, TxResult, Unreadable,
};
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
    /// To a session, for a request that no table decides.
    Session(BetContext),
    /// To whoever waits for it, such as a request over HTTP.
    Waiting {
        /// Who has asked.
        principal: Principal,
        /// Takes the result.
        answer: oneshot::Sender<TxResult>,
    },
    /// To whoever wants to know what would happen: nothing is carried out.
    Preview(oneshot::Sender<Preview>),
    /// To nobody.
    Nobody,
}

impl Origin {
    /// Who has asked, and pays for what is recorded of it; nobody where the hub itself does. A player is one over all
    /// sessions.
    #[must_use]
    pub fn subject(&self) -> Option<Principal> {
        match self {
            Origin::Table { request: Some(asked), .. } | Origin::Session(asked) => Some(asked.player.into()),
            Origin::Waiting { principal, .. } => Some(*principal),
            Origin::Table { request: None, .. } | Origin::Preview(_) | Origin::Nobody => None,
        }
    }
}

/// Runs one envelope. Never refused for lack of room: its sender holds a permit, or is the hub itself.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Submit {
    /// The envelope.
    pub envelope: Envelope,
    /// Where the result goes.
    pub origin: Origin,
}

/// Reads the outcome of a player's key. Answered when every record that the answer shows is on disk.
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

/// Reads the last rounds of a table, for the table: [`PastRoundsRead`](super::table::PastRoundsRead) brings them when every
/// record that they show is on disk.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct GetPastRounds {
    /// The table.
    pub table: TableId,
    /// The last round that has ended, as far as the table knows.
    pub newest: u64,
    /// Rounds may be missing, because the table has failed.
    pub gaps: bool,
}

/// Reads the outcome under an id, whosever key it is of. Answered when its record is on disk; never, when the log cannot be
/// written or the state store cannot be read.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct FindKey {
    /// The id of the transaction.
    pub id: TxId,
    /// Takes the outcome, if it has one, with the content of its request.
    pub answer: oneshot::Sender<Option<KeptKey>>,
}

/// Which proposals are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhichProposals {
    /// Those that wait, also those whose time is over; the oldest first, at most [`PROPOSALS_MAX`].
    Open,
    /// One, that waits or has ended.
    One(ProposalId),
    /// The one by which a transaction was reversed.
    ReversalOf(TxId),
}

/// Most proposals of an answer.
pub const PROPOSALS_MAX: usize = 1_000;

/// Reads proposals. Answered when every record that the answer shows is on disk.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct GetProposals {
    /// Which.
    pub which: WhichProposals,
    /// Takes the answer.
    pub answer: oneshot::Sender<ProposalsFound>,
}

/// The proposals that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalsFound {
    /// Place in the log of the last record that it shows.
    pub lsn: u64,
    /// The time by which it is told whose time is over, milliseconds since 1970.
    pub now: u64,
    /// Those that wait.
    pub open: Vec<(ProposalId, Proposal)>,
    /// The one that was asked for, if it has ended.
    pub ended: Option<(ProposalId, EndedProposal)>,
    /// Whether more of them wait.
    pub more: bool,
}

/// The state store has a new commit: from now on it is the current one.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct StoreCommitted(pub Arc<dyn StoredState>);

/// What only the state store could answer.
#[derive(Debug)]
pub enum AsideQuestion {
    /// An envelope with an old key.
    Submit(Box<Submit>),
    /// The outcome of an old key.
    Outcome(GetOutcome),
    /// The outcome under an old id.
    Find(FindKey),
}

/// What was looked up in the state store.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct LookedUp {
    /// What asked.
    pub question: AsideQuestion,
    /// What the store has.
    pub found: Result<Found, Unreadable>,
}

/// Replies when everything applied so far is on disk. Without a reply when it cannot be written: the process ends.
#[derive(Message, Debug)]
#[rtype(result = "oneshot::Receiver<()>")]
pub struct AwaitDurable;

/// Asks whether a player may be erased and, with `record`, records it when they may. Answered when every record that the
/// answer shows is on disk; never, when it cannot be written: the process ends.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct ErasePlayer {
    /// The player.
    pub player: PlayerId,
    /// Whether the person stays excluded.
    pub excluded: bool,
    /// Whether it is recorded, or only asked for.
    pub record: bool,
    /// Takes the answer.
    pub answer: oneshot::Sender<Erasure>,
}

/// What became of [`ErasePlayer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    /// It may be recorded now.
    Possible,
    /// It is recorded, at this place of the log.
    Recorded(u64),
    /// The log has said so before.
    Before,
    /// Something of the player is open. Nothing was recorded.
    Open {
        /// What it is.
        open: StillOpen,
        /// Decimals of its currency.
        scale: u32,
    },
}
