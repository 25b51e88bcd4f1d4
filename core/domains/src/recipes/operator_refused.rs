//! `OPERATOR_REFUSED`: an operator has asked for something that they have no right to. Nothing is done.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{ErrorCode, PlayerId};

use crate::{
    Recipe,
    decide::{Context, Deciding, RefusedBy},
    fields::{Field, Fields},
    operator_act::{LackedCapability, OperatorAct},
};

/// An operator was refused an act. It has no key: that of the request stays as it was. The principal is the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperatorRefused {
    /// What was asked for.
    pub act: OperatorAct,
    /// What the operator lacks for it.
    pub lacks: LackedCapability,
    /// The player whom it was about, as far as that is known.
    pub player: Option<PlayerId>,
    /// What the operator was told.
    pub code: ErrorCode,
}

impl Recipe for OperatorRefused {
    const KIND: u16 = 34;
    const NAME: &'static str = "OPERATOR_REFUSED";
    const DOMAINS: &'static [Domain] = &[];

    fn encode(&self, encoder: &mut Encoder) {
        let Self { act, lacks, player, code } = self;
        encoder.byte(*act as u8);
        encoder.byte(lacks.number());
        encoder.flag(player.is_some());
        if let Some(player) = player {
            encoder.player(*player);
        }
        encoder.uint(code.number().into());
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let act =
            OperatorAct::from_number(decoder.byte()?).ok_or(DecodeError::Unknown("act of an operator"))?;
        let lacks = LackedCapability::from_number(decoder.byte()?);
        let lacks = lacks.ok_or(DecodeError::Unknown("capability"))?;
        let player = if decoder.flag()? { Some(decoder.player()?) } else { None };
        let code = ErrorCode::from_number(decoder.u16()?).ok_or(DecodeError::Unknown("error code"))?;
        Ok(Self { act, lacks, player, code })
    }

    fn fields(&self) -> Fields {
        let Self { act, lacks, player, code } = self;
        let mut fields =
            vec![("act", Field::Text(act.name().into())), ("lacks", Field::Text(lacks.name().into()))];
        fields.extend(player.map(|player| ("player", Field::Player(player))));
        fields.push(("code", Field::Text(code.name().into())));
        fields
    }

    fn decide(&self, _: &Context<'_>, _: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        Ok(())
    }
}
