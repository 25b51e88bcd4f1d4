//! Currencies, tables and their limits: as an operator writes them, and as the hub uses them.

use std::{collections::BTreeMap, sync::Arc};

use protocol::{Amount, Currency, TableId};
use serde::{Deserialize, Serialize};

/// The games there are, the newest version of their rules, and their bet kinds, in the order of the games' own lists:
/// (`"roulette"`, 1, `["straight", …]`).
pub type Catalogue<'a> = &'a [(&'static str, u16, &'static [&'static str])];

/// The limits of every kind that a table does not name.
pub const ANY_KIND: &str = "any";

/// A currency that accounts may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurrencyOptions {
    /// Its code, such as `EUR`.
    pub code: Currency,
    /// Its decimals; 0..=8. Recorded in the log; it can never change once there is an account in the currency.
    pub scale: u32,
}

/// A table, or `copies` alike, as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableOptions {
    /// Its id, for ever: rounds are named by it. With copies, `-1`, `-2`, … is added.
    pub id: TableId,
    /// What players read; with copies the number is added.
    pub name: String,
    /// The game played.
    pub game: String,
    /// The currency of its bets, one of `currencies`.
    pub currency: Currency,
    /// How many tables alike. 1..=1_000_000.
    #[serde(default = "one")]
    pub copies: u32,
    /// Seats: most players with bets in a round. 1..=10_000.
    #[serde(default = "seats")]
    pub seats_max: u32,
    /// Places beyond the seats: a player with bets takes one of all, every session of anybody else one. 0..=1_000_000.
    #[serde(default = "spectators")]
    pub spectators_max: u32,
    /// How long bets are taken. Milliseconds; 100..=3_600_000.
    #[serde(default = "betting")]
    pub betting_ms: u32,
    /// From "no more bets" to the result: the spin. Milliseconds; 0..=600_000.
    #[serde(default = "locked")]
    pub locked_ms: u32,
    /// From the result to the next round. Milliseconds; 0..=600_000.
    #[serde(default = "pause")]
    pub pause_ms: u32,
    /// Most one player may stake in one round, over all its bets.
    pub player_round_max: Amount,
    /// Smallest stake of one bet and most of a player on one spot in a round, by bet kind; `any` holds for the kinds not
    /// named.
    pub limits: BTreeMap<String, Limit>,
}

/// Smallest stake of one bet, and most that one player may have on one spot in a round; both allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Smallest.
    pub min: Amount,
    /// Most on one spot.
    pub max: Amount,
}

fn one() -> u32 {
    1
}
fn seats() -> u32 {
    100
}
fn spectators() -> u32 {
    10_000
}
fn betting() -> u32 {
    20_000
}
fn locked() -> u32 {
    6_000
}
fn pause() -> u32 {
    4_000
}

/// The built-in currencies.
pub(super) fn default_currencies() -> Vec<CurrencyOptions> {
    ["EUR", "USD"].map(|code| CurrencyOptions { code: code.parse().expect("a currency"), scale: 2 }).into()
}

/// The built-in tables: a slow one and a fast one.
pub(super) fn default_tables() -> Vec<TableOptions> {
    let amount = |minor| Amount::from_minor(minor, 2).expect("a small amount");
    let limit = |min, max| Limit { min: amount(min), max: amount(max) };
    let roulette = |id: &str, name: &str| TableOptions {
        id: id.parse().expect("a table id"),
        name: name.into(),
        game: "roulette".into(),
        currency: "EUR".parse().expect("a currency"),
        copies: one(),
        seats_max: seats(),
        spectators_max: spectators(),
        betting_ms: betting(),
        locked_ms: locked(),
        pause_ms: pause(),
        player_round_max: amount(200_000),
        limits: [(ANY_KIND.to_owned(), limit(50, 50_000)), ("straight".to_owned(), limit(50, 10_000))].into(),
    };
    let classic = roulette("roulette-1", "Roulette");
    let fast = TableOptions {
        betting_ms: 10_000,
        locked_ms: 4_000,
        pause_ms: 2_000,
        ..roulette("roulette-2", "Fast roulette")
    };
    vec![classic, fast]
}

/// One table, checked and counted in minor units of its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its id.
    pub id: TableId,
    /// What players read.
    pub name: String,
    /// The game played, as in the catalogue.
    pub game: &'static str,
    /// The newest version of the game's rules, as in the catalogue: rounds are opened under it.
    pub rules_version: u16,
    /// The currency of its bets.
    pub currency: Currency,
    /// The currency's decimals.
    pub scale: u32,
    /// Most players with bets.
    pub seats_max: u32,
    /// Places beyond the seats; see [`TableOptions::spectators_max`].
    pub spectators_max: u32,
    /// How long bets are taken, milliseconds.
    pub betting_ms: u32,
    /// From "no more bets" to the result, milliseconds.
    pub locked_ms: u32,
    /// From the result to the next round, milliseconds.
    pub pause_ms: u32,
    /// Most one player may stake in one round, minor units.
    pub player_round_max: i128,
    /// Limits by bet kind, in the order of the game's kinds. Shared by copies.
    pub limits: Arc<[KindLimit]>,
}

/// Limits of one bet kind, minor units, both ends allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindLimit {
    /// The kind, as the game spells it.
    pub kind: &'static str,
    /// Smallest stake of one bet.
    pub min: i128,
    /// Most that one player may have on one spot in a round.
    pub max: i128,
}
