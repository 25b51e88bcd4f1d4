//! The operator's settings of a table, and the bounds that no setting can raise.

use protocol::Currency;

/// The configuration of a table. Tables with the same configuration share one.
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
    /// From the opening to the end of betting, milliseconds.
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

/// Most requests to bet in one round. Its settlement is one record, which must stay far below the largest size.
pub const REQUESTS_MAX: usize = 50_000;

/// Most requests parked at one table. Each also holds a permit; this bound keeps one table from using all permits.
pub const PARKED_MAX: usize = 4_096;

/// Most requests parked for one player at one table.
pub const PARKED_PER_PLAYER_MAX: usize = 128;
