//! `FREEZE`: nothing more is debited from a player or held.

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
    rows::{Row, RowKind},
};

/// A player is frozen. A new freeze replaces the one that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreezePlayer {
    /// The player.
    pub player: PlayerId,
    /// Why, and until when.
    pub freeze: Freeze,
}

impl Recipe for FreezePlayer {
    const KIND: u16 = 9;
    const NAME: &'static str = "FREEZE";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];
    const ROWS: &'static [RowKind] = &[RowKind::of::<Freeze>()];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.player(self.player);
        self.freeze.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { player: decoder.player()?, freeze: Freeze::decode(decoder)? })
    }

    fn fields(&self) -> Fields {
        std::iter::once(("player", Field::Player(self.player))).chain(self.freeze.fields()).collect()
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        decision.ask(&balance::Command::Freeze(self.player, self.freeze))
    }
}
