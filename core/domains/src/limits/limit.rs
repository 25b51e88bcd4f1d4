//! One limit: what it limits, how far, and what is used of it.

use ledger::codec::{DecodeError, Decoder, Encoder};
use protocol::Currency;

use crate::{
    calendar::Period,
    fields::{Field, Fields},
};

/// What a limit limits. The numbers are written into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum LimitKind {
    /// What is deposited, whatever is paid out meanwhile.
    Deposit = 1,
    /// Stakes less what rounds return.
    Loss = 2,
    /// Stakes, whatever rounds return.
    Stake = 3,
    /// How long the player plays.
    PlayTime = 4,
}

impl LimitKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [LimitKind; 4] =
        [LimitKind::Deposit, LimitKind::Loss, LimitKind::Stake, LimitKind::PlayTime];

    /// The kind of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        LimitKind::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// The name on the wire and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LimitKind::Deposit => "deposit",
            LimitKind::Loss => "loss",
            LimitKind::Stake => "stake",
            LimitKind::PlayTime => "play_time",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        LimitKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it is of money, and so of a currency.
    #[must_use]
    pub fn is_of_money(self) -> bool {
        self != LimitKind::PlayTime
    }

    /// The clause that asks for a limit of this kind.
    #[must_use]
    pub fn clause(self) -> &'static str {
        match self {
            // clause: ukgc.rts.12b.deposit
            LimitKind::Deposit => "ukgc.rts.12b.deposit",
            // clause: ukgc.rts.12.loss
            LimitKind::Loss => "ukgc.rts.12.loss",
            // clause: ukgc.rts.12.stake
            LimitKind::Stake => "ukgc.rts.12.stake",
            // clause: ukgc.rts.13.time
            LimitKind::PlayTime => "ukgc.rts.13.time",
        }
    }
}

/// Which limit of a player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LimitId {
    /// What it limits.
    pub kind: LimitKind,
    /// The period.
    pub period: Period,
    /// The currency; `None` of time.
    pub currency: Option<Currency>,
}

impl LimitId {
    /// The id of a limit of money or of time.
    #[must_use]
    pub fn new(kind: LimitKind, period: Period, currency: Option<Currency>) -> Option<Self> {
        (kind.is_of_money() == currency.is_some()).then_some(Self { kind, period, currency })
    }

    pub(crate) fn encode(self, encoder: &mut Encoder) {
        encoder.byte(self.kind as u8);
        encoder.byte(self.period as u8);
        self.currency.iter().for_each(|currency| encoder.currency(*currency));
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (kind, period) = names(decoder.byte()?, decoder.byte()?)?;
        let currency = if kind.is_of_money() { Some(decoder.currency()?) } else { None };
        Ok(Self { kind, period, currency })
    }

    /// Its parts by name.
    #[must_use]
    pub fn fields(self) -> Fields {
        let names = [
            ("limit", Field::Text(self.kind.name().into())),
            ("period", Field::Text(self.period.name().into())),
        ];
        let currency = self.currency.map(|currency| ("currency", Field::Currency(currency)));
        names.into_iter().chain(currency).collect()
    }

    /// A value of this limit as a report shows it.
    pub(crate) fn value(self, value: i128) -> Field {
        match self.currency {
            Some(currency) => Field::Amount(value, currency),
            None => Field::Number(u64::try_from(value).unwrap_or_default()),
        }
    }
}

fn names(kind: u8, period: u8) -> Result<(LimitKind, Period), DecodeError> {
    let kind = LimitKind::from_number(kind).ok_or(DecodeError::Unknown("kind of a limit"))?;
    Ok((kind, Period::from_number(period).ok_or(DecodeError::Unknown("period"))?))
}

/// A looser limit that a player has asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loosening {
    /// The limit, minor units or milliseconds; `None` for none.
    pub to: Option<i128>,
    /// From when it can be confirmed, milliseconds since 1970.
    pub from: u64,
    /// Until when, milliseconds since 1970.
    pub until: u64,
}

/// One limit of a player. Values are minor units, or milliseconds of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlayerLimit {
    /// What it limits.
    pub kind: LimitKind,
    /// The period.
    pub period: Period,
    /// As the player has set it.
    pub own: Option<i128>,
    /// As the operator has set it for the player.
    pub operators: Option<i128>,
    /// A looser one that waits for the player to confirm it.
    pub loosening: Option<Loosening>,
    /// What is used of it in the period that has the day of its row. A loss below zero is a gain.
    pub used: i128,
}

impl PlayerLimit {
    /// One that limits nothing yet.
    pub(super) fn new(kind: LimitKind, period: Period) -> Self {
        Self { kind, period, own: None, operators: None, loosening: None, used: 0 }
    }

    /// Whether what is at stake counts.
    pub(super) fn is_of_stakes(&self) -> bool {
        matches!(self.kind, LimitKind::Stake | LimitKind::Loss)
    }

    /// The stricter of the player's and the operator's.
    // clause: gli19.a.3.7.stricter
    #[must_use]
    pub fn in_force(&self) -> Option<i128> {
        self.own.into_iter().chain(self.operators).min()
    }

    pub(super) fn encode(&self, encoder: &mut Encoder) {
        let Self { kind, period, own, operators, loosening, used } = *self;
        // Two bits of the period; then which values are there.
        let flags = [own.is_some(), operators.is_some(), loosening.is_some()];
        let flags = flags.iter().fold(0, |bits, flag| bits << 1 | u8::from(*flag));
        encoder.byte(kind as u8);
        encoder.byte(flags << 2 | period as u8);
        own.into_iter().chain(operators).for_each(|value| encoder.money(value));
        if let Some(Loosening { to, from, until }) = loosening {
            encoder.flag(to.is_some());
            to.iter().for_each(|to| encoder.money(*to));
            encoder.uint(from.into());
            encoder.uint(until.saturating_sub(from).into());
        }
        encoder.money(used);
    }

    pub(super) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (kind, bits) = (decoder.byte()?, decoder.byte()?);
        let (kind, period) = names(kind, bits & 3)?;
        if bits >> 5 != 0 {
            return Err(DecodeError::OutOfRange("a limit"));
        }
        let mut value = |flag| (bits & flag != 0).then(|| decoder.money()).transpose();
        let (own, operators) = (value(16)?, value(8)?);
        let loosening = if bits & 4 != 0 {
            let to = if decoder.flag()? { Some(decoder.money()?) } else { None };
            let from = decoder.u64()?;
            let until = from.checked_add(decoder.u64()?).ok_or(DecodeError::OutOfRange("a limit"))?;
            Some(Loosening { to, from, until })
        } else {
            None
        };
        Ok(Self { kind, period, own, operators, loosening, used: decoder.money()? })
    }

    pub(super) fn fields(&self, id: LimitId) -> Fields {
        let Self { own, operators, loosening, used, .. } = *self;
        let value = |name, value: Option<i128>| value.map(|value| (name, id.value(value)));
        let loosening = loosening.map(|Loosening { to, from, until }| {
            let to = to.map(|to| ("to", id.value(to)));
            let times = [("from", Field::Time(from)), ("until", Field::Time(until))];
            ("loosening", Field::Group(to.into_iter().chain(times).collect()))
        });
        let set = value("own", own).into_iter().chain(value("operators", operators)).chain(loosening);
        set.chain(value("used", Some(used))).collect()
    }
}
