//! The parameters that `DEPOSIT`, `CREDIT` and `DEBIT` have in common: a player, a currency, an amount in minor units.

use ledger::codec::{DecodeError, Decoder, Encoder};
use protocol::{Currency, PlayerId};

use crate::fields::{Field, Fields};

pub(super) fn encode(encoder: &mut Encoder, player: PlayerId, currency: Currency, amount: i128) {
    encoder.player(player);
    encoder.currency(currency);
    encoder.money(amount);
}

pub(super) fn decode(decoder: &mut Decoder<'_>) -> Result<(PlayerId, Currency, i128), DecodeError> {
    Ok((decoder.player()?, decoder.currency()?, decoder.money()?))
}

pub(super) fn fields(player: PlayerId, currency: Currency, amount: i128) -> Fields {
    vec![
        ("player", Field::Player(player)),
        ("currency", Field::Currency(currency)),
        ("amount", Field::Amount(amount, currency)),
    ]
}
