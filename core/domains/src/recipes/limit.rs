//! `LIMIT`: a limit of a player is set, loosened or removed.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::PlayerId;

use crate::{
    Recipe,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
    limits::{self, LimitId, LimitSetter, PlayerLimits},
    rows::RowKind,
};

/// A limit of a player is set. A stricter one is in force at once; a looser one of the player's own waits until the player
/// confirms it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetPlayerLimit {
    /// The player.
    pub player: PlayerId,
    /// Which limit.
    pub id: LimitId,
    /// Whose.
    pub by: LimitSetter,
    /// Minor units, or milliseconds of time; `None` for no limit.
    pub to: Option<i128>,
}

impl Recipe for SetPlayerLimit {
    const KIND: u16 = 22;
    const NAME: &'static str = "LIMIT";
    const DOMAINS: &'static [Domain] = &[Domain::Balance];
    const ROWS: &'static [RowKind] = &[RowKind::of::<PlayerLimits>()];

    fn encode(&self, encoder: &mut Encoder) {
        encoder.player(self.player);
        self.id.encode(encoder);
        encoder.byte(self.by as u8);
        encoder.flag(self.to.is_some());
        self.to.iter().for_each(|to| encoder.money(*to));
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (player, id) = (decoder.player()?, LimitId::decode(decoder)?);
        let by = LimitSetter::from_number(decoder.byte()?);
        let by = by.ok_or(DecodeError::Unknown("setter of a limit"))?;
        let to = if decoder.flag()? { Some(decoder.money()?) } else { None };
        Ok(Self { player, id, by, to })
    }

    fn fields(&self) -> Fields {
        let to = match (self.to, self.id.currency) {
            (Some(to), Some(_)) => ("amount", self.id.value(to)),
            (Some(to), None) => ("time_ms", self.id.value(to)),
            (None, _) => ("remove", Field::Flag(true)),
        };
        let own = [("player", Field::Player(self.player))].into_iter().chain(self.id.fields());
        own.chain([("by", Field::Text(self.by.name().into())), to]).collect()
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        let Self { player, id, by, to } = *self;
        decision.ask(&limits::Command::Set { player, id, by, to })
    }
}
