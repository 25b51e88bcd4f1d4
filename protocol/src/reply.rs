//! Replies of the hub. Each carries the id of its request.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Amount, Channel, Code, Currency, ErrorCode, Key, Open, Payload, PlayerId, Retry, RoundId, TableId, U53,
    level::BalanceLevel,
    limits::{LimitHit, LimitState},
    play::PlayView,
};

/// A reply. On the wire: one flat map, `t` names the variant, `id` the request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Reply {
    /// To `hello`.
    Welcome(Welcome),
    /// To `ping`.
    Pong {
        /// Server time, milliseconds since 1970.
        time: u64,
        /// The newest position of each of the session's channels. A client that has an older one missed publications.
        tops: BTreeMap<String, (String, u64)>,
    },
    /// To `subscribe`.
    Subscribed(Subscribed),
    /// To `unsubscribe`.
    Unsubscribed {
        /// The channel.
        ch: Channel,
    },
    /// To `join_table`.
    Joined {
        /// The table as everyone may see it.
        view: TableView,
        /// The player's own bets of this round.
        bets: Vec<PlacedBet>,
    },
    /// To `leave_table`.
    Left {
        /// The table.
        table: TableId,
    },
    /// To `list_tables`.
    Tables {
        /// The tables, by id.
        tables: Vec<TableSummary>,
    },
    /// To `place_bet`: the stake is held and the bet is on disk.
    BetAccepted(Receipt),
    /// To `clear_bets`: the stakes are released.
    BetsCleared(Receipt),
    /// To `exclude`, `reinstate` and `acknowledge`: it is on disk, and in force.
    Changed {
        /// The key.
        key: Key,
        /// Place in the log.
        lsn: u64,
    },
    /// To `get_balance`.
    Balances {
        /// Place in the log of these balances: every record up to it is included, none after it. 0 from an earlier
        /// hub, which does not send it.
        #[serde(default)]
        lsn: u64,
        /// One for each currency the player has an account in.
        balances: Vec<Balance>,
        /// The exclusion from play that stands; absent when the player may play.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exclusion: Option<Excluded>,
        /// The play session that goes on; absent when none does, or when none are kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        play: Option<PlayView>,
        /// The limits of the player; absent without any.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        limits: Vec<LimitState>,
    },
    /// To `get_history` with a table: newest first.
    TableHistory {
        /// The table.
        table: TableId,
        /// The last rounds.
        rounds: Vec<PastRound>,
    },
    /// To `get_history` without a table: newest first.
    PlayerHistory {
        /// The player's last settled rounds.
        results: Vec<PlayerResult>,
    },
    /// To `get_outcome`.
    Outcome {
        /// The key.
        key: Key,
        /// What became of it.
        outcome: KeyOutcome,
    },
    /// The request was not carried out.
    Error(Failure),
}

impl Reply {
    /// Every name a reply can have in `t`.
    pub const KINDS: &[&str] = &[
        "welcome",
        "pong",
        "subscribed",
        "unsubscribed",
        "joined",
        "left",
        "tables",
        "bet_accepted",
        "bets_cleared",
        "changed",
        "balances",
        "table_history",
        "player_history",
        "outcome",
        "error",
    ];
}

/// A reply with the id of its request, as it stands in a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplyFrame {
    /// The request's id; absent when the request could not be read far enough to know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<U53>,
    /// The reply.
    #[serde(flatten)]
    pub reply: Reply,
}

/// Fields of `welcome`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    /// The player's id.
    pub player: PlayerId,
    /// Server time, milliseconds since 1970.
    pub time: u64,
    /// The hub's version.
    pub version: String,
    /// How often the client should `ping`, milliseconds.
    pub ping_every_ms: u64,
    /// The personal channel; the session is already subscribed to it.
    pub personal: Subscribed,
    /// The channels of `resume`, in order; those that cannot be subscribed to any more are left out.
    pub resumed: Vec<Subscribed>,
    /// The play session that goes on, as of the position of the personal channel: the events after it say what becomes of it.
    /// Absent when none does, or when none are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub play: Option<PlayView>,
}

/// Result of a subscription: publications are delivered from this position on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subscribed {
    /// The channel.
    pub ch: Channel,
    /// Epoch of the channel's positions.
    pub e: String,
    /// Offset of its newest publication.
    pub o: u64,
    /// Whether `pubs` is all that was missed since the position given. `false`: load the state again.
    pub recovered: bool,
    /// What was missed, oldest first.
    pub pubs: Vec<Missed>,
}

/// A publication that was missed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Missed {
    /// Offset.
    pub o: u64,
    /// Data.
    pub d: Payload,
}

/// A table in the lobby.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableSummary {
    /// The table.
    pub table: TableId,
    /// Its name for people.
    pub name: String,
    /// The game.
    pub game: String,
    /// The currency it plays in.
    pub currency: Currency,
    /// Smallest stake of any bet.
    pub min: Amount,
    /// Most a player may stake in a round.
    pub max: Amount,
    /// How many sessions are at the table.
    pub players: u32,
    /// What the round does now.
    pub phase: Open<Phase>,
}

/// What a table's round does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// No round; the next opens when a session joins.
    Idle,
    /// Bets are taken until the deadline.
    Betting,
    /// Bets are closed, the draw is on its way.
    Locked,
    /// The round is settled; a pause before the next.
    Settled,
    /// Out of play after a fault.
    Closed,
}

/// A table as everyone may see it, at a position of its channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableView {
    /// The table.
    pub table: TableId,
    /// Its name for people.
    pub name: String,
    /// The game.
    pub game: String,
    /// The currency it plays in.
    pub currency: Currency,
    /// Decimals of the currency.
    pub scale: u32,
    /// Epoch of the channel position this view holds at.
    pub e: String,
    /// Offset of that position: a subscription from here on misses nothing.
    pub o: u64,
    /// What the round does now.
    pub phase: Open<Phase>,
    /// Number of the round, 0 before the first.
    pub round: u64,
    /// When the phase ends, server time in milliseconds; absent when idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<u64>,
    /// Commitment to the round's seed, hexadecimal SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// By bet kind: the smallest stake of one bet, and the most one player may have on one spot in a round.
    pub limits: BTreeMap<String, (Amount, Amount)>,
    /// Most a player may stake in a round.
    pub round_max: Amount,
    /// Sum of the stakes on each spot, all players together.
    pub spots: Vec<PlacedBet>,
    /// Sessions at the table.
    pub players: u32,
    /// The last rounds, newest first.
    pub history: Vec<PastRound>,
}

/// A bet of the open round, or the sum of the stakes on a spot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedBet {
    /// Kind.
    pub kind: String,
    /// Numbers of the selection.
    pub n: Vec<u8>,
    /// Stake.
    pub a: Amount,
}

/// The answer to a request that changed something. A retry with the same key gets the same receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The key.
    pub key: Key,
    /// Place in the log.
    pub lsn: u64,
    /// The round.
    pub round: RoundId,
    /// What was staked, or given back.
    pub amount: Amount,
    /// The currency.
    pub currency: Currency,
    /// Available balance after it.
    pub available: Amount,
    /// Held balance after it.
    pub held: Amount,
}

/// A balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// The currency.
    pub currency: Currency,
    /// What can be staked.
    pub available: Amount,
    /// Stakes held in open rounds.
    pub held: Amount,
    /// What it is by the operator's thresholds; absent when it is between them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Open<BalanceLevel>>,
}

/// An exclusion from play.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// `time_out`, `self_exclusion`, or `cooling_off` of a player who comes back.
    pub kind: String,
    /// Its end, server time in milliseconds: a self-exclusion stands until the player comes back after it. Absent for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

/// A round that is over, with all that is needed to check its randomness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastRound {
    /// Number of the round.
    pub round: u64,
    /// When it was settled, server time in milliseconds.
    pub time: u64,
    /// The outcome as the game names it, such as `17`; absent for a void round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<u32>,
    /// Commitment, hexadecimal.
    pub commit: String,
    /// The seed, hexadecimal; absent for a void round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
    /// The players' mix, hexadecimal; absent for a void round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mix: Option<String>,
}

/// One settled round of a player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayerResult {
    /// The round.
    pub round: RoundId,
    /// When, server time in milliseconds.
    pub time: u64,
    /// The currency.
    pub currency: Currency,
    /// What the player staked.
    pub staked: Amount,
    /// What came back, stakes included.
    pub returned: Amount,
    /// The outcome; absent for a void round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<u32>,
}

/// What became of a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum KeyOutcome {
    /// It was carried out.
    Accepted {
        /// The receipt, the same as the first time.
        receipt: Receipt,
    },
    /// It was refused, and stays refused.
    Refused {
        /// Why.
        code: Code,
        /// Why, in words.
        name: String,
    },
    /// It was carried out, and moved no money, as an exclusion.
    Changed {
        /// Place in the log, the same as the first time.
        lsn: u64,
    },
    /// Nothing is recorded under the key: the request had no effect.
    Unknown,
    /// A status of a later hub: the outcome counts as unknown. This release never sends it.
    #[serde(other)]
    Other,
}

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "ReadFailure")]
pub struct Failure {
    /// The code.
    pub code: Code,
    /// The code's name.
    pub name: String,
    /// A sentence for people.
    pub message: String,
    /// What to do next. A word of a later hub that is not known here is replaced by the advice of the code's range.
    pub retry: Retry,
    /// Not before this many milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The limit that refuses it, with [`ErrorCode::LimitReached`]. Absent when an earlier request was refused so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reached: Option<Box<LimitHit>>,
    /// `false`: nothing is recorded under the request's key, which may be used again. Absent where the code's range
    /// says enough.
    #[serde(rename = "final", skip_serializing_if = "Option::is_none")]
    pub is_final: Option<bool>,
    /// The play session, when the refusal is about it: `reality_check_due`, `start_too_soon`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub play: Option<Box<PlayView>>,
}

/// A [`Failure`] as any hub may write it.
#[derive(Deserialize)]
struct ReadFailure {
    code: Code,
    #[serde(default)]
    name: String,
    #[serde(default)]
    message: String,
    retry: Option<Open<Retry>>,
    retry_after_ms: Option<u64>,
    reached: Option<Box<LimitHit>>,
    #[serde(rename = "final")]
    is_final: Option<bool>,
    play: Option<Box<PlayView>>,
}

impl From<ReadFailure> for Failure {
    fn from(read: ReadFailure) -> Self {
        let ReadFailure { code, name, message, retry, retry_after_ms, reached, is_final, play } = read;
        let retry = retry.and_then(|word| word.known()).unwrap_or(code.retry());
        Self { code, name, message, retry, retry_after_ms, reached, is_final, play }
    }
}

impl Failure {
    /// A failure with the code's own sentence.
    #[must_use]
    pub fn of(code: ErrorCode) -> Self {
        Self::with(code, code.text())
    }

    /// A failure with a more exact sentence.
    #[must_use]
    pub fn with(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            name: code.name().into(),
            message: message.into(),
            retry: code.retry(),
            retry_after_ms: None,
            reached: None,
            is_final: None,
            play: None,
        }
    }

    /// Adds the limit that refuses it.
    #[must_use]
    pub fn reaching(mut self, reached: Option<LimitHit>) -> Self {
        self.reached = reached.map(Box::new);
        self
    }

    /// Adds that the request's key is not used up: nothing is recorded under it.
    #[must_use]
    pub fn not_final(mut self) -> Self {
        self.is_final = Some(false);
        self
    }

    /// Adds when to try again, milliseconds from now.
    #[must_use]
    pub fn after_ms(mut self, milliseconds: u64) -> Self {
        self.retry_after_ms = Some(milliseconds);
        self
    }
}
