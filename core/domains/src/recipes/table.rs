//! `TABLE`: only a table's state changes.

use ledger::{
    Domain,
    codec::{DecodeError, Decoder, Encoder},
};

use crate::{
    Recipe,
    decide::{Context, Deciding, RefusedBy},
    fields::Fields,
};

/// Only a table's state changes: no money moves, and no row changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableOnly;

impl Recipe for TableOnly {
    const KIND: u16 = 6;
    const NAME: &'static str = "TABLE";
    const DOMAINS: &'static [Domain] = &[];

    fn encode(&self, _: &mut Encoder) {}

    fn decode(_: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self)
    }

    fn fields(&self) -> Fields {
        Fields::new()
    }

    fn decide(&self, _: &Context<'_>, _: &mut Deciding<'_>) -> Result<(), RefusedBy> {
        Ok(())
    }
}
