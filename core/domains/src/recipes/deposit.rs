//! `DEPOSIT`: a player's money comes in from a source.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, PlayerId};

use super::payment;
use crate::{
    Recipe, What, balance,
    balance_rule::RuledChange,
    collections,
    decide::{Context, Deciding, RefusedBy},
    fields::Fields,
    limits::PlayerLimits,
    rows::RowKind,
};

/// A player's money comes in; the first deposit opens the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deposit {
    /// The player.
    pub player: PlayerId,
    /// The currency.
    pub currency: Currency,
    /// Minor units.
    pub amount: i128,
}

impl Recipe for Deposit {
    const KIND: u16 = 1;
    const NAME: &'static str = "DEPOSIT";
    const DOMAINS: &'static [Domain] = &[Domain::Balance, Domain::Collections];
    const ROWS: &'static [RowKind] = &[RowKind::of::<PlayerLimits>()];

    fn encode(&self, encoder: &mut Encoder) {
        payment::encode(encoder, self.player, self.currency, self.amount);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (player, currency, amount) = payment::decode(decoder)?;
        Ok(Self { player, currency, amount })
    }

    fn fields(&self) -> Fields {
        payment::fields(self.player, self.currency, self.amount)
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let Self { player, currency, amount } = *self;
        decision.ask(&balance::Command::Deposit { player, currency, amount })?;
        decision.ask(&collections::Command::Capture { currency, amount })?;
        let change = RuledChange::Credit(amount);
        decision.ask(&balance::Command::KeepRule { player, currency, change })?;
        decision.tell(player, currency, What::Deposit);
        Ok(())
    }
}
