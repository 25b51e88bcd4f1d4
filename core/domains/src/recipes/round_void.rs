//! `ROUND_VOID`: a round cannot be drawn, every stake is returned.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, RoundId};

use crate::{
    Recipe, What, balance,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
    limits::PlayerLimits,
    rows::RowKind,
};

/// A round cannot be drawn. Who has a share in it follows from the table's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundVoid {
    /// The round.
    pub round: RoundId,
    /// The currency.
    pub currency: Currency,
}

impl Recipe for RoundVoid {
    const KIND: u16 = 5;
    const NAME: &'static str = "ROUND_VOID";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];
    const ROWS: &'static [RowKind] = &[RowKind::of::<PlayerLimits>()];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.round(self.round);
        encoder.currency(self.currency);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { round: decoder.round()?, currency: decoder.currency()? })
    }

    fn fields(&self) -> Fields {
        vec![("round", Field::Round(self.round)), ("currency", Field::Currency(self.currency))]
    }

    fn decide(&self, context: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let Self { round, currency } = *self;
        for share in context.shares {
            let checked = share.check(context.view.ledger(Domain::Balance));
            checked.map_err(|rejection| (Domain::Balance, rejection))?;
            for hold in &share.holds {
                decision.ask(&balance::Command::Release { hold: *hold, player: share.player, round })?;
            }
            decision.tell(share.player, currency, What::Voided { round, staked: share.staked });
        }
        Ok(())
    }
}
