//! An output: it waits at the output gate until the records it has seen are on disk.

use engine::{KeptKey, Preview, Told, TxResult, table::PastRound};
use protocol::{
    PlayerId, Reply, TableId,
    reply::{Failure, Welcome},
    request::Since,
};
use tokio::sync::oneshot;

use super::{
    domain::PlayerFunds,
    money::{Erasure, Origin, ProposalsFound},
    pubsub::Subscriber,
    reply::ReplyTo,
};

/// What the gate hands out when its record, or every record before it, is on disk.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "the large one is the common one: every bet is a result")]
pub enum Output {
    /// The result of an envelope.
    Result {
        /// Where it goes.
        origin: Origin,
        /// The result.
        result: TxResult,
        /// What players are told.
        notices: Vec<Told>,
    },
    /// The last rounds of a table, newest first, for the table; or why they cannot be read.
    PastRounds {
        /// The table.
        table: TableId,
        /// The rounds.
        rounds: Result<Vec<PastRound>, Failure>,
    },
    /// The answer to a read.
    Reply(ReplyTo, Box<Reply>),
    /// A session whose player's channel position is known now.
    Welcome {
        /// The session.
        to: ReplyTo,
        /// The player.
        player: PlayerId,
        /// Offset of the newest event of the player's channel.
        events: u64,
        /// Channels to subscribe to again.
        resume: Vec<Since>,
        /// The reply, its channels still to be filled in.
        welcome: Box<Welcome>,
        /// The session, for its channels.
        subscriber: Subscriber,
    },
    /// A player's funds, for whoever waits for them.
    Funds(oneshot::Sender<PlayerFunds>, Box<PlayerFunds>),
    /// Proposals, for whoever waits for them.
    Proposals(oneshot::Sender<ProposalsFound>, Box<ProposalsFound>),
    /// What would happen, for whoever asked.
    Preview(oneshot::Sender<Preview>, Preview),
    /// The outcome under an id, for whoever waits for it.
    Outcome(oneshot::Sender<Option<KeptKey>>, Option<KeptKey>),
    /// A signal that everything before it is on disk.
    Durable(oneshot::Sender<()>),
    /// What became of the erasure of a player.
    Erasure {
        /// Takes the answer.
        to: oneshot::Sender<Erasure>,
        /// The answer.
        erasure: Erasure,
    },
    /// Nothing to hand out.
    Nothing,
}
