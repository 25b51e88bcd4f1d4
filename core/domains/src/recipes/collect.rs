//! `COLLECT`: a payment of a player's has come in, in the name of a merchant.

use ledger::{
    Domain, OwnerKind,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, PlayerId};

use super::payment;
use crate::{
    Recipe, What, balance,
    balance_rule::RuledChange,
    cause::PaymentCause,
    collections,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
    limits::PlayerLimits,
    rows::{RowKind, owner_name::OwnerName},
};

/// How a payment came in. The numbers are written into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum PaymentMethod {
    /// A service or an operator says that it came in, such as at a cashier's desk.
    Manual = 1,
}

impl PaymentMethod {
    /// Every method, in the order of their numbers.
    pub const ALL: [PaymentMethod; 1] = [PaymentMethod::Manual];

    /// The method of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        PaymentMethod::ALL.into_iter().find(|method| *method as u8 == number)
    }

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PaymentMethod::Manual => "manual",
        }
    }
}

/// A payment of a player's has come in, in the name of a merchant; the first one opens the account. What the merchant has
/// received is what the source account of the merchant says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collect {
    /// The player.
    pub player: PlayerId,
    /// The currency.
    pub currency: Currency,
    /// Minor units.
    pub amount: i128,
    /// The merchant.
    pub merchant: OwnerName,
    /// How it came in.
    pub method: PaymentMethod,
    /// Why.
    pub cause: PaymentCause,
}

impl Recipe for Collect {
    const KIND: u16 = 16;
    const NAME: &'static str = "COLLECT";
    const DOMAINS: &'static [Domain] = &[Domain::Balance, Domain::Collections];
    const ROWS: &'static [RowKind] = &[RowKind::of::<OwnerName>(), RowKind::of::<PlayerLimits>()];

    fn encode(&self, encoder: &mut Encoder) {
        payment::encode(encoder, self.player, self.currency, self.amount);
        encoder.bytes(self.merchant.as_str().as_bytes());
        encoder.byte(self.method as u8);
        self.cause.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (player, currency, amount) = payment::decode(decoder)?;
        let merchant = payment::owner_name(decoder)?;
        let method =
            PaymentMethod::from_number(decoder.byte()?).ok_or(DecodeError::Unknown("payment method"))?;
        Ok(Self { player, currency, amount, merchant, method, cause: PaymentCause::decode(decoder)? })
    }

    fn fields(&self) -> Fields {
        let payment = payment::fields(self.player, self.currency, self.amount);
        let own = [
            ("merchant", Field::Text(self.merchant.to_string())),
            ("method", Field::Text(self.method.name().into())),
        ];
        payment.into_iter().chain(own).chain(self.cause.fields()).collect()
    }

    fn decide(&self, context: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let Self { player, currency, amount, .. } = *self;
        let merchant = payment::owner(context, decision, OwnerKind::Merchant, &self.merchant);
        decision.ask(&balance::Command::Deposit { player, currency, amount })?;
        decision.ask(&collections::Command::CaptureOf { merchant, currency, amount })?;
        let change = RuledChange::Credit(amount);
        decision.ask(&balance::Command::KeepRule { player, currency, change })?;
        decision.tell(player, currency, What::Deposit);
        Ok(())
    }
}
