//! `HOLD`: a service holds a player's money.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, PlayerId};

use super::payment;
use crate::{
    Recipe, What, balance,
    balance_rule::RuledChange,
    cause::PaymentCause,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
};

/// A service holds a player's money under the id of the transaction, to be captured or released later. Nothing more of a
/// frozen player is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldFunds {
    /// The player.
    pub player: PlayerId,
    /// The currency.
    pub currency: Currency,
    /// Minor units.
    pub amount: i128,
    /// When it ends by itself, milliseconds since 1970; `None` for a hold that stays until it is captured or released.
    pub expires: Option<u64>,
    /// Why.
    pub cause: PaymentCause,
}

impl Recipe for HoldFunds {
    const KIND: u16 = 13;
    const NAME: &'static str = "HOLD";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];

    fn encode(&self, encoder: &mut Encoder) {
        payment::encode(encoder, self.player, self.currency, self.amount);
        encoder.option(self.expires);
        self.cause.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (player, currency, amount) = payment::decode(decoder)?;
        Ok(Self {
            player,
            currency,
            amount,
            expires: decoder.option()?,
            cause: PaymentCause::decode(decoder)?,
        })
    }

    fn fields(&self) -> Fields {
        let payment = payment::fields(self.player, self.currency, self.amount);
        let expires = self.expires.map(|expires| ("expires", Field::Time(expires)));
        payment.into_iter().chain(expires).chain(self.cause.fields()).collect()
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let Self { player, currency, amount, expires, .. } = *self;
        decision.ask(&balance::Command::HoldForService { player, currency, amount, expires })?;
        let change = RuledChange::Debit(amount);
        decision.ask(&balance::Command::KeepRule { player, currency, change })?;
        decision.tell(player, currency, What::Held);
        Ok(())
    }
}
