//! Views of a table. They are made in this file only, so that no other code can show what a seat may not see.

use std::collections::{BTreeMap, VecDeque};

use base16ct::lower::encode_string;
use channels::Epoch;
use engine::table::live::LiveTable;
use games::BetCode;
use protocol::{
    Amount, ErrorCode, PlayerId,
    reply::{PastRound, Phase, PlacedBet, TableView},
};

/// The table as everyone may see it, at the newest position of its channel.
pub fn view(
    live: &LiveTable,
    past: &VecDeque<engine::table::PastRound>,
    epoch: &Epoch,
    phase: Phase,
    players: u32,
) -> Option<TableView> {
    let (config, rules, state) = (live.config(), live.table_rules(), live.state());
    let amount = |minor| Amount::from_minor(minor, rules.scale).ok();
    let mut limits = BTreeMap::new();
    for (kind, of_kind) in live.game().kinds().iter().zip(&rules.limits) {
        limits.insert((*kind).to_string(), (amount(of_kind.stake_min)?, amount(of_kind.spot_max)?));
    }
    Some(TableView {
        table: live.id(),
        name: config.name.clone(),
        game: rules.game.to_string(),
        currency: rules.currency,
        scale: rules.scale,
        e: epoch.to_string(),
        o: state.events,
        phase: phase.into(),
        round: state.round,
        deadline: match (&state.open, phase) {
            (Some(open), _) => Some(open.deadline),
            (None, Phase::Settled) => Some(state.next_at),
            (None, _) => None,
        },
        commit: state.open.as_ref().map(|open| encode_string(&open.commit)),
        limits,
        round_max: amount(rules.round_max)?,
        spots: spots(live),
        players,
        history: past_rounds(past),
    })
}

/// Sum of the stakes on each spot.
pub fn spots(live: &LiveTable) -> Vec<PlacedBet> {
    let open = live.state().open.as_ref();
    placed(live, open.into_iter().flat_map(|open| open.bets.stakes()))
}

/// A player's own bets.
pub fn bets_of(live: &LiveTable, player: PlayerId) -> Vec<PlacedBet> {
    let bets = live.state().open.as_ref().and_then(|open| open.bets.players().get(&player));
    placed(live, bets.into_iter().flat_map(|bets| bets.stakes()))
}

fn placed<'a>(live: &LiveTable, stakes: impl IntoIterator<Item = (&'a BetCode, &'a i128)>) -> Vec<PlacedBet> {
    let bet = |(code, stake): (&BetCode, &i128)| {
        let described = live.rules().describe(*code)?;
        let a = Amount::from_minor(*stake, live.table_rules().scale).ok()?;
        Some(PlacedBet { kind: described.kind.into(), n: described.numbers.to_vec(), a })
    };
    stakes.into_iter().filter_map(bet).collect()
}

/// The last rounds, with all that is needed to check them.
pub fn past_rounds(past: &VecDeque<engine::table::PastRound>) -> Vec<PastRound> {
    let past = past.iter().map(|past| PastRound {
        round: past.number,
        time: past.time,
        outcome: past.drawn.map(|drawn| drawn.outcome),
        commit: encode_string(&past.commit),
        seed: past.drawn.map(|drawn| encode_string(&drawn.seed)),
        mix: past.drawn.map(|drawn| encode_string(&drawn.mix)),
    });
    past.collect()
}

/// The limits of a table as a sentence, for refusals that are about them.
pub fn limits_in_words(live: &LiveTable, code: ErrorCode) -> Option<String> {
    let rules = live.table_rules();
    let amount = |minor| Amount::from_minor(minor, rules.scale).map(|amount| amount.to_string()).ok();
    match code {
        ErrorCode::BelowLimit => {
            let smallest = amount(rules.limits.iter().map(|limits| limits.stake_min).min()?)?;
            Some(format!(
                "a stake is below the table's minimum for one bet of its kind; the smallest is {smallest} {}",
                rules.currency
            ))
        }
        ErrorCode::AboveLimit => Some(format!(
            "with your bets that stand, the stake is above the table's maximum for this spot, or above {} {} for the round",
            amount(rules.round_max)?,
            rules.currency
        )),
        _ => None,
    }
}
