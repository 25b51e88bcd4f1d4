//! `HOLD_RELEASE`: a service gives back what it holds.

use ledger::{
    Domain, HoldId,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::{
    Recipe, What, balance,
    cause::PaymentCause,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
};

/// A service gives back what it holds of a player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseHold {
    /// The hold.
    pub hold: HoldId,
    /// Why.
    pub cause: PaymentCause,
}

impl Recipe for ReleaseHold {
    const KIND: u16 = 15;
    const NAME: &'static str = "HOLD_RELEASE";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.id(self.hold.0);
        self.cause.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { hold: HoldId(decoder.id()?), cause: PaymentCause::decode(decoder)? })
    }

    fn fields(&self) -> Fields {
        std::iter::once(("hold", Field::Hold(self.hold))).chain(self.cause.fields()).collect()
    }

    fn decide(&self, context: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let open =
            balance::service_hold(context, self.hold).map_err(|rejection| (Domain::Balance, rejection))?;
        let account = open.first.account;
        decision.ask(&balance::Command::Free(self.hold))?;
        if let Some(player) = account.owner.player() {
            decision.tell(player, account.currency, What::Freed);
        }
        Ok(())
    }
}
