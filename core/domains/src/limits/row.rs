//! The row of a player's limits, with what is used of each.

use ledger::{
    Rejection,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, PlayerId};

use super::limit::{LimitId, PlayerLimit};
use crate::{
    fields::{Field, Fields},
    rows::{Row, RowImage, Rows},
};

/// Most limits of a player. With this many a row is within the bounds of its value.
pub const LIMITS_MAX: usize = 40;
/// Most of them that the player has set, so that the row has room for what the player waits for in each.
pub const OWN_LIMITS_MAX: usize = 28;

/// The limits of one player.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlayerLimits {
    /// The day on which something was counted last, in the calendar of the operator.
    pub(super) day: u32,
    /// When the player was last seen to play, milliseconds since 1970, while there is a limit of playing time.
    pub(super) last: u64,
    pub(super) groups: Vec<LimitGroup>,
}

/// The limits in one currency, or those of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LimitGroup {
    pub currency: Option<Currency>,
    /// What is at stake in rounds that have not ended, minor units, while there is a limit of stakes or losses. Holds of
    /// services that were there when the first such limit was set are in it.
    pub open: i128,
    pub limits: Vec<PlayerLimit>,
}

impl LimitGroup {
    /// What is at stake, of what is held: what a service held and gives back is at stake no more.
    pub fn at_stake(&self, held: i128) -> i128 {
        self.open.min(held)
    }
}

impl PlayerLimits {
    /// The limits of a player, if there are any.
    #[must_use]
    pub fn of(rows: &Rows, player: PlayerId) -> Option<Self> {
        rows.get(&player.0.to_be_bytes())
    }

    /// Every limit with its currency.
    pub fn iter(&self) -> impl Iterator<Item = (LimitId, &PlayerLimit)> {
        self.groups.iter().flat_map(|group| {
            let id = |limit: &PlayerLimit| LimitId {
                kind: limit.kind,
                period: limit.period,
                currency: group.currency,
            };
            group.limits.iter().map(move |limit| (id(limit), limit))
        })
    }

    /// The image of a player's limits; without any there is no row.
    ///
    /// # Panics
    /// Never: a player's id is shorter than the longest key.
    #[must_use]
    pub fn image(&self, player: PlayerId) -> RowImage {
        let row = Some(self).filter(|limits| !limits.groups.is_empty());
        RowImage::of(&player.0.to_be_bytes(), row).expect("a player's id is a short key")
    }

    pub(super) fn group(&mut self, currency: Option<Currency>) -> Option<&mut LimitGroup> {
        self.groups.iter_mut().find(|group| group.currency == currency)
    }

    pub(super) fn limit(&mut self, id: LimitId) -> Option<&mut PlayerLimit> {
        let group = self.group(id.currency)?;
        group.limits.iter_mut().find(|limit| (limit.kind, limit.period) == (id.kind, id.period))
    }

    /// The limit, which is made when there is none yet. `held`: what is held in its currency.
    pub(super) fn limit_or_new(&mut self, id: LimitId, held: i128) -> Result<&mut PlayerLimit, Rejection> {
        let LimitId { kind, period, currency } = id;
        let count = self.iter().count();
        let place = self.groups.iter().position(|group| group.currency == currency).unwrap_or_else(|| {
            self.groups.push(LimitGroup { currency, open: 0, limits: Vec::new() });
            self.groups.len() - 1
        });
        let LimitGroup { open, limits, .. } = &mut self.groups[place];
        let known = limits.iter().position(|limit| (limit.kind, limit.period) == (kind, period));
        let place = match known {
            Some(place) => place,
            None if count >= LIMITS_MAX => return Err(Rejection::LimitsFull),
            None => {
                let new = PlayerLimit::new(kind, period);
                // What is staked already counts as well.
                if new.is_of_stakes() && !limits.iter().any(PlayerLimit::is_of_stakes) {
                    *open = held;
                }
                limits.push(new);
                limits.len() - 1
            }
        };
        Ok(&mut limits[place])
    }

    /// Removes what limits nothing any more.
    pub(super) fn tidy(&mut self) {
        self.groups.iter_mut().for_each(|group| group.limits.retain(|limit| limit.in_force().is_some()));
        self.groups.retain(|group| !group.limits.is_empty());
        if self.groups.iter().all(|group| group.currency.is_some()) {
            self.last = 0;
        }
    }
}

impl Row for PlayerLimits {
    const KIND: u16 = 7;
    const NAME: &'static str = "limits";

    fn encode(&self, encoder: &mut Encoder) {
        encoder.uint(self.day.into());
        encoder.uint(self.last.into());
        encoder.uint(self.groups.len() as u128);
        for LimitGroup { currency, open, limits } in &self.groups {
            encoder.flag(currency.is_some());
            currency.iter().for_each(|currency| encoder.currency(*currency));
            encoder.money(*open);
            encoder.uint(limits.len() as u128);
            limits.iter().for_each(|limit| limit.encode(encoder));
        }
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (day, last, count) = (decoder.u32()?, decoder.u64()?, decoder.count()?);
        let mut groups = Vec::with_capacity(count);
        for _ in 0..count {
            let currency = if decoder.flag()? { Some(decoder.currency()?) } else { None };
            let (open, count) = (decoder.money()?, decoder.count()?);
            let mut limits = Vec::with_capacity(count);
            for _ in 0..count {
                limits.push(PlayerLimit::decode(decoder)?);
            }
            groups.push(LimitGroup { currency, open, limits });
        }
        Ok(Self { day, last, groups })
    }

    fn key(bytes: &[u8]) -> Field {
        Field::of_player_key(bytes)
    }

    fn fields(&self) -> Fields {
        let limits = self.iter().map(|(id, limit)| id.fields().into_iter().chain(limit.fields(id)).collect());
        vec![("day", Field::Number(self.day.into())), ("limits", Field::List(limits.collect()))]
    }
}
