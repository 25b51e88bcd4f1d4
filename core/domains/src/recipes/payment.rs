//! What the recipes that pay a player have in common: a player, a currency, an amount in minor units; and the name of the
//! merchant or the game on the other side.

use ledger::{
    Owner, OwnerKind,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, PlayerId};

use crate::{
    decide::{Context, Deciding},
    fields::{Field, Fields},
    rows::owner_name::{self, OwnerName},
};

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

/// Reads the name of a merchant or a game.
pub(super) fn owner_name(decoder: &mut Decoder<'_>) -> Result<OwnerName, DecodeError> {
    decoder.text()?.parse().map_err(|_| DecodeError::OutOfRange("the name of an owner"))
}

/// The owner of a name. The first use of a name is recorded as a row.
pub(super) fn owner(
    context: &Context<'_>,
    decision: &mut Deciding<'_>,
    kind: OwnerKind,
    name: &OwnerName,
) -> Owner {
    let owner = name.owner(kind);
    if context.view.rows().get::<OwnerName>(&owner_name::key(owner)).is_none() {
        decision.put(name.image(owner));
    }
    owner
}
