//! `EXCLUDE`: a player is excluded from play.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::PlayerId;

use crate::{
    Recipe, balance,
    decide::{Context, Deciding, RefusedBy},
    exclusion::{Exclusion, ExclusionKind},
    fields::{Field, Fields},
    rows::RowKind,
};

/// A player is excluded from play, from now on. What is asked for is how long it lasts: a repeated request asks for the same,
/// and its end follows from when it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExcludePlayer {
    /// The player.
    pub player: PlayerId,
    /// The kind. Nobody asks for [`ExclusionKind::CoolingOff`]: a player does who comes back.
    pub kind: ExclusionKind,
    /// How long, milliseconds; `None` for good.
    pub lasts: Option<u64>,
}

impl Recipe for ExcludePlayer {
    const KIND: u16 = 18;
    const NAME: &'static str = "EXCLUDE";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];
    const ROWS: &'static [RowKind] = &[RowKind::of::<Exclusion>()];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.player(self.player);
        encoder.byte(self.kind as u8);
        encoder.option(self.lasts);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let player = decoder.player()?;
        let kind = ExclusionKind::from_number(decoder.byte()?);
        let kind = kind.ok_or(DecodeError::Unknown("kind of an exclusion"))?;
        Ok(Self { player, kind, lasts: decoder.option()? })
    }

    fn fields(&self) -> Fields {
        let lasts = self.lasts.map(|lasts| ("lasts_ms", Field::Number(lasts)));
        let own =
            [("player", Field::Player(self.player)), ("exclusion", Field::Text(self.kind.name().into()))];
        own.into_iter().chain(lasts).collect()
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let Self { player, kind, lasts } = *self;
        decision.ask(&balance::Command::Exclude { player, kind, lasts })
    }
}
