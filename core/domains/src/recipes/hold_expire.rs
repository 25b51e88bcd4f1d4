//! `HOLD_EXPIRE`: a hold whose time is over is voided.

use ledger::{
    Domain, HoldId,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::{
    Recipe, What, balance,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
};

/// A hold whose time is over is voided. The hub sends it to itself when the hold is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldExpire {
    /// The hold.
    pub hold: HoldId,
}

impl Recipe for HoldExpire {
    const KIND: u16 = 11;
    const NAME: &'static str = "HOLD_EXPIRE";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.id(self.hold.0);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self { hold: HoldId(decoder.id()?) })
    }

    fn fields(&self) -> Fields {
        vec![("hold", Field::Hold(self.hold))]
    }

    fn decide(&self, context: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        decision.ask(&balance::Command::Expire(self.hold))?;
        let hold = context.view.ledger(Domain::Balance).hold(self.hold);
        let account = hold.map(|hold| hold.first.account);
        if let Some((player, currency)) =
            account.and_then(|account| Some((account.owner.player()?, account.currency)))
        {
            decision.tell(player, currency, What::Expired);
        }
        Ok(())
    }
}
