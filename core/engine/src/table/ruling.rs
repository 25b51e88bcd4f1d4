//! The recorded rules of a table: the recipe and the row of a change, and whether bets keep them.
//!
//! The turn proves that the row is what the leg says; the auditor finds a bet that the recorded rules do not allow, and a
//! bet that was refused although they allow it.

use domains::{Intent, RowImage, recipes::SetRules, rules::RulesRow};
use games::Game;
use protocol::{ErrorCode, PlayerId, TableId};

use super::{
    OpenRound, PlayerBets, Stage, TableState,
    bounds::{REQUESTS_MAX, SPOTS_MAX},
    refused::{SpotAsked, TableAsked, TableRequest},
    rules::TableRules,
};

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

/// A rule of a table that a bet breaks. In the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The table has no such kind of bet.
    Kind,
    /// The smallest stake.
    Smallest,
    /// The requests of a round.
    Requests,
    /// The spots of a round.
    Spots,
    /// The seats.
    Seats,
    /// The most of a player on a spot.
    Spot,
    /// The most of a player in a round.
    Round,
}

impl Rule {
    /// The rule in words.
    pub fn text(self) -> &'static str {
        match self {
            Rule::Kind => "the kinds of bets",
            Rule::Smallest => "the smallest stake",
            Rule::Requests => "the most requests of a round",
            Rule::Spots => "the most spots of a round",
            Rule::Seats => "seats",
            Rule::Spot => "the most of a player on a spot",
            Rule::Round => "the most of a player in a round",
        }
    }

    /// The code with which a bet is refused that breaks the rule.
    fn code(self) -> ErrorCode {
        match self {
            Rule::Kind => ErrorCode::UnknownBet,
            Rule::Smallest => ErrorCode::BelowLimit,
            Rule::Requests | Rule::Spots | Rule::Seats => ErrorCode::TableFull,
            Rule::Spot | Rule::Round => ErrorCode::AboveLimit,
        }
    }
}

/// Whether the rules allow a player these bets in a round, beside the bets that stand. `game`: the game of the rules in
/// their version; `None` when it is not known, and then the limits of its kinds of bets are not asked.
///
/// # Errors
/// The first rule that does not.
pub(crate) fn keeps(
    rules: &TableRules,
    game: Option<&dyn Game>,
    open: &OpenRound,
    player: PlayerId,
    bets: &[SpotAsked],
) -> Result<(), Rule> {
    let limits = |code| match game {
        None => Ok(None),
        Some(game) => {
            let limits = game.describe(code).and_then(|bet| rules.limits.get(bet.kind_index));
            limits.map(Some).ok_or(Rule::Kind)
        }
    };
    for bet in bets {
        let stake_min = limits(bet.code)?.map_or(1, |limits| limits.stake_min);
        if bet.smallest < stake_min || bet.smallest <= 0 {
            return Err(Rule::Smallest);
        }
    }
    let standing = &open.bets;
    if standing.requests() >= REQUESTS_MAX {
        return Err(Rule::Requests);
    }
    if standing.spots() + bets.len() > SPOTS_MAX {
        return Err(Rule::Spots);
    }
    let stand = standing.players().get(&player).map(PlayerBets::stakes);
    if stand.is_none() && standing.players().len() >= rules.seats_max as usize {
        return Err(Rule::Seats);
    }
    for bet in bets {
        let on = stand.and_then(|stakes| stakes.get(&bet.code)).copied().unwrap_or(0);
        if limits(bet.code)?.is_some_and(|limits| on.saturating_add(bet.stake) > limits.spot_max) {
            return Err(Rule::Spot);
        }
    }
    let already = stand.into_iter().flat_map(|stakes| stakes.values());
    let staked = bets.iter().map(|bet| &bet.stake).chain(already);
    if staked.fold(0, |sum: i128, stake| sum.saturating_add(*stake)) > rules.round_max {
        return Err(Rule::Round);
    }
    Ok(())
}

/// Decides a request on the state of its table, with nothing under way. `game`: the game of the table's rules in their version;
/// `None` when it is not known, and then the limits of its kinds of bets are not asked.
///
/// # Errors
/// The code of the first rule that refuses it.
pub(crate) fn decide(
    request: &TableRequest,
    state: &TableState,
    game: Option<&dyn Game>,
    player: PlayerId,
) -> Result<(), ErrorCode> {
    if matches!(&request.asked, TableAsked::Bets(spots) if spots.is_empty()) {
        return Err(ErrorCode::NoBets);
    }
    if state.failed() {
        return Err(ErrorCode::TableClosed);
    }
    let open = state.open.as_deref().ok_or(ErrorCode::BetsClosed)?;
    if request.round > state.round {
        return Err(ErrorCode::WrongRound);
    }
    if request.round < state.round || open.stage != Stage::Betting || request.arrived >= open.deadline {
        return Err(ErrorCode::BetsClosed);
    }
    match (&request.asked, &state.rules) {
        (TableAsked::Clearing, _) => {
            open.bets.players().contains_key(&player).then_some(()).ok_or(ErrorCode::NoBets)
        }
        (TableAsked::Bets(spots), Some(rules)) => keeps(rules, game, open, player, spots).map_err(Rule::code),
        (TableAsked::Bets(_), None) => Ok(()),
    }
}
