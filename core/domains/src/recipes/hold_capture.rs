//! `HOLD_CAPTURE`: a service takes what it holds, or a part of it.

use ledger::{
    Domain, HoldId, Rejection,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::Currency;

use crate::{
    Recipe, What, adjustment, balance,
    cause::PaymentCause,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
};

/// A service takes what it holds of a player, or a part of it, into corrections. The hold ends: the rest is available to the
/// player again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureHold {
    /// The hold.
    pub hold: HoldId,
    /// How much, minor units, and in which currency; `None` for all of it.
    pub part: Option<(i128, Currency)>,
    /// Why.
    pub cause: PaymentCause,
}

impl Recipe for CaptureHold {
    const KIND: u16 = 14;
    const NAME: &'static str = "HOLD_CAPTURE";
    const DOMAINS: &'static [Domain] = &[Domain::Balance, Domain::Adjustment];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.id(self.hold.0);
        encoder.flag(self.part.is_some());
        if let Some((amount, currency)) = self.part {
            encoder.money(amount);
            encoder.currency(currency);
        }
        self.cause.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let hold = HoldId(decoder.id()?);
        let part = if decoder.flag()? { Some((decoder.money()?, decoder.currency()?)) } else { None };
        Ok(Self { hold, part, cause: PaymentCause::decode(decoder)? })
    }

    fn fields(&self) -> Fields {
        let part = self.part.map(|(amount, currency)| ("amount", Field::Amount(amount, currency)));
        std::iter::once(("hold", Field::Hold(self.hold))).chain(part).chain(self.cause.fields()).collect()
    }

    fn decide(&self, context: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let Self { hold, part, .. } = *self;
        let refused = |rejection| (Domain::Balance, rejection);
        let open = balance::service_hold(context, hold).map_err(refused)?;
        let account = open.first.account;
        let amount = match part {
            None => open.amount(),
            Some((amount, currency)) if currency == account.currency => amount,
            Some(_) => return Err(refused(Rejection::CurrencyDiffers)),
        };
        decision.ask(&balance::Command::Capture { hold, amount })?;
        decision.ask(&adjustment::Command::Take { currency: account.currency, amount })?;
        if let Some(player) = account.owner.player() {
            decision.tell(player, account.currency, What::Captured);
        }
        Ok(())
    }
}
