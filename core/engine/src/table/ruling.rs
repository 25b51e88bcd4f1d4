//! The recorded rules of a table: the recipe and the row of a change, and whether bets keep them.
//!
//! The turn proves that the row is what the leg says; the auditor finds a bet that the recorded rules do not allow.

use domains::{Intent, RowImage, recipes::SetRules, rules::RulesRow};
use games::{BetCode, Game};
use protocol::{PlayerId, TableId};

use super::{OpenRound, PlayerBets, rules::TableRules};

fn row(rules: &TableRules) -> RulesRow {
    RulesRow(rules.to_bytes().into())
}

/// What a change of a table's rules is to do.
pub(crate) fn rules_intent(table: TableId, rules: &TableRules) -> Intent {
    SetRules { of: table.as_str().as_bytes().into(), rules: row(rules) }.into()
}

/// The image of the row of a table's rules; `None` when the table's id is too long for a key.
pub(crate) fn rules_row(table: TableId, rules: &TableRules) -> Option<RowImage> {
    RowImage::of(table.as_str().as_bytes(), Some(&row(rules)))
}

/// Whether the rules allow a player these bets in a round, beside the bets that stand. `game`: the game of the rules in
/// their version; `None` when it is not known, and then the limits of its kinds of bets are not asked.
///
/// # Errors
/// The rule that does not.
pub(crate) fn keeps(
    rules: &TableRules,
    game: Option<&dyn Game>,
    open: &OpenRound,
    player: PlayerId,
    bets: &[(BetCode, i128)],
) -> Result<(), &'static str> {
    let stand = open.bets.players().get(&player).map(PlayerBets::stakes);
    if stand.is_none() && open.bets.players().len() >= rules.seats_max as usize {
        return Err("seats");
    }
    let already = stand.into_iter().flat_map(|stakes| stakes.values());
    let staked = bets.iter().map(|(_, stake)| stake).chain(already);
    if staked.fold(0, |sum: i128, stake| sum.saturating_add(*stake)) > rules.round_max {
        return Err("the most of a player in a round");
    }
    let Some(game) = game else { return Ok(()) };
    for (code, stake) in bets {
        let limits = game.describe(*code).and_then(|bet| rules.limits.get(bet.kind_index));
        let limits = limits.ok_or("the kinds of bets")?;
        let on = stand.and_then(|stakes| stakes.get(code)).copied().unwrap_or(0);
        if *stake < limits.stake_min {
            return Err("the smallest stake");
        }
        if on.saturating_add(*stake) > limits.spot_max {
            return Err("the most of a player on a spot");
        }
    }
    Ok(())
}
