//! The rules of a table: what it decides bets and rounds with, besides its recorded state.
//!
//! [`LiveTable`](super::live::LiveTable) takes limits, times and the game from this one value. The value has one
//! encoding, so equal rules have equal bytes and equal hashes. What only people read, such as the table's name, and what
//! bounds sessions stand beside it in [`TableConfig`](super::live::TableConfig). The bounds of the record format,
//! `REQUESTS_MAX` and `SPOTS_MAX`, are no rules of a table: they are the same for all tables of a release.

use ledger::{
    SUM_MAX,
    codec::{AT_ONCE, DecodeError, Decoder, Encoder},
};
use protocol::{Currency, amount::SCALE_MAX};

/// Longest name of a game, bytes.
pub const GAME_BYTES_MAX: usize = 32;
/// Most bet kinds of a game.
pub const KINDS_MAX: usize = 64;
/// Most seats of a table: a seat is taken with a request, and a round takes no more requests.
pub const SEATS_MAX: u32 = 50_000;
/// Longest time for bets, milliseconds.
pub const BETTING_MS_MAX: u64 = 3_600_000;
/// Longest time from the lock to the result, milliseconds.
pub const LOCKED_MS_MAX: u64 = 600_000;
/// Longest time from the result to the next round, milliseconds.
pub const PAUSE_MS_MAX: u64 = 600_000;

/// The rules of a table. Amounts are in minor units of the currency.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TableRules {
    /// The game, as the registry names it. 1..=[`GAME_BYTES_MAX`] bytes.
    pub game: Box<str>,
    /// Version of the game's rules under which rounds are opened.
    pub rules_version: u16,
    /// The currency of every stake.
    pub currency: Currency,
    /// Decimals of the currency. 0..=[`SCALE_MAX`].
    pub scale: u32,
    /// Most players with bets in a round. 1..=[`SEATS_MAX`].
    pub seats_max: u32,
    /// From the opening to the end of betting, milliseconds. 0..=[`BETTING_MS_MAX`].
    pub betting_ms: u64,
    /// From the lock to the result, milliseconds. 0..=[`LOCKED_MS_MAX`].
    pub locked_ms: u64,
    /// From the result to the next round, milliseconds. 0..=[`PAUSE_MS_MAX`].
    pub pause_ms: u64,
    /// Most one player may stake in a round. 1..=[`SUM_MAX`].
    pub round_max: i128,
    /// The limits of each bet kind, in the order of the kinds of `game` in `rules_version`. 1..=[`KINDS_MAX`] kinds.
    pub limits: Vec<BetLimits>,
}

/// The limits of one bet kind, minor units; both ends are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BetLimits {
    /// The smallest stake of one bet. 1..=`spot_max`.
    pub stake_min: i128,
    /// The most one player may have on one spot in a round. Up to [`SUM_MAX`].
    pub spot_max: i128,
}

impl TableRules {
    /// The first value that is out of its bounds, by name; `None` when all are within. Rules out of bounds are not
    /// recorded, because they would not be read back.
    #[must_use]
    pub fn out_of_bounds(&self) -> Option<&'static str> {
        let amount = |amount| (1..=SUM_MAX).contains(&amount);
        let limits = |limits: &BetLimits| {
            amount(limits.stake_min) && amount(limits.spot_max) && limits.stake_min <= limits.spot_max
        };
        let values = [
            ("the name of a game", (1..=GAME_BYTES_MAX).contains(&self.game.len())),
            ("the decimals of a currency", self.scale <= SCALE_MAX),
            ("the seats of a table", (1..=SEATS_MAX).contains(&self.seats_max)),
            ("the time for bets", self.betting_ms <= BETTING_MS_MAX),
            ("the time from lock to result", self.locked_ms <= LOCKED_MS_MAX),
            ("the time between rounds", self.pause_ms <= PAUSE_MS_MAX),
            ("the most of a player in a round", amount(self.round_max)),
            ("the number of bet kinds", (1..=KINDS_MAX).contains(&self.limits.len())),
            ("the limits of a bet kind", self.limits.iter().all(limits)),
        ];
        values.into_iter().find(|(_, within)| !within).map(|(name, _)| name)
    }

    /// The rules in their only encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        self.encode(&mut encoder);
        encoder.into_bytes()
    }

    /// Reads what [`TableRules::to_bytes`] has written.
    ///
    /// # Errors
    /// When the bytes are not the encoding of rules, or a value is out of its bounds.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut decoder = Decoder::new(bytes);
        let rules = Self::decode(&mut decoder)?;
        decoder.finish()?;
        Ok(rules)
    }

    pub(crate) fn encode(&self, encoder: &mut Encoder) {
        encoder.bytes(self.game.as_bytes());
        encoder.uint(self.rules_version.into());
        encoder.currency(self.currency);
        encoder.uint(self.scale.into());
        encoder.uint(self.seats_max.into());
        encoder.uint(self.betting_ms.into());
        encoder.uint(self.locked_ms.into());
        encoder.uint(self.pause_ms.into());
        encoder.money(self.round_max);
        encoder.uint(self.limits.len() as u128);
        for limits in &self.limits {
            encoder.money(limits.stake_min);
            encoder.money(limits.spot_max);
        }
    }

    pub(crate) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut rules = Self {
            game: decoder.text()?.into(),
            rules_version: decoder.u16()?,
            currency: decoder.currency()?,
            scale: decoder.u32()?,
            seats_max: decoder.u32()?,
            betting_ms: decoder.u64()?,
            locked_ms: decoder.u64()?,
            pause_ms: decoder.u64()?,
            round_max: decoder.money()?,
            limits: Vec::new(),
        };
        let kinds = decoder.count_of(2)?;
        rules.limits.reserve(kinds.min(AT_ONCE));
        for _ in 0..kinds {
            rules.limits.push(BetLimits { stake_min: decoder.money()?, spot_max: decoder.money()? });
        }
        rules.out_of_bounds().map_or(Ok(rules), |name| Err(DecodeError::OutOfRange(name)))
    }
}
