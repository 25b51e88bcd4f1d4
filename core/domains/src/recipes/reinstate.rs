//! `REINSTATE`: a player comes back after a self-exclusion.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::PlayerId;

use crate::{
    Recipe, balance,
    decide::{Context, Deciding, RefusedBy},
    exclusion::Exclusion,
    fields::{Field, Fields},
    rows::RowKind,
};

/// A player comes back to play after a self-exclusion whose end has passed. Before play begins, a time to cool off passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reinstate {
    /// The player.
    pub player: PlayerId,
}

impl Recipe for Reinstate {
    const KIND: u16 = 19;
    const NAME: &'static str = "REINSTATE";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];
    const ROWS: &'static [RowKind] = &[RowKind::of::<Exclusion>()];

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
        decision.ask(&balance::Command::Reinstate(self.player))
    }
}
