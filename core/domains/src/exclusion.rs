//! The exclusion of a player from play: a row of the balance domain. While it stands, no stake is held and no deposit taken;
//! open rounds settle, and what the player has can be paid out.
//!
//! It is not made shorter. A time-out ends by itself; a self-exclusion stands, also past its end, until the player asks to
//! come back and a time to cool off has passed. How long each lasts at least or at most is in
//! [`protection`](crate::protection).

use ledger::codec::{DecodeError, Decoder, Encoder};
use protocol::PlayerId;

use crate::{
    fields::{Field, Fields},
    rows::{Row, RowImage, Rows},
};

/// An exclusion takes the place of one that is as strict only when it ends later by more than this, milliseconds: an hour.
/// The same request under two keys makes it no longer.
pub const LONGER_MIN: u64 = 60 * 60 * 1_000;

/// What kind of exclusion stands. The numbers are written into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExclusionKind {
    /// A break that the player takes. It ends by itself.
    TimeOut = 1,
    /// It stands until the player asks to come back, which they may from its end on.
    SelfExclusion = 2,
    /// The player has asked to come back after a self-exclusion, and cools off. It ends by itself.
    CoolingOff = 3,
}

impl ExclusionKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [ExclusionKind; 3] =
        [ExclusionKind::TimeOut, ExclusionKind::SelfExclusion, ExclusionKind::CoolingOff];

    /// The kind of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        ExclusionKind::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// The name on the wire and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ExclusionKind::TimeOut => "time_out",
            ExclusionKind::SelfExclusion => "self_exclusion",
            ExclusionKind::CoolingOff => "cooling_off",
        }
    }
}

/// The exclusion of one player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exclusion {
    /// Its kind.
    pub kind: ExclusionKind,
    /// Its end, milliseconds since 1970: a self-exclusion stands beyond it. `None` for good.
    pub until: Option<u64>,
}

impl Exclusion {
    /// The exclusion of a player that stands at a time, milliseconds since 1970.
    #[must_use]
    pub fn of(rows: &Rows, player: PlayerId, now: u64) -> Option<Self> {
        rows.get::<Self>(&player.0.to_be_bytes()).filter(|exclusion| exclusion.stands(now))
    }

    /// Whether it stands at a time, milliseconds since 1970.
    #[must_use]
    pub fn stands(&self, now: u64) -> bool {
        self.kind == ExclusionKind::SelfExclusion || self.until.is_none_or(|until| now < until)
    }

    /// Whether it takes the place of another one that stands: it is stricter and ends no earlier, or it is as strict and ends
    /// later by more than [`LONGER_MIN`].
    // clause: gli19.2.5.5.stricter
    #[must_use]
    pub fn replaces(&self, other: &Self) -> bool {
        let end = |one: &Self| one.until.unwrap_or(u64::MAX);
        let is_strict = |one: &Self| one.kind == ExclusionKind::SelfExclusion;
        match (is_strict(self), is_strict(other)) {
            (true, false) => end(self) >= end(other),
            (false, true) => false,
            (true, true) | (false, false) => end(self) > end(other).saturating_add(LONGER_MIN),
        }
    }

    /// The image of a player's exclusion.
    ///
    /// # Panics
    /// Never: a player's id is shorter than the longest key.
    #[must_use]
    pub fn image(&self, player: PlayerId) -> RowImage {
        RowImage::of(&player.0.to_be_bytes(), Some(self)).expect("a player's id is a short key")
    }
}

impl Row for Exclusion {
    const KIND: u16 = 4;
    const NAME: &'static str = "exclusion";

    fn encode(&self, encoder: &mut Encoder) {
        encoder.byte(self.kind as u8);
        encoder.option(self.until);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let kind = ExclusionKind::from_number(decoder.byte()?);
        Ok(Self { kind: kind.ok_or(DecodeError::Unknown("kind of an exclusion"))?, until: decoder.option()? })
    }

    fn key(bytes: &[u8]) -> Field {
        Field::of_player_key(bytes)
    }

    fn fields(&self) -> Fields {
        let until = self.until.map(|until| ("until", Field::Time(until)));
        std::iter::once(("exclusion", Field::Text(self.kind.name().into()))).chain(until).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exclusion(kind: ExclusionKind, until: impl Into<Option<u64>>) -> Exclusion {
        Exclusion { kind, until: until.into() }
    }

    #[test]
    fn a_time_out_and_a_time_to_cool_off_end_by_themselves_and_a_self_exclusion_does_not() {
        for kind in [ExclusionKind::TimeOut, ExclusionKind::CoolingOff] {
            assert!(exclusion(kind, 10).stands(9));
            assert!(!exclusion(kind, 10).stands(10));
            assert!(exclusion(kind, None).stands(u64::MAX));
        }
        assert!(exclusion(ExclusionKind::SelfExclusion, 10).stands(u64::MAX));
    }

    // clause: gli19.2.5.5.stricter
    #[test]
    fn an_exclusion_is_made_longer_or_stricter_and_never_shorter_or_weaker() {
        use ExclusionKind::{CoolingOff, SelfExclusion, TimeOut};
        let longer = 11 + LONGER_MIN;
        for (new, old, may) in [
            (exclusion(TimeOut, longer), exclusion(TimeOut, 10), true),
            (exclusion(TimeOut, longer - 1), exclusion(TimeOut, 10), false),
            (exclusion(TimeOut, 10), exclusion(TimeOut, 10), false),
            (exclusion(TimeOut, 9), exclusion(TimeOut, 10), false),
            (exclusion(SelfExclusion, 9), exclusion(TimeOut, 10), false),
            (exclusion(SelfExclusion, 10), exclusion(TimeOut, 10), true),
            (exclusion(SelfExclusion, None), exclusion(SelfExclusion, 10), true),
            (exclusion(SelfExclusion, 10), exclusion(SelfExclusion, None), false),
            (exclusion(SelfExclusion, None), exclusion(SelfExclusion, None), false),
            (exclusion(TimeOut, longer), exclusion(SelfExclusion, 10), false),
            (exclusion(TimeOut, longer), exclusion(CoolingOff, 10), true),
            (exclusion(TimeOut, 10), exclusion(CoolingOff, 10), false),
            (exclusion(SelfExclusion, 10), exclusion(CoolingOff, 10), true),
        ] {
            assert_eq!(new.replaces(&old), may, "{new:?} {old:?}");
        }
    }
}
