//! `SESSION_RULES`: the rules of play sessions are changed.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::{
    Recipe,
    decide::{Context, Deciding, RefusedBy},
    fields::Fields,
    rows::{Row, RowKind},
    session_rules::SessionRules,
};

/// The rules of play sessions are replaced. They hold from the next stake on, also in play sessions that go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetSessionRules(pub SessionRules);

impl Recipe for SetSessionRules {
    const KIND: u16 = 27;
    const NAME: &'static str = "SESSION_RULES";
    const DOMAINS: &'static [Domain] = &[];
    const ROWS: &'static [RowKind] = &[RowKind::of::<SessionRules>()];

    fn encode(&self, encoder: &mut Encoder) {
        self.0.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        SessionRules::decode(decoder).map(Self)
    }

    fn fields(&self) -> Fields {
        self.0.fields()
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        decision.put(self.0.image());
        Ok(())
    }
}
