//! A table at work: the recorded state, what is under way, and what may be done next.
//!
//! Every change goes out as an [`Envelope`] and comes back as a record before it is applied (design: one log).
//! Bets under way count against the limits only. From the deadline on bets are refused, and the lock goes out
//! when the last bet under way has come back: a bet is either in the locked round or refused, never between.

use std::{collections::BTreeMap, sync::Arc};

use domains::Recipe;
use games::{BetCode, BetRefused, Game};
use ledger::HoldId;
use protocol::{Currency, ErrorCode, PlayerId, RoundId, TableId};

use super::{
    OpenRound, PlayerBets, Stage, Stakes, TableLeg, TableState, VoidReason, draw, pending::Pending,
    settlement, void_settlement,
};
use crate::{
    keys::{Content, TxId},
    turn::{Envelope, Tx},
};

/// What an operator sets for a table. Shared by tables that are alike.
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
    /// How long bets are taken, milliseconds.
    pub betting_ms: u64,
    /// From the lock to the result, milliseconds.
    pub locked_ms: u64,
    /// From the result to the next round, milliseconds.
    pub pause_ms: u64,
    /// Smallest and largest stake by bet kind, minor units, in the order of the game's kinds.
    pub limits: Vec<(i128, i128)>,
    /// Most a player may stake in a round, minor units.
    pub round_max: i128,
    /// Most players with bets in a round.
    pub seats_max: u32,
    /// Most sessions at the table, players and spectators together.
    pub places_max: u32,
}

/// Most requests to bet that one round takes: its settlement is one record, and must stay far below the longest.
pub const REQUESTS_MAX: usize = 50_000;

/// A request to bet, read and priced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BetRequest {
    /// The transaction it will be.
    pub id: TxId,
    /// Its content.
    pub content: Content,
    /// The player.
    pub player: PlayerId,
    /// The round meant.
    pub round: u64,
    /// The bets: kind, numbers, stake in minor units.
    pub bets: Vec<(Box<str>, Vec<u8>, i128)>,
    /// The player's share in the randomness.
    pub seed: Option<Box<str>>,
}

/// A table at work.
pub struct LiveTable {
    id: TableId,
    config: Arc<TableConfig>,
    game: &'static dyn Game,
    state: TableState,
    pending: Pending,
    /// A step of the round (open, lock, settle, void) is under way.
    stepping: bool,
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
        Self { id, config, game, state, pending: Pending::default(), stepping: false, fault: Fault::None }
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

    /// The game.
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

    /// Whether bets can be placed now.
    #[must_use]
    pub fn takes_bets(&self, now: u64) -> bool {
        let betting =
            |open: &OpenRound| open.stage == Stage::Betting && now < open.deadline && self.plays(open);
        !self.stepping && !self.closed() && self.state.open.as_deref().is_some_and(betting)
    }

    /// Whether an open round is of the configured game and currency; after a restart it may not be.
    fn plays(&self, open: &OpenRound) -> bool {
        &*open.game == self.game.name()
            && open.rules == self.game.rules_version()
            && open.currency == self.config.currency
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
        // Whatever ends the bets waits for those under way: their holds belong to the round.
        let bets_are_final = self.pending.is_empty();
        match &self.state.open {
            _ if self.state.unfit => {
                if bets_are_final {
                    Due::Quarantine
                } else {
                    Due::Nothing
                }
            }
            Some(_) if self.closed() && bets_are_final => Due::Void(VoidReason::Fault),
            Some(open) if !self.plays(open) && bets_are_final => Due::Void(VoidReason::TableGone),
            Some(open) if self.closed() || !self.plays(open) => Due::Nothing,
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

    /// Decides a bet. A refusal is recorded under the key, so that a retry gets the same answer.
    pub fn place_bet(&mut self, request: BetRequest, now: u64) -> Envelope {
        let BetRequest { id, content, player, round, .. } = request;
        let bets = match self.admit(&request, now) {
            Ok(bets) => bets,
            Err(code) => return Envelope::Refuse { id, content, code },
        };
        let amount = bets.iter().map(|(_, stake)| stake).sum();
        let hold = HoldId(id.0);
        let seed = request.seed.filter(|seed| !seed.is_empty()); // no share: as the log spells it
        let leg = TableLeg::BetPlaced { round, player, hold, bets: bets.clone(), seed };
        // A retry of bets that stand already is answered with their receipt: it stakes nothing more.
        let stands = self.state.open.as_ref().is_some_and(|open| open.bets.stands(hold));
        self.pending.begin(id, player, self.seated(player), if stands { Vec::new() } else { bets });
        let recipe = Recipe::Stake { hold, player, currency: self.config.currency, amount };
        Envelope::Run(Tx { id, key: Some(content), recipe, table: Some((self.id, leg)) })
    }

    /// Decides to take a player's bets back. `None`: bets of the player are under way, ask again.
    #[must_use]
    pub fn clear_bets(
        &mut self,
        id: TxId,
        content: Content,
        player: PlayerId,
        round: u64,
        now: u64,
    ) -> Option<Envelope> {
        let refuse = |code| Some(Envelope::Refuse { id, content, code });
        if let Err(code) = self.check_round(round, now) {
            return refuse(code);
        }
        if self.pending.of(player).is_some() {
            return None;
        }
        let bets = self.state.open.as_ref().and_then(|open| open.bets.players().get(&player));
        let Some(holds) = bets.map(PlayerBets::holds) else { return refuse(ErrorCode::NoBets) };
        self.pending.begin(id, player, true, Vec::new());
        let leg = TableLeg::BetsCleared { round, player, holds: holds.clone() };
        let recipe = Recipe::Release { player, currency: self.config.currency, holds };
        Some(Envelope::Run(Tx { id, key: Some(content), recipe, table: Some((self.id, leg)) }))
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
        debug_assert!(self.pending.is_empty(), "the sums of the lock are final");
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
        let Some(draw) = seed.and_then(|seed| draw(self.game, round, open, seed)) else {
            return self.void(VoidReason::SeedLost, now);
        };
        let Some(players) = settlement(self.game, open, draw.outcome) else {
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

    /// Takes the result of an envelope back. Returns the event's offset when the leg makes one.
    pub fn apply(&mut self, id: TxId, leg: Option<&TableLeg>, time: u64) -> Option<u64> {
        self.pending.end(id);
        let leg = leg?;
        self.stepping &= leg.step().is_none();
        let event = self.state.apply(leg, time);
        let open = self.state.open.as_deref();
        let seated = |player: PlayerId| open.is_some_and(|open| open.bets.players().contains_key(&player));
        match leg {
            TableLeg::BetPlaced { player, .. } | TableLeg::BetsCleared { player, .. } => {
                self.pending.seats(*player, seated(*player));
            }
            TableLeg::Opened { .. }
            | TableLeg::Locked { .. }
            | TableLeg::Settled { .. }
            | TableLeg::Voided { .. }
            | TableLeg::Quarantined { .. } => self.pending.seats_all(seated),
        }
        event
    }

    /// This process has panicked over the table: it takes no more bets, and an open round is to be voided. A step
    /// that is under way is waited for, since two steps of a round behind each other do not fit together.
    pub fn panicked(&mut self) {
        if self.fault == Fault::None {
            self.fault = Fault::Void;
        }
    }

    /// Nothing more is tried with the round before the next start.
    pub fn give_up(&mut self) {
        self.fault = Fault::Stuck;
    }

    /// A step of the round was refused by the money side. The first time the round is to be voided; when that is
    /// refused too, the table stands still until the next start. Its state stays what the log says.
    pub fn step_failed(&mut self) {
        self.stepping = false;
        self.fault = match self.fault {
            Fault::None if !self.state.failed() => Fault::Void,
            Fault::None | Fault::Void | Fault::Stuck => Fault::Stuck,
        };
    }

    fn step(&mut self, recipe: Recipe, leg: TableLeg) -> Envelope {
        self.stepping = true;
        let round = RoundId { table: self.id, number: leg.round() };
        let id = TxId::of_round(round, leg.step().expect("what the round does by itself is a step"));
        Envelope::Run(Tx { id, key: None, recipe, table: Some((self.id, leg)) })
    }

    fn check_round(&self, round: u64, now: u64) -> Result<(), ErrorCode> {
        if self.closed() {
            return Err(ErrorCode::TableClosed);
        }
        if self.state.open.is_some() && round != self.state.round {
            return Err(if round < self.state.round { ErrorCode::BetsClosed } else { ErrorCode::WrongRound });
        }
        if self.takes_bets(now) { Ok(()) } else { Err(ErrorCode::BetsClosed) }
    }

    /// Checks a bet against the round, the layout and the limits; returns its bets by code.
    fn admit(&self, request: &BetRequest, now: u64) -> Result<Vec<(BetCode, i128)>, ErrorCode> {
        self.check_round(request.round, now)?;
        let mut spots: BTreeMap<BetCode, (usize, i128)> = BTreeMap::new();
        for (kind, numbers, stake) in &request.bets {
            let code = self.game.bet(kind, numbers).map_err(|refused| match refused {
                BetRefused::KindUnknown => ErrorCode::UnknownBet,
                BetRefused::WrongCount { .. }
                | BetRefused::NumberUnknown(_)
                | BetRefused::NumberTwice(_)
                | BetRefused::NotOnLayout { .. } => ErrorCode::BadSelection,
            })?;
            let described = self.game.describe(code).ok_or(ErrorCode::UnknownBet)?;
            let (minimum, _) = self.config.limits.get(described.kind_index).ok_or(ErrorCode::UnknownBet)?;
            if stake < minimum || *stake <= 0 {
                return Err(ErrorCode::BelowLimit);
            }
            let spot = spots.entry(code).or_insert((described.kind_index, 0));
            spot.1 = spot.1.checked_add(*stake).ok_or(ErrorCode::AboveLimit)?;
        }
        if spots.is_empty() {
            return Err(ErrorCode::NoBets);
        }
        if !self.has_room(request.player) {
            return Err(ErrorCode::TableFull);
        }
        let applied = self.state.open.as_ref().and_then(|open| open.bets.players().get(&request.player));
        let standing = [applied.map(PlayerBets::stakes), self.pending.of(request.player)];
        for (code, (kind, stake)) in &spots {
            let already = standing.iter().flatten().filter_map(|stakes| stakes.get(code)).sum::<i128>();
            if stake.saturating_add(already) > self.config.limits[*kind].1 {
                return Err(ErrorCode::AboveLimit);
            }
        }
        let standing = standing.into_iter().flatten().flat_map(Stakes::values);
        let staked = spots.values().map(|(_, stake)| stake).chain(standing);
        if staked.fold(0, |sum: i128, stake| sum.saturating_add(*stake)) > self.config.round_max {
            return Err(ErrorCode::AboveLimit);
        }
        Ok(spots.into_iter().map(|(code, (_, stake))| (code, stake)).collect())
    }

    /// Whether the round takes one more request of this player.
    fn has_room(&self, player: PlayerId) -> bool {
        let Some(open) = &self.state.open else { return true };
        if open.bets.requests() + self.pending.len() >= REQUESTS_MAX {
            return false;
        }
        // Others who are about to sit down have their seats already.
        self.seated(player)
            || open.bets.players().len() + self.pending.newcomers_but(player) < self.config.seats_max as usize
    }

    /// Whether bets of the player stand in the open round.
    fn seated(&self, player: PlayerId) -> bool {
        self.state.open.as_ref().is_some_and(|open| open.bets.players().contains_key(&player))
    }
}
