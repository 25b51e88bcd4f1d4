//! The level re-decide: what was asked is decided again on the state before the record, and compared with the record.
//!
//! A transaction is decided by its recipe in the recorded revision; what a table adds (the shares of a round's players, the
//! limits of a bet) follows from the table's state, the revealed seed and the recorded rules. A refusal by a domain is decided
//! in the same way. A refusal by a table is decided on the table's state at its place in the log, by the recorded rules and
//! the recorded time of arrival.

use domains::{
    Context, Intent, PlayerSettlement, Principal, PrincipalKind,
    recipe::Known,
    recipes::{HoldStake, ReleaseStakes, RoundVoid, SettleRound, TableOnly},
    rows::{RowImage, RowKind},
};
use games::{BetCode, DrawResult, Game};
use ledger::{HoldId, codec::DecodeError};
use protocol::{ErrorCode, PlayerId, RoundId, TableId};

use super::tally::Undecided;
use crate::{
    invariant::step_has_its_name,
    record::{Body, Committed, Record, RefusedRequest},
    table::{
        Grounds, OpenRound, SpotAsked, TableLeg, TableRequest, TableState, decide, draw, keeps, rules_intent,
        settlement, void_settlement,
    },
    turn::refusal,
    tx_id::TxId,
    world::World,
};

/// What was decided again, by its name in reports and its revision; or why nothing was: `None` when nothing in the record was
/// decided.
pub(super) type Decided = Result<(&'static str, u16), Option<Undecided>>;

/// Finds the rules that a round was opened under: by the game's name and the version.
pub type FindGame = fn(&str, u16) -> Option<&'static dyn Game>;

/// Decides records again on the state before them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decider<'a> {
    /// The rules of play.
    pub rules: FindGame,
    /// The kinds of rows that are known.
    pub rows: &'a [RowKind],
    /// The state before the record.
    pub world: &'a World,
}

impl Decider<'_> {
    /// Decides a record again.
    ///
    /// # Errors
    /// How the decision differs from the record.
    pub fn decide(&self, record: &Record) -> Result<Decided, String> {
        match &record.body {
            Body::Committed(committed) => self.transaction(committed, record.time),
            Body::Refused { id, principal, code, refused: RefusedRequest::ByDomain(intent), .. } => {
                self.refused_intent((*id, *principal), intent, *code, record.time)
            }
            Body::Refused { principal, code, refused: RefusedRequest::ByTable(request), .. } => {
                self.refused_request(*principal, request, *code, record.time)
            }
            Body::Digest(_) | Body::Fact(_) => Ok(Err(None)),
        }
    }

    /// Decides the recorded intent again, on the state before it, and compares the effects. A step of a table must have the
    /// intent that its table's state and leg give.
    fn transaction(&self, committed: &Committed, time: u64) -> Result<Decided, String> {
        let name = committed.intent.name();
        if let Some(unknown) = unknown(&committed.intent) {
            return Ok(Err(Some(unknown)));
        }
        // A known recipe changes rows of known kinds, unless its release is later and has not raised its revision.
        let of_unknown_kind = |row: &&RowImage| self.rows.iter().all(|kind| kind.number != row.key.kind());
        if let Some(row) = committed.rows.iter().find(of_unknown_kind) {
            return Err(DecodeError::RowKind(row.key.kind()).to_string());
        }
        if let Some((table, TableLeg::Settled { .. })) = &committed.table
            && let Some(unknown) = self.unknown_rules(*table)
        {
            return Ok(Err(Some(unknown)));
        }
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
        let principal = committed.principal;
        let context = Context { now: time, id, principal, view, shares: &shares };
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
        Ok(Ok((name, committed.intent.known().revision)))
    }

    /// Decides a refused intent again: it must be refused for the recorded reason.
    fn refused_intent(
        &self,
        (id, principal): (TxId, Principal),
        intent: &Intent,
        code: ErrorCode,
        time: u64,
    ) -> Result<Decided, String> {
        let name = intent.name();
        if let Some(unknown) = unknown(intent) {
            return Ok(Err(Some(unknown)));
        }
        let (id, view) = (HoldId(id.0), self.world.books.domains());
        let context = Context { now: time, id, principal, view, shares: &[] };
        match intent.decide(&context) {
            Ok(_) => Err(format!("{name} is refused, and nothing speaks against it")),
            Err((_, rejection)) if refusal(rejection) != code => {
                Err(format!("{name} is refused as {}, and the reason is: {rejection}", code.name()))
            }
            Err(_) => Ok(Ok((name, intent.known().revision))),
        }
    }

    /// Decides a request that a table refused again: it must be refused with the recorded code, unless the refusal does not
    /// follow from the log alone.
    fn refused_request(
        &self,
        principal: Principal,
        request: &TableRequest,
        code: ErrorCode,
        time: u64,
    ) -> Result<Decided, String> {
        let TableRequest { table, grounds, .. } = *request;
        let name = request.name();
        if principal.kind() != PrincipalKind::Player {
            return Err(format!("{name} at table {table} is of nobody who could play"));
        }
        if request.arrived > time {
            return Err(format!("{name} at table {table} arrived after it was refused"));
        }
        let nothing = TableState::default();
        let state = self.world.tables.get(&table).unwrap_or(&nothing);
        let game = state.rules.as_deref().and_then(|rules| (self.rules)(&rules.game, rules.rules_version));
        let player = PlayerId(principal.id());
        match (decide(request, state, game, player), grounds) {
            (Err(found), _) if found == code => Ok(Ok((name, request.revision()))),
            (_, Grounds::Fault) => Ok(Err(Some(Undecided::Fault))),
            (_, Grounds::Configuration) => Ok(Err(Some(Undecided::Configuration))),
            // The table decided before it had applied the record that did not fit it.
            (_, Grounds::Log) if state.failed() => Ok(Err(Some(Undecided::Failed))),
            (found, Grounds::Log) => {
                if let Some(unknown) = self.unknown_rules(table) {
                    return Ok(Err(Some(unknown)));
                }
                Err(match found {
                    Ok(()) => format!(
                        "{name} is refused as {} by table {table}, and nothing speaks against it",
                        code.name()
                    ),
                    Err(found) => format!(
                        "{name} is refused as {} by table {table}, and the reason is {}",
                        code.name(),
                        found.name()
                    ),
                })
            }
        }
    }

    /// The rules of play of a table's open round, or else of its recorded rules, when this release does not know them.
    fn unknown_rules(&self, table: TableId) -> Option<Undecided> {
        let state = self.world.tables.get(&table)?;
        let (game, version) = match (&state.open, &state.rules) {
            (Some(open), _) => (&open.game, open.rules),
            (None, Some(rules)) => (&rules.game, rules.rules_version),
            (None, None) => return None,
        };
        let known = (self.rules)(game, version).is_some();
        (!known).then(|| Undecided::Rules { game: game.clone(), version })
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
                    let spot = |(code, stake): &(BetCode, i128)| SpotAsked {
                        code: *code,
                        stake: *stake,
                        smallest: *stake,
                    };
                    let spots: Vec<_> = bets.iter().map(spot).collect();
                    let game = (self.rules)(&rules.game, rules.rules_version);
                    keeps(rules, game, open, *player, &spots).map_err(|rule| {
                        format!("a bet of round {round} breaks a rule of its table: {}", rule.text())
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

/// What this release does not know of an intent.
fn unknown(intent: &Intent) -> Option<Undecided> {
    let Known { kind, revision, .. } = *intent.known();
    (!intent.is_read()).then_some(Undecided::Recipe { kind, revision })
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
