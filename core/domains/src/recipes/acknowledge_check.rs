//! `ACKNOWLEDGE_REALITY_CHECK`: a player has seen how long they have played, and what they have won or lost.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::PlayerId;

use crate::{
    Recipe, balance,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
    play_session::PlaySession,
    rows::RowKind,
};

/// A player acknowledges how they play, and may stake again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcknowledgeCheck {
    /// The player.
    pub player: PlayerId,
}

impl Recipe for AcknowledgeCheck {
    const KIND: u16 = 26;
    const NAME: &'static str = "ACKNOWLEDGE_REALITY_CHECK";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];
    const ROWS: &'static [RowKind] = &[RowKind::of::<PlaySession>()];

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
        decision.ask(&balance::Command::AcknowledgeCheck(self.player))
    }
}
