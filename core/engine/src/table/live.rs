//! A table at work: the recorded state, what is undecided, and what may be done next.
//!
//! Every change goes out as an [`Envelope`] and comes back as a record before it is applied (one log). What players
//! ask is decided in `requests`. From the deadline on bets are refused, and the lock goes out when the last undecided
//! request has come back: a bet is either in the locked round or refused, never between.

use std::sync::Arc;

use domains::Recipe;
use games::Game;
use protocol::{PlayerId, RoundId, TableId};

use super::{
    OpenRound, Stage, Stake, TableLeg, TableState, VoidReason, draw, parking::Parking, settlement,
    under_way::UnderWay, void_settlement,
};
pub use super::{
    config::{PARKED_MAX, PARKED_PER_PLAYER_MAX, REQUESTS_MAX, TableConfig},
    request::{BetRequest, ClearRequest, Decision, Ticket, Unparked},
};
use crate::{
    keys::TxId,
    turn::{Envelope, Tx},
};

/// A table at work.
pub struct LiveTable {
    id: TableId,
    config: Arc<TableConfig>,
    game: &'static dyn Game,
    pub(super) state: TableState,
    pub(super) under_way: UnderWay,
    pub(super) parking: Parking,
    /// A step of the round (open, lock, settle, void) is under way.
    pub(super) stepping: bool,
    /// What this process does about a panic, or a step that the money side refused; nothing of it is recorded, and so the
    /// next start tries again.
    fault: Fault,
}

/// How far a table has failed in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Not at all.
    None,
    /// The round could not go on: it is voided, and the table stays closed.
    Void,
    /// It could not be voided either: somebody has to look, and nothing is tried over and over.
    Stuck,
}

/// What the clock asks a table to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing, until something else happens.
    Nothing,
    /// Something at this time, milliseconds since 1970.
    At(u64),
    /// Open a round now: it needs a fresh sealed seed.
    Open,
    /// Close the bets now.
    Lock,
    /// Draw and settle now: it needs the seed.
    Settle,
    /// Return the stakes now.
    Void(VoidReason),
    /// Record now that the table is out of play: a record did not fit it.
    Quarantine,
}

impl LiveTable {
    /// A table as replay has left it.
    #[must_use]
    pub fn new(id: TableId, config: Arc<TableConfig>, game: &'static dyn Game, state: TableState) -> Self {
        let (under_way, parking) = (UnderWay::default(), Parking::default());
        Self { id, config, game, state, under_way, parking, stepping: false, fault: Fault::None }
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

    /// The game, by the newest version of its rules: rounds are opened under those.
    #[must_use]
    pub fn game(&self) -> &'static dyn Game {
        self.game
    }

    /// The table's id.
    #[must_use]
    pub fn id(&self) -> TableId {
        self.id
    }

    /// Whether the last process has left something to do here, whoever is at the table: a round, or a quarantine.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.state.open.is_some() || self.state.unfit
    }

    /// Whether the table is out of play after a fault: it takes no bets and opens no rounds.
    #[must_use]
    pub fn closed(&self) -> bool {
        self.state.failed() || self.fault != Fault::None
    }

    /// What the open round knows of a player.
    #[must_use]
    pub fn stake(&self, player: PlayerId) -> Stake {
        if self.seated(player) {
            Stake::Stands
        } else if self.under_way.of(player).is_some() || self.parking.holds(player) {
            Stake::Undecided
        } else {
            Stake::None
        }
    }

    /// How many players have bets in the open round.
    #[must_use]
    pub fn seats_taken(&self) -> usize {
        self.state.open.as_ref().map_or(0, |open| open.bets.players().len())
    }

    /// The rules of the open round: those it was opened under. The newest where there is none, or none that is played.
    #[must_use]
    pub fn rules(&self) -> &'static dyn Game {
        self.state.open.as_deref().and_then(|open| self.rules_of(open).ok()).unwrap_or(self.game)
    }

    /// The rules that an open round was opened under; after a restart it may be one that this table cannot play.
    pub(super) fn rules_of(&self, open: &OpenRound) -> Result<&'static dyn Game, VoidReason> {
        if *open.game != *self.game.name() || open.currency != self.config.currency {
            return Err(VoidReason::TableGone);
        }
        games::version(self.game, open.rules).ok_or(VoidReason::RulesUnknown)
    }

    /// Whether a round is about to open: its record is under way.
    #[must_use]
    pub fn opening(&self) -> bool {
        self.stepping && self.state.open.is_none()
    }

    /// What to do now, or when to ask again. `wanted`: somebody is at the table.
    #[must_use]
    pub fn due(&self, now: u64, wanted: bool) -> Due {
        if self.stepping || self.fault == Fault::Stuck {
            return Due::Nothing;
        }
        // Whatever ends the bets waits for those undecided: their holds may belong to the round.
        let bets_are_final = self.under_way.is_empty() && self.parking.is_empty();
        let lost = match self.state.open.as_deref() {
            Some(_) if self.closed() => Some(VoidReason::Fault),
            Some(open) => self.rules_of(open).err(),
            None => None,
        };
        match &self.state.open {
            _ if self.state.unfit => {
                if bets_are_final {
                    Due::Quarantine
                } else {
                    Due::Nothing
                }
            }
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
            None if now < self.state.next_at => Due::At(self.state.next_at),
            None => Due::Open,
        }
    }

    /// Opens the next round with a commitment and the sealed seed.
    pub fn open_round(&mut self, commit: [u8; 32], sealed: Box<[u8]>, now: u64) -> Envelope {
        let leg = TableLeg::Opened {
            round: self.state.round + 1,
            deadline: now + self.config.betting_ms,
            game: self.game.name().into(),
            rules: self.game.rules_version(),
            currency: self.config.currency,
            commit,
            sealed,
        };
        self.step(Recipe::TableOnly, leg)
    }

    /// Closes the bets. The deadline of the result is counted from now.
    ///
    /// # Panics
    /// Without an open round; [`LiveTable::due`] says when.
    pub fn lock(&mut self, now: u64) -> Envelope {
        debug_assert!(self.under_way.is_empty(), "the sums of the lock are final");
        let open = self.state.open.as_ref().expect("a round is open when it is locked");
        let leg = TableLeg::Locked {
            round: self.state.round,
            deadline: now + self.config.locked_ms,
            staked: open.bets.staked(),
            mix: open.bets.mix(),
        };
        self.step(Recipe::TableOnly, leg)
    }

    /// Draws and settles, or voids the round when the seed is not the committed one.
    ///
    /// # Panics
    /// Without an open round; [`LiveTable::due`] says when.
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
            deadline: now + self.config.pause_ms,
            outcome,
            seed: draw.seed,
            returned: players.iter().map(|player| player.returned).sum(),
        };
        let recipe = Recipe::SettleRound { round, currency: open.currency, outcome, players };
        self.step(recipe, leg)
    }

    /// Returns every stake of the open round.
    ///
    /// # Panics
    /// Without an open round; [`LiveTable::due`] says when.
    pub fn void(&mut self, reason: VoidReason, now: u64) -> Envelope {
        let open = self.state.open.as_ref().expect("a round is open when it is voided");
        let round = RoundId { table: self.id, number: self.state.round };
        let deadline = now + self.config.pause_ms;
        let leg = TableLeg::Voided { round: round.number, deadline, reason };
        let (currency, players) = (open.currency, void_settlement(open));
        self.step(Recipe::RoundVoid { round, currency, players }, leg)
    }

    /// Takes the table out of play for good: what is left of it is recorded.
    pub fn quarantine(&mut self) -> Envelope {
        let state = Box::new(self.state.to_quarantine());
        self.step(Recipe::TableOnly, TableLeg::Quarantined { state })
    }

    /// Takes the result of an envelope back. Returns the event's offset when the leg makes one. What was parked may be
    /// decided now: [`LiveTable::next_decided`].
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
            | TableLeg::Quarantined { .. } => self.under_way.seats_all(seated),
        }
        event
    }

    /// This process has panicked over the table: it takes no more bets, and an open round is to be voided. A step
    /// that is under way is waited for, since two steps of a round behind each other do not fit together.
    pub fn panicked(&mut self) {
        if self.fault == Fault::None {
            self.fault = Fault::Void;
        }
        self.parking.wake_all();
    }

    /// Nothing more is tried with the round before the next start.
    pub fn give_up(&mut self) {
        self.fault = Fault::Stuck;
        self.parking.wake_all();
    }

    /// A step of the round was refused by the money side. The first time the round is to be voided; when that is
    /// refused too, the table stands still until the next start. Its state stays what the log says.
    pub fn step_failed(&mut self) {
        self.stepping = false;
        self.fault = match self.fault {
            Fault::None if !self.state.failed() => Fault::Void,
            Fault::None | Fault::Void | Fault::Stuck => Fault::Stuck,
        };
        self.parking.wake_all();
    }

    fn step(&mut self, recipe: Recipe, leg: TableLeg) -> Envelope {
        self.stepping = true;
        let round = RoundId { table: self.id, number: leg.round() };
        let id = TxId::of_round(round, leg.step().expect("what the round does by itself is a step"));
        Envelope::Run(Tx { id, key: None, recipe, table: Some((self.id, leg)) })
    }
}
