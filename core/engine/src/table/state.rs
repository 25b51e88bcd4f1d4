//! The recorded state of a table: the open round with its bets, the round before it, the channel's offset. The rounds before
//! that one are items of their own ([`past`](super::past)).

use ledger::HoldId;
use protocol::Currency;

use super::{bets::Bets, past::PastRound, rules::TableRules};
use ledger::codec::{DecodeError, Decoder, Encoder};

/// The state of a table as replay rebuilds it. An idle table uses no heap memory except for its rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableState {
    /// Number of the last round, 0 before the first.
    pub round: u64,
    /// The open round, if there is one.
    pub open: Option<Box<OpenRound>>,
    /// After a round: when the next may open, milliseconds since 1970.
    pub next_at: u64,
    /// The last round that has ended: what its event on the table's channel says besides its leg.
    pub last: Option<PastRound>,
    /// Number of events on the table's channel so far, which is the offset of the newest.
    pub events: u64,
    /// The recorded rules: those that the open round is played by, until it has ended. `None` before the first round.
    pub rules: Option<Box<TableRules>>,
    /// Number of changes of the rules so far.
    pub rules_changes: u64,
    /// Set by a [`TableLeg::Quarantined`](super::TableLeg::Quarantined): the table is out of play. Only the leg that
    /// voids its open round fits.
    pub quarantined: bool,
    /// Set when a leg did not fit. Later legs are skipped except for their stakes, until the live hub records the
    /// quarantine. Only that record decides: the leg may fit for another release.
    pub unfit: bool,
}

/// The stage of an open round.
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

/// A round that is open or locked, with its bets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRound {
    /// The stage.
    pub stage: Stage,
    /// When the stage ends, milliseconds since 1970.
    pub deadline: u64,
    /// The name of the game.
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

impl TableState {
    /// Whether the table is out of play: quarantined, or about to be.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.quarantined || self.unfit
    }

    /// The state that replaces this one when the table is quarantined.
    #[must_use]
    pub fn to_quarantine(&self) -> Self {
        Self { quarantined: true, unfit: false, ..self.clone() }
    }

    /// Drops the bets whose stakes are not held any more. When a round had bets and none is left, it has ended, and is
    /// dropped as well.
    pub(crate) fn keep_held(&mut self, held: impl Fn(HoldId) -> bool) {
        let Some(open) = &mut self.open else { return };
        let before = open.bets.requests();
        open.bets.retain(held);
        if before > 0 && open.bets.requests() == 0 {
            self.open = None;
        }
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.round.into());
        encoder.uint(self.next_at.into());
        encoder.uint(self.events.into());
        encoder.byte(u8::from(self.quarantined));
        encoder.byte(u8::from(self.unfit));
        encoder.uint(self.rules_changes.into());
        encoder.flag(self.rules.is_some());
        if let Some(rules) = &self.rules {
            rules.encode(encoder);
        }
        encoder.flag(self.last.is_some());
        if let Some(last) = &self.last {
            last.encode(encoder);
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
            rules_changes: decoder.u64()?,
            ..Self::default()
        };
        if decoder.flag()? {
            state.rules = Some(Box::new(TableRules::decode(decoder)?));
        }
        if decoder.flag()? {
            state.last = Some(PastRound::decode(decoder)?);
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
