//! `PROTECTION`: what protects players is changed.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::{
    Recipe,
    decide::{Context, Deciding, RefusedBy},
    fields::Fields,
    protection::Protection,
    rows::{Row, RowKind},
};

/// What protects players is replaced. Exclusions that stand keep their ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetProtection(pub Protection);

impl Recipe for SetProtection {
    const KIND: u16 = 20;
    const NAME: &'static str = "PROTECTION";
    const DOMAINS: &'static [Domain] = &[];
    const ROWS: &'static [RowKind] = &[RowKind::of::<Protection>()];

    fn encode(&self, encoder: &mut Encoder) {
        self.0.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Protection::decode(decoder).map(Self)
    }

    fn fields(&self) -> Fields {
        self.0.fields()
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        decision.put(self.0.image());
        Ok(())
    }
}
