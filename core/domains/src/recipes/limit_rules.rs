//! `LIMIT_RULES`: how limits of players are counted and loosened is changed.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::{
    Recipe,
    decide::{Context, Deciding, RefusedBy},
    fields::Fields,
    limit_rules::LimitRules,
    rows::{Row, RowKind},
};

/// How limits are counted and loosened is replaced. A looser limit that waits keeps its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetLimitRules(pub LimitRules);

impl Recipe for SetLimitRules {
    const KIND: u16 = 24;
    const NAME: &'static str = "LIMIT_RULES";
    const DOMAINS: &'static [Domain] = &[];
    const ROWS: &'static [RowKind] = &[RowKind::of::<LimitRules>()];

    fn encode(&self, encoder: &mut Encoder) {
        self.0.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        LimitRules::decode(decoder).map(Self)
    }

    fn fields(&self) -> Fields {
        self.0.fields()
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        decision.put(self.0.image());
        Ok(())
    }
}
