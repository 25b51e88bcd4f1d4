//! `UNFREEZE`: a freeze is lifted.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::PlayerId;

use crate::{
    Recipe, balance,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
    freeze::Freeze,
    rows::RowKind,
};

/// The freeze of a player is lifted. Refused when none stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfreeze {
    /// The player.
    pub player: PlayerId,
}

impl Recipe for Unfreeze {
    const KIND: u16 = 10;
    const NAME: &'static str = "UNFREEZE";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];
    const ROWS: &'static [RowKind] = &[RowKind::of::<Freeze>()];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.player(self.player);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { player: decoder.player()? })
    }

    fn fields(&self) -> Fields {
        vec![("player", Field::Player(self.player))]
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        decision.ask(&balance::Command::Unfreeze(self.player))
    }
}
