//! `DEBIT`: a service takes from a player.

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

/// A service takes from a player, into corrections. A frozen player is not debited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debit {
    /// The player.
    pub player: PlayerId,
    /// The currency.
    pub currency: Currency,
    /// Minor units.
    pub amount: i128,
    /// Why.
    pub cause: PaymentCause,
}

impl Recipe for Debit {
    const KIND: u16 = 8;
    const NAME: &'static str = "DEBIT";
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
        let to = Domain::Adjustment;
        decision.ask(&balance::Command::Debit { player, currency, amount, to })?;
        decision.ask(&adjustment::Command::Take { currency, amount })?;
        let change = RuledChange::Debit(amount);
        decision.ask(&balance::Command::KeepRule { player, currency, change })?;
        decision.tell(player, currency, What::Debit);
        Ok(())
    }
}
