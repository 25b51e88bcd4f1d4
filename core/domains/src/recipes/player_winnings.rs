//! `PLAYER_WINNINGS`: a game that is played elsewhere pays a player.

use ledger::{
    Domain, OwnerKind,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, PlayerId};

use super::payment;
use crate::{
    Recipe, What, balance,
    cause::PaymentCause,
    collections,
    decide::{Context, Deciding, RefusedBy},
    distributions,
    fields::{Field, Fields},
    rows::{RowKind, owner_name::OwnerName},
};

/// A game that is played elsewhere pays a player: collections takes the amount from the game's result, distributions pays it
/// out, balance receives it. The first payment opens the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayerWinnings {
    /// The player.
    pub player: PlayerId,
    /// The currency.
    pub currency: Currency,
    /// Minor units.
    pub amount: i128,
    /// The game.
    pub game: OwnerName,
    /// Why.
    pub cause: PaymentCause,
}

impl Recipe for PlayerWinnings {
    const KIND: u16 = 17;
    const NAME: &'static str = "PLAYER_WINNINGS";
    const DOMAINS: &'static [Domain] = &[Domain::Balance, Domain::Collections, Domain::Distributions];
    const ROWS: &'static [RowKind] = &[RowKind::of::<OwnerName>()];

    fn encode(&self, encoder: &mut Encoder) {
        payment::encode(encoder, self.player, self.currency, self.amount);
        encoder.bytes(self.game.as_str().as_bytes());
        self.cause.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (player, currency, amount) = payment::decode(decoder)?;
        let game = payment::owner_name(decoder)?;
        Ok(Self { player, currency, amount, game, cause: PaymentCause::decode(decoder)? })
    }

    fn fields(&self) -> Fields {
        let payment = payment::fields(self.player, self.currency, self.amount);
        let game = ("game", Field::Text(self.game.to_string()));
        payment.into_iter().chain([game]).chain(self.cause.fields()).collect()
    }

    fn decide(&self, context: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let Self { player, currency, amount, .. } = *self;
        let game = payment::owner(context, decision, OwnerKind::Game, &self.game);
        decision.ask(&balance::Command::Open(player, currency))?;
        let from = Domain::Distributions;
        decision.ask(&balance::Command::Credit { player, currency, amount, from })?;
        decision.ask(&collections::Command::FundWinnings { game, currency, amount })?;
        decision.ask(&distributions::Command::TakeFunds { currency, amount })?;
        decision.ask(&distributions::Command::PayWinnings { currency, amount })?;
        decision.tell(player, currency, What::Winnings);
        Ok(())
    }
}
