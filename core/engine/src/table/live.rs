//! The live table: the recorded state, the requests under way, and the next step that is due.
//!
//! Every change is submitted as an [`Envelope`], and applied only when it comes back as a record. Requests of players
//! are decided in `requests`. From the deadline on bets are refused, and the lock is submitted when no request is under
//! way or parked any more: so every bet is either in the locked round or refused.

use std::sync::Arc;

use domains::{
    Intent, PlayerSettlement,
    recipes::{SettleRound, TableOnly},
};
use games::Game;
use protocol::{PlayerId, RoundId, TableId};

use super::{
    OpenRound, Stage, Stake, TableLeg, TableState, VoidReason, draw, parking::Parking, rules_intent,
    settlement, step, under_way::UnderWay,
};
pub use super::{
    bounds::{PARKED_MAX, PARKED_PER_PLAYER_MAX, REQUESTS_MAX, SETTLEMENT_BYTES_MAX, SPOTS_MAX},
    config::TableConfig,
    request::{BetRequest, ClearRequest, Decision, Question, Ticket, Unparked},
    rules::{
        BETTING_MS_MAX, BetLimits, GAME_BYTES_MAX, KINDS_MAX, LOCKED_MS_MAX, PAUSE_MS_MAX, SEATS_MAX,
        TableRules,
    },
};
use crate::{turn::Envelope, tx_id::TxId};

/// A live table.
pub struct LiveTable {
    id: TableId,
    config: Arc<TableConfig>,
    /// The game with the newest version of its rules, which names the earlier ones.
    newest: &'static dyn Game,
    /// The version under which rounds are opened.
    game: &'static dyn Game,
    pub(super) state: TableState,
    pub(super) under_way: UnderWay,
    pub(super) parking: Parking,
    /// A step of the round (open, lock, settle, void) is under way.
    pub(super) stepping: bool,
    /// The fault after a panic, or after a step that the money side refused. It is not recorded, so the next start
    /// tries again.
    fault: Fault,
    /// The quarantine was submitted once: one that is refused is not tried over and over.
    quarantine_tried: bool,
}

/// How far a table has failed in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// No fault.
    None,
    /// The round could not go on: it is to be voided, and the table stays closed.
    Void,
    /// The round could not be voided either. Nothing more is tried before the next start; an operator must look.
    Stuck,
}

/// The step of a round that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing, until a request or a result arrives.
    Nothing,
    /// A step at this time, milliseconds since 1970: ask again then.
    At(u64),
    /// Record the configured rules now: the next round is played by them.
    Rules,
    /// Open a round now, with a new sealed seed.
    Open,
    /// Close the bets now.
    Lock,
    /// Draw and settle now, with the opened seed.
    Settle,
    /// Void the round now: the stakes are returned.
    Void(VoidReason),
    /// Record the quarantine now: a record did not fit the table.
    Quarantine,
}

impl LiveTable {
    /// A live table on the state that replay has rebuilt. `newest`: the game of the table's rules, with the newest
    /// version of its rules that is known.
    ///
    /// # Panics
    /// When the game is not the one that the table's rules name, or does not know the version that they name.
    #[must_use]
    pub fn new(id: TableId, config: Arc<TableConfig>, newest: &'static dyn Game, state: TableState) -> Self {
        assert_eq!(newest.name(), &*config.rules.game, "the game of table {id}");
        let version = config.rules.rules_version;
        let game = games::version(newest, version);
        let game = game.unwrap_or_else(|| panic!("table {id}: version {version} of its game is not known"));
        let (under_way, parking) = (UnderWay::default(), Parking::default());
        Self {
            id,
            config,
            newest,
            game,
            state,
            under_way,
            parking,
            stepping: false,
            fault: Fault::None,
            quarantine_tried: false,
        }
    }

    /// The recorded state.
    #[must_use]
    pub fn state(&self) -> &TableState {
        &self.state
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Arc<TableConfig> {
        &self.config
    }

    /// The table's rules: limits, times, game. Those of the open round, which are recorded; without one the configured ones,
    /// which are recorded before the next round is opened.
    #[must_use]
    pub fn table_rules(&self) -> &TableRules {
        self.state.open.as_ref().and(self.state.rules.as_deref()).unwrap_or(&self.config.rules)
    }

    /// The game in the version of its rules under which rounds are opened.
    #[must_use]
    pub fn game(&self) -> &'static dyn Game {
        self.game
    }

    /// The table's id.
    #[must_use]
    pub fn id(&self) -> TableId {
        self.id
    }

    /// Whether the last process left work to do: an open round, or a quarantine to record. It is done even when no
    /// session is at the table.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.state.open.is_some() || self.state.unfit
    }

    /// Whether the table is out of play after a fault: it takes no bets and opens no rounds.
    #[must_use]
    pub fn closed(&self) -> bool {
        self.state.failed() || self.fault != Fault::None
    }

    /// Whether a player has bets in the open round.
    #[must_use]
    pub fn stake(&self, player: PlayerId) -> Stake {
        if self.seated(player) {
            Stake::Stands
        } else if self.under_way.of(player).is_some() || self.parking.has(player) {
            Stake::Undecided
        } else {
            Stake::None
        }
    }

    /// Whether bets of the player stand in the open round.
    pub(super) fn seated(&self, player: PlayerId) -> bool {
        self.state.open.as_ref().is_some_and(|open| open.bets.players().contains_key(&player))
    }

    /// Number of players with bets in the open round.
    #[must_use]
    pub fn seats_taken(&self) -> usize {
        self.state.open.as_ref().map_or(0, |open| open.bets.players().len())
    }

    /// The rules of play that the open round was opened under; those of the next round when none is open, or when this
    /// table cannot play that round.
    #[must_use]
    pub fn rules(&self) -> &'static dyn Game {
        self.state.open.as_deref().and_then(|open| self.rules_of(open).ok()).unwrap_or(self.game)
    }

    /// The rules of play that an open round was opened under; the error says why this table cannot play the round, which can
    /// happen after a restart with another configuration or release.
    pub(super) fn rules_of(&self, open: &OpenRound) -> Result<&'static dyn Game, VoidReason> {
        if *open.game != *self.game.name() || open.currency != self.config.rules.currency {
            return Err(VoidReason::TableGone);
        }
        games::version(self.newest, open.rules).ok_or(VoidReason::RulesUnknown)
    }

    /// Whether a round is about to open: its record is under way.
    #[must_use]
    pub fn opening(&self) -> bool {
        self.stepping && self.state.open.is_none()
    }

    /// The step that is due now, or when to ask again. `wanted`: a session is at the table.
    #[must_use]
    pub fn due(&self, now: u64, wanted: bool) -> Due {
        if self.stepping {
            return Due::Nothing;
        }
        // Lock, void and quarantine wait for undecided requests: their holds may belong to the round.
        let bets_are_final = self.under_way.is_empty() && self.parking.is_empty();
        if self.state.unfit {
            // Asked first: a table that stands still is quarantined all the same, or the state store would not be committed.
            let now = bets_are_final && !self.quarantine_tried;
            return if now { Due::Quarantine } else { Due::Nothing };
        }
        if self.fault == Fault::Stuck {
            return Due::Nothing;
        }
        let lost = match self.state.open.as_deref() {
            Some(_) if self.closed() => Some(VoidReason::Fault),
            Some(open) => self.rules_of(open).err(),
            None => None,
        };
        match &self.state.open {
            Some(_) if let Some(reason) = lost => match bets_are_final {
                true => Due::Void(reason),
                false => Due::Nothing,
            },
            Some(open) if now < open.deadline => Due::At(open.deadline),
            Some(open) => match open.stage {
                Stage::Betting if !bets_are_final => Due::Nothing,
                Stage::Betting => Due::Lock,
                Stage::Locked { .. } => Due::Settle,
            },
            None if self.closed() || !wanted => Due::Nothing,
            None if self.state.rules.as_deref() != Some(&self.config.rules) => Due::Rules,
            None if now < self.state.next_at => Due::At(self.state.next_at),
            None => Due::Open,
        }
    }

    /// Records the configured rules: the next round is played by them.
    pub fn record_rules(&mut self) -> Envelope {
        let (change, rules) = (self.state.rules_changes + 1, Box::new(self.config.rules.clone()));
        let intent = rules_intent(self.id, &rules);
        self.step(intent, Vec::new(), TableLeg::Ruled { change, rules })
    }

    /// Opens the next round with a commitment and the sealed seed.
    pub fn open_round(&mut self, commit: [u8; 32], sealed: Box<[u8]>, now: u64) -> Envelope {
        let leg = TableLeg::Opened {
            round: self.state.round + 1,
            deadline: now + self.config.rules.betting_ms,
            game: self.game.name().into(),
            rules: self.game.rules_version(),
            currency: self.config.rules.currency,
            commit,
            sealed,
        };
        self.step(TableOnly.into(), Vec::new(), leg)
    }

    /// Locks the round. The deadline of the result is counted from now.
    ///
    /// # Panics
    /// Without an open round; call it when [`LiveTable::due`] says so.
    pub fn lock(&mut self, now: u64) -> Envelope {
        debug_assert!(self.under_way.is_empty(), "the sums of the lock are final");
        let open = self.state.open.as_ref().expect("a round is open when it is locked");
        let leg = TableLeg::Locked {
            round: self.state.round,
            deadline: now + self.table_rules().locked_ms,
            staked: open.bets.staked(),
            mix: open.bets.mix(),
        };
        self.step(TableOnly.into(), Vec::new(), leg)
    }

    /// Draws and settles the round; voids it when it cannot be drawn: the seed is missing or not the committed one, the
    /// rules are not known, or a payout is out of range.
    ///
    /// # Panics
    /// Without an open round; call it when [`LiveTable::due`] says so.
    pub fn settle(&mut self, seed: Option<[u8; 32]>, now: u64) -> Envelope {
        let open = self.state.open.as_ref().expect("a round is open when it is settled");
        let round = RoundId { table: self.id, number: self.state.round };
        let rules = match self.rules_of(open) {
            Ok(rules) => rules,
            Err(reason) => return self.void(reason, now),
        };
        let Some(draw) = seed.and_then(|seed| draw(rules, round, open, seed)) else {
            return self.void(VoidReason::SeedLost, now);
        };
        let Some(players) = settlement(rules, open, draw.outcome) else {
            return self.void(VoidReason::Fault, now);
        };
        let outcome = draw.outcome.0;
        let leg = TableLeg::Settled {
            round: round.number,
            deadline: now + self.table_rules().pause_ms,
            outcome,
            seed: draw.seed,
            returned: players.iter().map(|player| player.returned).sum(),
        };
        let intent = SettleRound { round, currency: open.currency, outcome }.into();
        self.step(intent, players, leg)
    }

    /// Returns every stake of the open round.
    ///
    /// # Panics
    /// Without an open round; call it when [`LiveTable::due`] says so.
    pub fn void(&mut self, reason: VoidReason, now: u64) -> Envelope {
        let open = self.state.open.as_ref().expect("a round is open when it is voided");
        let round = RoundId { table: self.id, number: self.state.round };
        self.stepping = true;
        step::void(round, open, reason, now + self.table_rules().pause_ms)
    }

    /// Takes the table out of play for good: records the state that it has from then on.
    pub fn quarantine(&mut self) -> Envelope {
        self.quarantine_tried = true;
        let state = Box::new(self.state.to_quarantine());
        self.step(TableOnly.into(), Vec::new(), TableLeg::Quarantined { state })
    }

    /// Takes the result of an envelope, and applies its leg. Returns the offset of the leg's event, when it has one.
    /// Parked requests may be decided now: call [`LiveTable::next_decided`].
    pub fn apply(&mut self, id: TxId, leg: Option<&TableLeg>, time: u64) -> Option<u64> {
        let player = self.under_way.end(id);
        let event = leg.and_then(|leg| self.apply_leg(leg, time));
        if self.closed() {
            self.parking.wake_all();
        } else {
            self.parking.wake(player);
        }
        event
    }

    fn apply_leg(&mut self, leg: &TableLeg, time: u64) -> Option<u64> {
        self.stepping &= leg.step().is_none();
        if let TableLeg::Quarantined { .. } = leg {
            // What could not be done with the state before may be possible with this one.
            (self.fault, self.quarantine_tried) = (Fault::None, false);
        }
        let event = self.state.apply(leg, time);
        let open = self.state.open.as_deref();
        let seated = |player: PlayerId| open.is_some_and(|open| open.bets.players().contains_key(&player));
        match leg {
            TableLeg::BetPlaced { player, .. } | TableLeg::BetsCleared { player, .. } => {
                self.under_way.seats(*player, seated(*player));
            }
            TableLeg::Opened { .. }
            | TableLeg::Locked { .. }
            | TableLeg::Settled { .. }
            | TableLeg::Voided { .. }
            | TableLeg::Ruled { .. }
            | TableLeg::Quarantined { .. } => self.under_way.seats_all(seated),
        }
        event
    }

    /// Tells the table that one of its messages panicked: it takes no more bets, and an open round is to be voided. A
    /// step that is under way is waited for, because a void after a settlement would not fit.
    pub fn panicked(&mut self) {
        if self.fault == Fault::None {
            self.fault = Fault::Void;
        }
        self.parking.wake_all();
    }

    /// Stops all steps of the round until the next start.
    pub fn give_up(&mut self) {
        self.fault = Fault::Stuck;
        self.parking.wake_all();
    }

    /// Tells the table that the money side refused a step of the round. The first time, the round is to be voided; when
    /// that is refused too, nothing is tried until the next start. The recorded state does not change.
    pub fn step_failed(&mut self) {
        self.stepping = false;
        self.fault = match self.fault {
            Fault::None if !self.state.failed() => Fault::Void,
            Fault::None | Fault::Void | Fault::Stuck => Fault::Stuck,
        };
        self.parking.wake_all();
    }

    fn step(&mut self, intent: Intent, shares: Vec<PlayerSettlement>, leg: TableLeg) -> Envelope {
        self.stepping = true;
        step::step(self.id, intent, shares, leg)
    }
}
