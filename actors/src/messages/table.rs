//! Messages to a table.

use actix::prelude::*;
use engine::{
    TxResult,
    table::{
        PastRound,
        live::{BetRequest, ClearRequest},
    },
};
use protocol::{PlayerId, TableId, reply::Failure};

use super::{
    money::GetOutcome,
    reply::{BetContext, ReplyTo, SessionRef},
};

/// Tells an actor that a time it asked for has come. It may come late or twice; the actor looks at the clock.
///
/// Also sent once at the start to tables whose round was interrupted: it runs to its end with nobody there.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "()")]
pub struct Wake;

/// A session comes to the table, in the order of its own joins and leaves. Where there is no place the session is
/// told first ([`NoPlace`]), then its client.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Join {
    /// The player.
    pub player: PlayerId,
    /// The session.
    pub to: ReplyTo,
    /// Which of the session's joins it is.
    pub join: u64,
    /// Where the session hears that there is no place.
    pub refused: Recipient<NoPlace>,
}

/// A table has no place for a session: it does not sit there.
#[derive(Message, Debug, Clone, Copy, PartialEq, Eq)]
#[rtype(result = "()")]
pub struct NoPlace {
    /// The table.
    pub table: TableId,
    /// Which of the session's joins is refused; a later one is not affected.
    pub join: u64,
}

/// A session leaves the table, or is gone. Its bets stand.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Leave {
    /// The session.
    pub session: SessionRef,
}

/// A player bets. The session has checked all that does not need the table.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Bet {
    /// The request.
    pub request: BetRequest,
    /// Its key and session.
    pub context: BetContext,
}

/// A player takes back all bets of the open round.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Clear {
    /// The request.
    pub request: ClearRequest,
    /// Its key and session.
    pub context: BetContext,
}

/// The last rounds of the table.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct GetRounds {
    /// The session.
    pub to: ReplyTo,
}

/// The last rounds of the table, newest first, which it has asked for; or why they cannot be read. Released by the gate behind
/// the records that they show.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct PastRoundsRead {
    /// The rounds.
    pub rounds: Result<Vec<PastRound>, Failure>,
}

/// An envelope's result, released by the gate: its record is on disk.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct Finished {
    /// The result.
    pub result: TxResult,
    /// The request it came from.
    pub request: Option<BetContext>,
}

/// Asks for the outcome of a player's key, behind the bets that are on their way: the question passes every table at
/// which the session may have one, then goes to the coordinator.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct AskOutcome {
    /// Tables still to pass.
    pub tables: Vec<TableId>,
    /// The question.
    pub ask: GetOutcome,
}
