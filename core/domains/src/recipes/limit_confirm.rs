//! `LIMIT_CONFIRM`: a player confirms a looser limit that has waited.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::PlayerId;

use crate::{
    Recipe,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
    limits::{self, LimitId, PlayerLimits},
    rows::RowKind,
};

/// The looser limit that a player has asked for is in force from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfirmLimit {
    /// The player.
    pub player: PlayerId,
    /// Which limit.
    pub id: LimitId,
}

impl Recipe for ConfirmLimit {
    const KIND: u16 = 23;
    const NAME: &'static str = "LIMIT_CONFIRM";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];
    const ROWS: &'static [RowKind] = &[RowKind::of::<PlayerLimits>()];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.player(self.player);
        self.id.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { player: decoder.player()?, id: LimitId::decode(decoder)? })
    }

    fn fields(&self) -> Fields {
        [("player", Field::Player(self.player))].into_iter().chain(self.id.fields()).collect()
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        decision.ask(&limits::Command::Confirm(self.player, self.id))
    }
}
