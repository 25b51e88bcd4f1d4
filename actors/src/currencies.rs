//! The operator's currencies and their decimals.

use std::{collections::BTreeMap, sync::Arc};

use protocol::Currency;

/// The operator's currencies and their decimals. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Currencies(Arc<BTreeMap<Currency, u32>>);

impl Currencies {
    /// Currencies with their decimals.
    #[must_use]
    pub fn new(currencies: impl IntoIterator<Item = (Currency, u32)>) -> Self {
        Self(Arc::new(currencies.into_iter().collect()))
    }

    /// Decimals of a currency, when the operator has it.
    #[must_use]
    pub fn scale(&self, currency: Currency) -> Option<u32> {
        self.0.get(&currency).copied()
    }

    /// Every currency.
    pub fn iter(&self) -> impl Iterator<Item = (Currency, u32)> {
        self.0.iter().map(|(currency, scale)| (*currency, *scale))
    }
}
