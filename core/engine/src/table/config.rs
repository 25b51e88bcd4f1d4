//! The operator's settings of a table, and the bounds that no setting can raise.

use protocol::Currency;

/// What an operator sets for a table. Shared by tables that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableConfig {
    /// Name for people.
    pub name: String,
    /// The game, as the registry names it.
    pub game: String,
    /// The currency.
    pub currency: Currency,
    /// Decimals of the currency.
    pub scale: u32,
    /// How long bets are taken, milliseconds.
    pub betting_ms: u64,
    /// From the lock to the result, milliseconds.
    pub locked_ms: u64,
    /// From the result to the next round, milliseconds.
    pub pause_ms: u64,
    /// By bet kind, in the order of the game's kinds: the smallest stake of one bet, and the most one player may have on
    /// one spot of the kind in a round. Minor units.
    pub limits: Vec<(i128, i128)>,
    /// Most a player may stake in a round, minor units.
    pub round_max: i128,
    /// Most players with bets in a round.
    pub seats_max: u32,
    /// Most places at the table: a player with bets in the round takes one, and so does each session of anyone else.
    pub places_max: u32,
}

/// Most requests to bet that one round takes: its settlement is one record, and must stay far below the longest.
pub const REQUESTS_MAX: usize = 50_000;

/// Most requests that wait at one table for what is undecided. Each holds a permit as well; this keeps one table
/// from holding all of them.
pub const PARKED_MAX: usize = 4_096;

/// Most of them for one player.
pub const PARKED_PER_PLAYER_MAX: usize = 128;
