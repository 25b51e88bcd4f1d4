//! The operator's settings of a table.

use super::rules::TableRules;

/// The configuration of a table. Tables with the same configuration share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableConfig {
    /// Name for people.
    pub name: String,
    /// All that bets and rounds are decided with.
    pub rules: TableRules,
    /// Most places at the table: a player with bets in the round takes one, and so does each session of anyone else.
    pub places_max: u32,
}
