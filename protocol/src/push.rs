//! Pushes, the frames that answer no request: publications with their events, resets and the notice of a drain.

use serde::{Deserialize, Serialize};

use crate::{
    Amount, Channel, Currency, Open, Payload, RoundId, level::BalanceLevel, play::PlayView, reply::PlacedBet,
};

/// A frame that the hub sends without a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Push {
    /// A publication on a channel that the session is subscribed to.
    Pub(Pub),
    /// A channel starts a new epoch, and publications may be missing: load the state again.
    Reset {
        /// The channel.
        ch: Channel,
        /// The new epoch.
        e: String,
        /// Offset of the newest publication of that epoch.
        o: u64,
    },
    /// The hub drains: reconnect after the given time.
    Drain {
        /// When to reconnect, milliseconds from now; different for each client.
        reconnect_after_ms: u64,
    },
}

/// Fields of a publication.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pub {
    /// The channel.
    pub ch: Channel,
    /// Epoch; absent with the offset for an ephemeral publication, which no history keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// Offset, contiguous within the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub o: Option<u64>,
    /// The data.
    pub d: Payload,
}

/// The hub's own events, as the data of publications on `table:` and `player:` channels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ev", rename_all = "snake_case")]
pub enum Event {
    /// On `table:`. A round takes bets.
    RoundOpened {
        /// Number of the round.
        round: u64,
        /// Server time when betting closes, milliseconds.
        deadline: u64,
        /// Commitment to the seed, hexadecimal SHA-256.
        commit: String,
    },
    /// On `table:`. Bets are closed.
    BetsLocked {
        /// Number of the round.
        round: u64,
        /// Server time when the result is shown, milliseconds.
        deadline: u64,
        /// Sum of the stakes.
        staked: Amount,
        /// The players' mix, hexadecimal.
        mix: String,
    },
    /// On `table:`. The round is drawn and settled, in one step.
    RoundResult {
        /// Number of the round.
        round: u64,
        /// Server time of the next round, milliseconds.
        deadline: u64,
        /// The outcome, such as 17.
        outcome: u32,
        /// Commitment, hexadecimal.
        commit: String,
        /// The seed, hexadecimal.
        seed: String,
        /// The players' mix, hexadecimal.
        mix: String,
        /// Sum of the stakes.
        staked: Amount,
        /// Sum of what was returned, stakes included.
        returned: Amount,
    },
    /// On `table:`. The round is void, all stakes are returned.
    RoundVoided {
        /// Number of the round.
        round: u64,
        /// Why.
        reason: String,
    },
    /// On `table:`, ephemeral, at most a few a second: stakes on each spot, all players together.
    Chips {
        /// Number of the round.
        round: u64,
        /// The spots.
        spots: Vec<PlacedBet>,
        /// Sessions at the table.
        players: u32,
    },
    /// On `player:`. The balance after a change.
    Balance {
        /// Place in the log.
        lsn: u64,
        /// The currency.
        currency: Currency,
        /// What can be staked.
        available: Amount,
        /// Stakes held in open rounds.
        held: Amount,
        /// What changed it.
        reason: Open<BalanceReason>,
        /// The play session after it, when the change was one of it: a stake.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        play: Option<PlayView>,
        /// What the balance is by the operator's thresholds, when the change has crossed one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        level: Option<Open<BalanceLevel>>,
    },
    /// On `player:`. A round with the player's bets is over.
    BetSettled {
        /// Place in the log.
        lsn: u64,
        /// The round.
        round: RoundId,
        /// What the player staked.
        staked: Amount,
        /// What came back, stakes included.
        returned: Amount,
        /// The outcome; absent for a void round.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<u32>,
        /// The currency.
        currency: Currency,
        /// Available balance after it.
        available: Amount,
        /// Held balance after it.
        held: Amount,
        /// The play session after it, when one goes on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        play: Option<PlayView>,
        /// What the balance is by the operator's thresholds, when the change has crossed one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        level: Option<Open<BalanceLevel>>,
    },
}

/// What changed a balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BalanceReason {
    /// Money came in.
    Deposit,
    /// A stake is held.
    Stake,
    /// Stakes are given back before the lock.
    Release,
    /// A service paid.
    Credit,
    /// A service took.
    Debit,
    /// A hold has ended by itself.
    Expired,
    /// A service holds money.
    Held,
    /// A service took what it held, or a part of it.
    Captured,
    /// A service gave back what it held.
    Freed,
    /// Winnings of a game that is played elsewhere were paid.
    Winnings,
}
