//! The auditor of `hub verify`: replays records with the engine's own code, and checks more than the engine does.
//!
//! [`World::apply`] already refuses a domain's leg that does not fit and a notice with wrong funds. The auditor also
//! computes each transaction again, on the state before it, from the inputs in its record (the bets, the clearing, the
//! revealed seed). Every move and every notice must be the recorded one.

use domains::{
    Context, Intent, PlayerSettlement, StateMachine,
    recipes::{HoldStake, ReleaseStakes, RoundVoid, SettleRound, TableOnly},
};
use games::{DrawResult, Game};
use ledger::{HoldId, invariant};
use protocol::{ErrorCode, RoundId, TableId};

use crate::{
    invariant::step_has_its_name,
    keys::TxId,
    record::{Body, Committed, Formats, Record},
    table::{
        OpenRound, PlayerBets, TableLeg, TableState, draw, keeps, rules_intent, settlement, void_settlement,
    },
    turn::refusal,
    world::World,
};

/// What is wrong with a log, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Place of the record in the log.
    pub lsn: u64,
    /// What is wrong.
    pub what: String,
}

/// Finds the rules that a round was opened under: by the game's name and the version.
pub type FindGame = fn(&str, u16) -> Option<&'static dyn Game>;

/// Replays and checks a log from its first record.
#[derive(Debug)]
pub struct LogVerifier {
    rules: FindGame,
    formats: Formats,
    world: World,
    rounds: u64,
    draws: u64,
    closed: Vec<(TableId, u64)>,
}

impl Default for LogVerifier {
    fn default() -> Self {
        Self::with(games::rules)
    }
}

impl LogVerifier {
    /// A verifier with these rules of play.
    #[must_use]
    pub fn with(rules: FindGame) -> Self {
        Self {
            rules,
            formats: Formats::STANDARD,
            world: World::default(),
            rounds: 0,
            draws: 0,
            closed: Vec::new(),
        }
    }

    /// The same, for records with these recipes and kinds of rows and facts.
    #[must_use]
    pub fn reading(self, formats: Formats) -> Self {
        Self { formats, ..self }
    }

    /// The state so far.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Number of rounds that ended, and how many of them were drawn and checked.
    #[must_use]
    pub fn rounds(&self) -> (u64, u64) {
        (self.rounds, self.draws)
    }

    /// Tables that are out of play, each with the place of the first record that did not fit it or that quarantined it.
    /// Their money is proven like that of other tables, but a hub has written a record that it must not write.
    #[must_use]
    pub fn closed(&self) -> &[(TableId, u64)] {
        &self.closed
    }

    /// Checks and applies the next record.
    ///
    /// # Errors
    /// The first thing that is wrong. The state must not be used after that.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Record, Finding> {
        let lsn = self.world.books.lsn() + 1;
        let finding = |what: String| Finding { lsn, what };
        let record = Record::decode_with(bytes, &self.formats).map_err(|error| finding(error.to_string()))?;
        let committed = match &record.body {
            Body::Committed(committed) => committed,
            Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => {
                if let Body::Refused { id, intent: Some(intent), code, .. } = &record.body {
                    self.check_refused(*id, intent, *code, record.time).map_err(finding)?;
                }
                self.world.apply(&record).map_err(|error| finding(error.to_string()))?;
                return Ok(record);
            }
        };
        self.check_committed(committed, record.time).map_err(finding)?;
        let ending = self.ending(committed);
        self.world.apply(&record).map_err(|error| finding(error.to_string()))?;
        for hold in ending {
            let balance = self.world.books.domains().balance.ledger();
            invariant::has_ended(balance, hold).map_err(|violation| finding(violation.to_string()))?; // L3
        }
        if let Some((table, leg)) = &committed.table {
            self.rounds += u64::from(matches!(leg, TableLeg::Settled { .. } | TableLeg::Voided { .. }));
            self.draws += u64::from(matches!(leg, TableLeg::Settled { .. }));
            let failed = self.world.tables.get(table).is_some_and(TableState::failed);
            if failed && self.closed.iter().all(|(known, _)| known != table) {
                self.closed.push((*table, lsn));
            }
        }
        Ok(record)
    }

    /// The holds that a record must end: those that it clears, or those of the round that it ends.
    fn ending(&self, committed: &Committed) -> Vec<HoldId> {
        match &committed.table {
            Some((_, TableLeg::BetsCleared { holds, .. })) => holds.clone(),
            Some((table, TableLeg::Settled { .. } | TableLeg::Voided { .. })) => {
                let open = self.world.tables.get(table).and_then(|state| state.open.as_deref());
                open.into_iter()
                    .flat_map(|open| open.bets.players().values())
                    .flat_map(PlayerBets::holds)
                    .collect()
            }
            Some((
                _,
                TableLeg::Opened { .. }
                | TableLeg::BetPlaced { .. }
                | TableLeg::Locked { .. }
                | TableLeg::Ruled { .. }
                | TableLeg::Quarantined { .. },
            ))
            | None => Vec::new(),
        }
    }

    /// Checks every invariant on the state so far.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check(&self) -> Result<(), Finding> {
        let lsn = self.world.books.lsn();
        self.world.check().map_err(|violation| Finding { lsn, what: violation.to_string() })
    }

    /// Decides the recorded intent again, on the state before it, and compares the effects. A step of a table must have the
    /// intent that its table's state and leg give.
    fn check_committed(&self, committed: &Committed, time: u64) -> Result<(), String> {
        let name = committed.intent.name();
        let shares = match &committed.table {
            Some((table, leg)) => {
                let (intent, shares, keyed) = self.intent_of(*table, leg, committed)?;
                if committed.intent != intent {
                    return Err(format!("{name} is not what table {table} records"));
                }
                if committed.key.is_some() != keyed {
                    return Err(format!("{name} comes with a key, or without one, as it must not"));
                }
                shares
            }
            None => Vec::new(),
        };
        let (id, view) = (HoldId(committed.id.0), self.world.books.domains());
        let context = Context { now: time, id, view, shares: &shares };
        let effects = committed.intent.decide(&context).map_err(|(domain, rejection)| {
            format!("{name} breaks a rule of {}: {rejection}", domain.name())
        })?;
        if effects.notices != committed.notices {
            return Err(format!("{name} tells its players something else than it does"));
        }
        if effects.rows != committed.rows {
            return Err(format!("{name} changes other rows than it says"));
        }
        let recorded = committed.legs.iter().map(|(domain, leg)| (*domain, leg));
        if !effects.legs.iter().map(|(domain, drafted)| (*domain, &drafted.leg)).eq(recorded) {
            return Err(format!("{name} moves other money than it says"));
        }
        Ok(())
    }

    /// Decides a refused intent again: it must be refused for the recorded reason.
    fn check_refused(&self, id: TxId, intent: &Intent, code: ErrorCode, time: u64) -> Result<(), String> {
        let name = intent.name();
        let context = Context { now: time, id: HoldId(id.0), view: self.world.books.domains(), shares: &[] };
        match intent.decide(&context) {
            Ok(_) => Err(format!("{name} is refused, and nothing speaks against it")),
            Err((_, rejection)) if refusal(rejection) != code => {
                Err(format!("{name} is refused as {}, and the reason is: {rejection}", code.name()))
            }
            Err(_) => Ok(()),
        }
    }

    /// The intent that a table's leg must come from, the shares that the table's state gives it, and whether the record
    /// must have a client's key.
    fn intent_of(
        &self,
        table: TableId,
        leg: &TableLeg,
        committed: &Committed,
    ) -> Result<(Intent, Vec<PlayerSettlement>, bool), String> {
        let round = RoundId { table, number: leg.round() };
        step_has_its_name(table, leg, committed.id).map_err(|violation| violation.to_string())?; // E1
        let state = self.world.tables.get(&table);
        let plays_on =
            matches!(leg, TableLeg::Opened { .. } | TableLeg::Locked { .. } | TableLeg::Settled { .. });
        if plays_on && state.is_some_and(TableState::failed) {
            return Err(format!("round {round} goes on although an earlier record did not fit its table"));
        }
        let open = || {
            let state = state.filter(|state| state.round == round.number);
            state.and_then(|state| state.open.as_deref()).ok_or_else(|| format!("round {round} is not open"))
        };
        match leg {
            TableLeg::Ruled { change, rules } => {
                if let Some(number) = state.filter(|state| state.open.is_some()).map(|state| state.round) {
                    let round = RoundId { table, number };
                    return Err(format!("the rules of table {table} change while round {round} is open"));
                }
                if *change != state.map_or(0, |state| state.rules_changes) + 1 {
                    return Err(format!("change {change} of the rules of table {table} is not the next"));
                }
                Ok((rules_intent(table, rules), Vec::new(), false))
            }
            TableLeg::Opened { game, rules: version, currency, .. } => {
                let rules = state.and_then(|state| state.rules.as_deref());
                let opened = (&**game, *version, *currency);
                if rules.map(|rules| (&*rules.game, rules.rules_version, rules.currency)) != Some(opened) {
                    return Err(format!("round {round} is opened by other rules than its table's"));
                }
                Ok((TableOnly.into(), Vec::new(), false))
            }
            TableLeg::Locked { .. } | TableLeg::Quarantined { .. } => {
                Ok((TableOnly.into(), Vec::new(), false))
            }
            TableLeg::BetPlaced { player, hold, bets, .. } => {
                if TxId(hold.0) != committed.id {
                    return Err(format!("a bet of round {round} holds its stake under another name"));
                }
                if bets.iter().any(|(_, stake)| *stake <= 0) {
                    return Err(format!("a bet of round {round} stakes nothing"));
                }
                let open = open()?;
                if let Some(rules) = state.and_then(|state| state.rules.as_deref()) {
                    let game = (self.rules)(&rules.game, rules.rules_version);
                    keeps(rules, game, open, *player, bets).map_err(|rule| {
                        format!("a bet of round {round} breaks a rule of its table: {rule}")
                    })?;
                }
                let currency = open.currency;
                let amount = bets.iter().map(|(_, stake)| stake).sum();
                let intent = HoldStake { player: *player, round, currency, amount }.into();
                Ok((intent, Vec::new(), true))
            }
            TableLeg::BetsCleared { player, holds, .. } => {
                let currency = open()?.currency;
                let intent = ReleaseStakes { player: *player, round, currency, holds: holds.clone() }.into();
                Ok((intent, Vec::new(), true))
            }
            TableLeg::Settled { outcome, seed, returned, .. } => {
                let open = open()?;
                let players = expected(self.rules, round, open, *outcome, *seed)?;
                if players.iter().map(|player| player.returned).sum::<i128>() != *returned {
                    return Err(format!("round {round} returns another sum than its bets and outcome give"));
                }
                let (currency, outcome) = (open.currency, *outcome);
                Ok((SettleRound { round, currency, outcome }.into(), players, false))
            }
            TableLeg::Voided { .. } => {
                let open = open()?;
                Ok((RoundVoid { round, currency: open.currency }.into(), void_settlement(open), false))
            }
        }
    }
}

/// The payouts of a round, computed from the revealed seed and the recorded bets alone.
fn expected(
    rules: FindGame,
    round: RoundId,
    open: &OpenRound,
    outcome: u32,
    seed: [u8; 32],
) -> Result<Vec<PlayerSettlement>, String> {
    let game = rules(&open.game, open.rules).ok_or_else(|| {
        format!("version {} of the rules of {} is not known to this hub", open.rules, open.game)
    })?;
    let drawn = draw(game, round, open, seed).ok_or_else(|| {
        format!("the seed of round {round} is not the committed one, or bets are not closed")
    })?;
    if drawn.outcome != DrawResult(outcome) {
        return Err(format!("round {round} draws {}, the record says {outcome}", drawn.outcome.0));
    }
    settlement(game, open, drawn.outcome).ok_or_else(|| format!("a bet of round {round} is none of the game"))
}
