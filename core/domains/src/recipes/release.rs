//! `RELEASE`: a player takes bets back before the round is locked.

use ledger::{
    Domain, HoldId,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, PlayerId, RoundId};

use crate::{
    Recipe, What, balance,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
    limits::PlayerLimits,
    rows::RowKind,
};

/// A player takes bets back: their stakes are returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseStakes {
    /// The player.
    pub player: PlayerId,
    /// The round of the bets.
    pub round: RoundId,
    /// The currency.
    pub currency: Currency,
    /// The holds of the bets.
    pub holds: Vec<HoldId>,
}

impl Recipe for ReleaseStakes {
    const KIND: u16 = 3;
    const NAME: &'static str = "RELEASE";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];
    const ROWS: &'static [RowKind] = &[RowKind::of::<PlayerLimits>()];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.player(self.player);
        encoder.round(self.round);
        encoder.currency(self.currency);
        encoder.uint(self.holds.len() as u128);
        self.holds.iter().for_each(|hold| encoder.id(hold.0));
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (player, round, currency) = (decoder.player()?, decoder.round()?, decoder.currency()?);
        let count = decoder.count()?;
        let holds = (0..count).map(|_| decoder.id().map(HoldId)).collect::<Result<_, _>>()?;
        Ok(Self { player, round, currency, holds })
    }

    fn fields(&self) -> Fields {
        vec![
            ("player", Field::Player(self.player)),
            ("round", Field::Round(self.round)),
            ("currency", Field::Currency(self.currency)),
            ("holds", Field::Holds(self.holds.clone())),
        ]
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let Self { player, round, currency, holds } = self;
        for hold in holds {
            decision.ask(&balance::Command::Release { hold: *hold, player: *player, round: *round })?;
        }
        decision.tell(*player, *currency, What::Release);
        Ok(())
    }
}
