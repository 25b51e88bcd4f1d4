//! `CREDIT`: a service pays a player.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, PlayerId};

use super::payment;
use crate::{
    Recipe, What, adjustment, balance,
    balance_rule::RuledChange,
    cause::PaymentCause,
    decide::{Context, Deciding, RefusedBy},
    fields::Fields,
};

/// A service pays a player, out of corrections; the first credit opens the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    /// The player.
    pub player: PlayerId,
    /// The currency.
    pub currency: Currency,
    /// Minor units.
    pub amount: i128,
    /// Why.
    pub cause: PaymentCause,
}

impl Recipe for Credit {
    const KIND: u16 = 7;
    const NAME: &'static str = "CREDIT";
    const DOMAINS: &'static [Domain] = &[Domain::Balance, Domain::Adjustment];

    fn encode(&self, encoder: &mut Encoder) {
        payment::encode(encoder, self.player, self.currency, self.amount);
        self.cause.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (player, currency, amount) = payment::decode(decoder)?;
        Ok(Self { player, currency, amount, cause: PaymentCause::decode(decoder)? })
    }

    fn fields(&self) -> Fields {
        let payment = payment::fields(self.player, self.currency, self.amount);
        payment.into_iter().chain(self.cause.fields()).collect()
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let Self { player, currency, amount, .. } = *self;
        decision.ask(&balance::Command::Open(player, currency))?;
        let from = Domain::Adjustment;
        decision.ask(&balance::Command::Credit { player, currency, amount, from })?;
        decision.ask(&adjustment::Command::Give { currency, amount })?;
        let change = RuledChange::Credit(amount);
        decision.ask(&balance::Command::KeepRule { player, currency, change })?;
        decision.tell(player, currency, What::Credit);
        Ok(())
    }
}
