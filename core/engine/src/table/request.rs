//! Players' requests to a table, and the table's answers.

use games::{BetCode, fair::Share};
use protocol::{ErrorCode, PlayerId};

use super::rules::BetLimits;
use crate::{content::Content, turn::Envelope, tx_id::TxId};

/// A request to bet, with its amounts in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BetRequest {
    /// The id of its transaction.
    pub id: TxId,
    /// The fingerprint of its content.
    pub content: Content,
    /// The player.
    pub player: PlayerId,
    /// The round that it is for.
    pub round: u64,
    /// The bets: kind, numbers, stake in minor units.
    pub bets: Vec<(Box<str>, Vec<u8>, i128)>,
    /// The player's share in the randomness, when the request gives one.
    pub share: Option<Share>,
}

/// A request to take back all bets of a player in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClearRequest {
    /// The id of its transaction.
    pub id: TxId,
    /// The fingerprint of its content.
    pub content: Content,
    /// The player.
    pub player: PlayerId,
    /// The round that it is for.
    pub round: u64,
}

/// Identifies a parked request. Tickets are in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(super) u64);

/// The immediate answer of a table to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every request is decided at once; a box would only cost"
)]
pub enum Decision {
    /// It is decided: the envelope is to be submitted.
    Now(Envelope),
    /// Undecided requests could change the decision. [`LiveTable::next_decided`] returns it later, with this ticket.
    ///
    /// [`LiveTable::next_decided`]: super::live::LiveTable::next_decided
    Parked(Ticket),
    /// Too many requests are parked. Nothing is decided: the client may try again.
    Busy,
}

impl Decision {
    /// The envelope to submit, when the request is decided already.
    #[must_use]
    pub fn now(self) -> Option<Envelope> {
        match self {
            Decision::Now(envelope) => Some(envelope),
            Decision::Parked(_) | Decision::Busy => None,
        }
    }
}

/// Where a question about a key goes from a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Nothing of its player is parked here: all that was asked before is on its way to the money.
    GoOn,
    /// It waits behind what its player has parked. It comes out of [`LiveTable::next_decided`] with this ticket.
    ///
    /// [`LiveTable::next_decided`]: super::live::LiveTable::next_decided
    Parked(Ticket),
    /// It would have to wait, and as many wait as may: ask again. It must not go on: what it asks for may still be
    /// carried out.
    Busy,
}

/// The decision on a parked request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "see Decision")]
pub enum Unparked {
    /// The envelope is to be submitted.
    Submit(Envelope),
    /// It was a question about a key: all earlier requests of the player are submitted, so it can be answered now.
    GoOn,
}

/// A request in the form in which it is decided.
#[derive(Debug)]
pub(super) enum Asked {
    Bet(Bet),
    Clear(ClearRequest),
    /// It is refused, whatever the table's state. It only keeps its place after the player's other requests.
    Refused {
        id: TxId,
        content: Content,
        code: ErrorCode,
        /// The round, when it was a request to bet; its spots are none.
        round: Option<u64>,
    },
    /// The question what the outcome of a key is.
    Question,
}

impl Asked {
    /// The id of its transaction, and its content; `None` for a question.
    pub fn key(&self) -> Option<(TxId, Content)> {
        match self {
            Asked::Bet(Bet { id, content, .. })
            | Asked::Clear(ClearRequest { id, content, .. })
            | Asked::Refused { id, content, .. } => Some((*id, *content)),
            Asked::Question => None,
        }
    }
}

/// A request to bet, parsed by the rules of the game.
#[derive(Debug)]
pub(super) struct Bet {
    pub id: TxId,
    pub content: Content,
    pub round: u64,
    /// The spots in the order of their codes, each once; at least one.
    pub spots: Vec<Spot>,
    pub share: Option<Share>,
}

/// What a request stakes on one spot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub code: BetCode,
    /// Sum of the stakes, minor units.
    pub stake: i128,
    /// The smallest of the stakes, minor units.
    pub smallest: i128,
    /// The limits of its kind.
    pub limits: BetLimits,
}
