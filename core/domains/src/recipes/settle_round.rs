//! `SETTLE_ROUND`: a round is drawn, every stake is taken and every winner is paid.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, RoundId};

use crate::{
    Recipe, What, balance, collections,
    decide::{Context, Deciding, RefusedBy},
    distributions,
    fields::{Field, Fields},
    limits::PlayerLimits,
    play_session::{self, PlaySession},
    rows::RowKind,
};

/// A round is drawn. Who has a share in it follows from the table's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettleRound {
    /// The round.
    pub round: RoundId,
    /// The currency.
    pub currency: Currency,
    /// The outcome, which the seed gives.
    pub outcome: u32,
}

impl Recipe for SettleRound {
    const KIND: u16 = 4;
    const NAME: &'static str = "SETTLE_ROUND";
    const DOMAINS: &'static [Domain] = &[Domain::Balance, Domain::Collections, Domain::Distributions];
    const ROWS: &'static [RowKind] = &[RowKind::of::<PlaySession>(), RowKind::of::<PlayerLimits>()];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.round(self.round);
        encoder.currency(self.currency);
        encoder.uint(self.outcome.into());
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { round: decoder.round()?, currency: decoder.currency()?, outcome: decoder.u32()? })
    }

    fn fields(&self) -> Fields {
        vec![
            ("round", Field::Round(self.round)),
            ("currency", Field::Currency(self.currency)),
            ("outcome", Field::Number(self.outcome.into())),
        ]
    }

    fn decide(&self, context: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let Self { round, currency, outcome } = *self;
        let (mut staked, mut won) = (0_i128, 0_i128);
        for share in context.shares {
            let checked = share.check(context.view.ledger(Domain::Balance));
            checked.map_err(|rejection| (Domain::Balance, rejection))?;
            for hold in &share.holds {
                decision.ask(&balance::Command::Post { hold: *hold, player: share.player, round })?;
            }
            staked = staked.saturating_add(share.staked);
        }
        if staked != 0 {
            decision.ask(&collections::Command::CollectStakes { currency, amount: staked })?;
        }
        for share in context.shares {
            let (player, staked, returned) = (share.player, share.staked, share.returned);
            decision.ask(&balance::Command::End { player, currency, staked, returned })?;
            won = won.saturating_add(returned);
            let session = play_session::round_ended(context.view.rows(), share, round, currency);
            session.into_iter().for_each(|image| decision.put_counted(image));
            decision.tell(player, currency, What::Settled { round, staked, returned, outcome });
        }
        if won != 0 {
            decision.ask(&distributions::Command::PayWinnings { currency, amount: won })?;
        }
        Ok(())
    }
}
