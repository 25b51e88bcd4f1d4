//! Players' requests to a table, and its answers.

use games::BetCode;
use protocol::{ErrorCode, PlayerId};

use crate::{
    keys::{Content, TxId},
    turn::Envelope,
};

/// A request to bet, its amounts read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BetRequest {
    /// The transaction it will be.
    pub id: TxId,
    /// Its content.
    pub content: Content,
    /// The player.
    pub player: PlayerId,
    /// The round meant.
    pub round: u64,
    /// The bets: kind, numbers, stake in minor units.
    pub bets: Vec<(Box<str>, Vec<u8>, i128)>,
    /// The player's share in the randomness.
    pub seed: Option<Box<str>>,
}

/// A request to take back all bets of a player in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClearRequest {
    /// The transaction it will be.
    pub id: TxId,
    /// Its content.
    pub content: Content,
    /// The player.
    pub player: PlayerId,
    /// The round meant.
    pub round: u64,
}

/// Names a parked request. In the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(super) u64);

/// What a table says to a request at once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every request is decided at once; a box would only cost"
)]
pub enum Decision {
    /// It is decided, and to be submitted.
    Now(Envelope),
    /// Something undecided could change the decision. It comes out of [`LiveTable::next_decided`] with this ticket.
    ///
    /// [`LiveTable::next_decided`]: super::live::LiveTable::next_decided
    Parked(Ticket),
    /// As many are parked as may be. Nothing is decided: ask again.
    Busy,
}

impl Decision {
    /// What is to be submitted, when that is decided already.
    #[must_use]
    pub fn now(self) -> Option<Envelope> {
        match self {
            Decision::Now(envelope) => Some(envelope),
            Decision::Parked(_) | Decision::Busy => None,
        }
    }
}

/// What becomes of a parked request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "see Decision")]
pub enum Unparked {
    /// It is to be submitted.
    Submit(Envelope),
    /// It was a question: all that the player had asked before is submitted, and it may go on.
    GoOn,
}

/// A request as it is decided on.
#[derive(Debug)]
pub(super) enum Asked {
    Bet(Bet),
    Clear(ClearRequest),
    /// It is refused whatever the table's state; only its place behind the player's others matters.
    Refused {
        id: TxId,
        content: Content,
        code: ErrorCode,
    },
    /// What has become of a key.
    Question,
}

impl Asked {
    /// The transaction that it would be, and its content; a question is none.
    pub fn key(&self) -> Option<(TxId, Content)> {
        match self {
            Asked::Bet(Bet { id, content, .. })
            | Asked::Clear(ClearRequest { id, content, .. })
            | Asked::Refused { id, content, .. } => Some((*id, *content)),
            Asked::Question => None,
        }
    }
}

/// A request to bet, read by the rules of the game.
#[derive(Debug)]
pub(super) struct Bet {
    pub id: TxId,
    pub content: Content,
    pub round: u64,
    /// By code, each once, at least one.
    pub spots: Vec<Spot>,
    pub seed: Option<Box<str>>,
}

/// What a request stakes on one spot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub code: BetCode,
    /// Sum of the stakes, minor units.
    pub stake: i128,
    /// The smallest of them.
    pub smallest: i128,
    /// Smallest stake of a bet, and most of a player on the spot.
    pub limits: (i128, i128),
}
