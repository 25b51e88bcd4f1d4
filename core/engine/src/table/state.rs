//! What is recorded of a table: the open round with its bets, the last rounds, the channel's offset.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
};

use ledger::HoldId;
use protocol::Currency;

use super::{
    TableLeg,
    bets::{Bets, Placed},
};
use crate::codec::{DecodeError, Decoder, Encoder};

/// Rounds kept for each table.
pub const HISTORY_MAX: usize = 50;

/// A table as replay rebuilds it. Small while nothing happens: an idle table has no heap but its history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableState {
    /// Number of the last round, 0 before the first.
    pub round: u64,
    /// The round that is open, if one is.
    pub open: Option<Box<OpenRound>>,
    /// After a round: when the next may open, milliseconds since 1970.
    pub next_at: u64,
    /// The last rounds, newest first.
    pub history: VecDeque<PastRound>,
    /// Events of the table's channel so far: the offset of the newest.
    pub events: u64,
    /// Set by a [`TableLeg::Quarantined`]: the table plays no more. Only the leg that voids its open round fits.
    pub quarantined: bool,
    /// Set when a leg did not fit. Later ones are skipped but for what they say of stakes, until the live hub records
    /// the quarantine; without that record nothing is decided, since another release may make more of the same leg.
    pub unfit: bool,
}

/// Where an open round stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Bets are taken until the deadline.
    Betting,
    /// Bets are closed; the result is shown at the deadline.
    Locked {
        /// The players' shares, mixed.
        mix: [u8; 32],
    },
}

/// A round with bets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRound {
    /// Where it stands.
    pub stage: Stage,
    /// When the stage ends, milliseconds since 1970.
    pub deadline: u64,
    /// The game.
    pub game: Box<str>,
    /// Version of its rules.
    pub rules: u16,
    /// The currency of every stake.
    pub currency: Currency,
    /// SHA-256 of the seed.
    pub commit: [u8; 32],
    /// The seed, encrypted.
    pub sealed: Box<[u8]>,
    /// The bets that stand.
    pub bets: Bets,
}

/// A round that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastRound {
    /// Its number.
    pub number: u64,
    /// When it ended, milliseconds since 1970.
    pub time: u64,
    /// SHA-256 of the seed.
    pub commit: [u8; 32],
    /// Sum of the stakes.
    pub staked: i128,
    /// How it was drawn; none for a void round.
    pub drawn: Option<Drawn>,
}

/// How a round was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn {
    /// The outcome.
    pub outcome: u32,
    /// The seed, revealed.
    pub seed: [u8; 32],
    /// The players' shares, mixed.
    pub mix: [u8; 32],
}

/// A leg does not fit the table's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a leg does not fit the table's state")]
pub struct Unfit;

impl TableState {
    /// Applies a leg. After one that does not fit, or that panics, legs are skipped, but the stakes they tell of are
    /// still noted, until a [`TableLeg::Quarantined`] takes the place of all of it. Returns the offset of the event on
    /// the table's channel, when there is one.
    pub fn apply(&mut self, leg: &TableLeg, time: u64) -> Option<u64> {
        if let TableLeg::Quarantined { state } = leg {
            *self = (**state).clone();
            return None;
        }
        let closed = self.quarantined && !matches!(leg, TableLeg::Voided { .. });
        let skipped = self.unfit || closed;
        if skipped || !matches!(catch_unwind(AssertUnwindSafe(|| self.try_apply(leg, time))), Ok(Ok(()))) {
            self.unfit = true;
            self.note_stakes(leg);
            return None;
        }
        match leg {
            TableLeg::BetPlaced { .. } | TableLeg::BetsCleared { .. } | TableLeg::Quarantined { .. } => None,
            TableLeg::Opened { .. }
            | TableLeg::Locked { .. }
            | TableLeg::Settled { .. }
            | TableLeg::Voided { .. } => {
                self.events += 1;
                Some(self.events)
            }
        }
    }

    /// Whether the table is out of play: quarantined, or about to be.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.quarantined || self.unfit
    }

    /// What takes the place of this state when the table is quarantined.
    #[must_use]
    pub fn to_quarantine(&self) -> Self {
        Self { quarantined: true, unfit: false, ..self.clone() }
    }

    /// Drops the bets whose stakes are not held any more, and the round with them when it had some and none is left: it
    /// has ended.
    pub(crate) fn keep_held(&mut self, held: impl Fn(HoldId) -> bool) {
        let Some(open) = &mut self.open else { return };
        let before = open.bets.requests();
        open.bets.retain(held);
        if before > 0 && open.bets.requests() == 0 {
            self.open = None;
        }
    }

    fn try_apply(&mut self, leg: &TableLeg, time: u64) -> Result<(), Unfit> {
        if let TableLeg::Opened { round, .. } = leg {
            if self.open.is_some() || *round != self.round + 1 {
                return Err(Unfit);
            }
            self.begin_round(leg);
            return Ok(());
        }
        let open = self.open.as_deref_mut().filter(|_| leg.round() == self.round).ok_or(Unfit)?;
        match (leg, open.stage) {
            (TableLeg::BetPlaced { player, hold, bets, seed, .. }, Stage::Betting) => {
                let placed = Placed { hold: *hold, bets: bets.clone() };
                if !open.bets.place(*player, placed, seed.as_deref()) {
                    return Err(Unfit);
                }
            }
            (TableLeg::BetsCleared { player, holds, .. }, Stage::Betting) => {
                if !open.bets.are_of(*player, holds) {
                    return Err(Unfit);
                }
                open.bets.clear(*player, holds);
            }
            (TableLeg::Locked { deadline, staked, mix, .. }, Stage::Betting) => {
                if *staked != open.bets.staked() || *mix != open.bets.mix() {
                    return Err(Unfit);
                }
                open.stage = Stage::Locked { mix: *mix };
                open.deadline = *deadline;
            }
            (TableLeg::Settled { deadline, outcome, seed, .. }, Stage::Locked { mix }) => {
                let drawn = Drawn { outcome: *outcome, seed: *seed, mix };
                self.end_round(*deadline, time, Some(drawn));
            }
            (TableLeg::Voided { deadline, .. }, Stage::Betting | Stage::Locked { .. }) => {
                self.end_round(*deadline, time, None);
            }
            (
                TableLeg::Opened { .. }
                | TableLeg::BetPlaced { .. }
                | TableLeg::BetsCleared { .. }
                | TableLeg::Locked { .. }
                | TableLeg::Settled { .. }
                | TableLeg::Quarantined { .. },
                Stage::Betting | Stage::Locked { .. },
            ) => return Err(Unfit),
        }
        Ok(())
    }

    /// Keeps known which holds are open although legs do not fit: the money side has made or ended them all the same.
    fn note_stakes(&mut self, leg: &TableLeg) {
        if let TableLeg::Opened { .. } = leg {
            return self.begin_round(leg);
        }
        let Some(open) = self.open.as_deref_mut().filter(|_| leg.round() == self.round) else { return };
        match leg {
            TableLeg::BetPlaced { player, hold, bets, .. } => {
                open.bets.place(*player, Placed { hold: *hold, bets: bets.clone() }, None);
            }
            TableLeg::BetsCleared { player, holds, .. } => open.bets.clear(*player, holds),
            // Which stakes such a round still holds, the ledger says when the quarantine is recorded.
            TableLeg::Settled { .. }
            | TableLeg::Voided { .. }
            | TableLeg::Opened { .. }
            | TableLeg::Locked { .. }
            | TableLeg::Quarantined { .. } => {}
        }
    }

    fn begin_round(&mut self, leg: &TableLeg) {
        let TableLeg::Opened { round, deadline, game, rules, currency, commit, sealed } = leg else { return };
        self.round = *round;
        self.open = Some(Box::new(OpenRound {
            stage: Stage::Betting,
            deadline: *deadline,
            game: game.clone(),
            rules: *rules,
            currency: *currency,
            commit: *commit,
            sealed: sealed.clone(),
            bets: Bets::default(),
        }));
    }

    fn end_round(&mut self, next_at: u64, time: u64, drawn: Option<Drawn>) {
        let Some(open) = self.open.take() else { return };
        self.next_at = next_at;
        self.history.truncate(HISTORY_MAX - 1);
        let past =
            PastRound { number: self.round, time, commit: open.commit, staked: open.bets.staked(), drawn };
        self.history.push_front(past);
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.round.into());
        encoder.uint(self.next_at.into());
        encoder.uint(self.events.into());
        encoder.byte(u8::from(self.quarantined));
        encoder.byte(u8::from(self.unfit));
        encoder.uint(self.history.len() as u128);
        for past in &self.history {
            encoder.uint(past.number.into());
            encoder.uint(past.time.into());
            encoder.raw(&past.commit);
            encoder.money(past.staked);
            encoder.byte(u8::from(past.drawn.is_some()));
            if let Some(drawn) = &past.drawn {
                encoder.uint(drawn.outcome.into());
                encoder.raw(&drawn.seed);
                encoder.raw(&drawn.mix);
            }
        }
        encoder.byte(u8::from(self.open.is_some()));
        if let Some(open) = &self.open {
            open.encode(encoder);
        }
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut state = Self {
            round: decoder.u64()?,
            next_at: decoder.u64()?,
            events: decoder.u64()?,
            quarantined: decoder.flag()?,
            unfit: decoder.flag()?,
            ..Self::default()
        };
        for _ in 0..decoder.count()? {
            state.history.push_back(PastRound {
                number: decoder.u64()?,
                time: decoder.u64()?,
                commit: decoder.array()?,
                staked: decoder.money()?,
                drawn: match decoder.flag()? {
                    false => None,
                    true => {
                        Some(Drawn { outcome: decoder.u32()?, seed: decoder.array()?, mix: decoder.array()? })
                    }
                },
            });
        }
        if decoder.flag()? {
            state.open = Some(Box::new(OpenRound::decode(decoder)?));
        }
        Ok(state)
    }
}

impl OpenRound {
    fn encode(&self, encoder: &mut Encoder) {
        match &self.stage {
            Stage::Betting => encoder.byte(1),
            Stage::Locked { mix } => {
                encoder.byte(2);
                encoder.raw(mix);
            }
        }
        encoder.uint(self.deadline.into());
        encoder.bytes(self.game.as_bytes());
        encoder.uint(self.rules.into());
        encoder.currency(self.currency);
        encoder.raw(&self.commit);
        encoder.bytes(&self.sealed);
        self.bets.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let stage = match decoder.byte()? {
            1 => Stage::Betting,
            2 => Stage::Locked { mix: decoder.array()? },
            _ => return Err(DecodeError::Unknown("stage")),
        };
        Ok(Self {
            stage,
            deadline: decoder.u64()?,
            game: decoder.text()?.into(),
            rules: decoder.u16()?,
            currency: decoder.currency()?,
            commit: decoder.array()?,
            sealed: decoder.bytes()?.into(),
            bets: Bets::decode(decoder)?,
        })
    }
}
