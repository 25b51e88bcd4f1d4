//! `STAKE`: the stake of a bet is held.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, PlayerId, RoundId};

use crate::{
    Recipe, What, balance,
    balance_rule::RuledChange,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
    limits::PlayerLimits,
    play_session::PlaySession,
    rows::RowKind,
};

/// The stake of a bet is held under the id of the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldStake {
    /// The player.
    pub player: PlayerId,
    /// The round of the bet.
    pub round: RoundId,
    /// The currency.
    pub currency: Currency,
    /// Minor units.
    pub amount: i128,
}

impl Recipe for HoldStake {
    const KIND: u16 = 2;
    const NAME: &'static str = "STAKE";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];
    const ROWS: &'static [RowKind] = &[RowKind::of::<PlaySession>(), RowKind::of::<PlayerLimits>()];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.player(self.player);
        encoder.round(self.round);
        encoder.currency(self.currency);
        encoder.money(self.amount);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (player, round) = (decoder.player()?, decoder.round()?);
        Ok(Self { player, round, currency: decoder.currency()?, amount: decoder.money()? })
    }

    fn fields(&self) -> Fields {
        vec![
            ("player", Field::Player(self.player)),
            ("round", Field::Round(self.round)),
            ("currency", Field::Currency(self.currency)),
            ("amount", Field::Amount(self.amount, self.currency)),
        ]
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let Self { player, round, currency, amount } = *self;
        decision.ask(&balance::Command::Hold { player, round, currency, amount })?;
        let change = RuledChange::Stake;
        decision.ask(&balance::Command::KeepRule { player, currency, change })?;
        decision.tell(player, currency, What::Stake);
        Ok(())
    }
}
