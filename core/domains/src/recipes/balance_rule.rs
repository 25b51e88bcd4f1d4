//! `BALANCE_RULE`: what the balances in one currency may be is changed.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::{
    Recipe,
    balance_rule::BalanceRule,
    decide::{Context, Deciding, RefusedBy},
    fields::Fields,
    rows::{Row, RowKind},
};

/// The rule for the balances in one currency is replaced. Balances beyond it stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetBalanceRule(pub BalanceRule);

impl Recipe for SetBalanceRule {
    const KIND: u16 = 36;
    const NAME: &'static str = "BALANCE_RULE";
    const DOMAINS: &'static [Domain] = &[];
    const ROWS: &'static [RowKind] = &[RowKind::of::<BalanceRule>()];

    fn encode(&self, encoder: &mut Encoder) {
        self.0.encode(encoder);
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        BalanceRule::decode(decoder).map(Self)
    }

    fn fields(&self) -> Fields {
        self.0.fields()
    }

    fn decide(&self, _: &Context<'_>, decision: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        decision.put(self.0.image());
        Ok(())
    }
}
