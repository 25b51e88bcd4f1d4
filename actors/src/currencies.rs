//! The operator's currencies and their decimals.

use std::{collections::BTreeMap, sync::Arc};

use protocol::Currency;

/// The configured currencies with their decimals, and those that only the log still has. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Currencies {
    configured: Arc<BTreeMap<Currency, u32>>,
    /// The configured ones and those of the log: amounts in all of them can be written as text.
    spelled: Arc<BTreeMap<Currency, u32>>,
}

impl Currencies {
    /// Currencies with their decimals.
    #[must_use]
    pub fn new(currencies: impl IntoIterator<Item = (Currency, u32)>) -> Self {
        let configured: Arc<BTreeMap<_, _>> = Arc::new(currencies.into_iter().collect());
        Self { spelled: configured.clone(), configured }
    }

    /// Adds the currencies of the log that are not configured any more: nothing new is done in them, and what was done
    /// can still be shown.
    #[must_use]
    pub fn with_recorded(self, recorded: impl IntoIterator<Item = (Currency, u32)>) -> Self {
        let mut spelled: BTreeMap<_, _> = recorded.into_iter().collect();
        spelled.extend(self.iter());
        Self { spelled: Arc::new(spelled), ..self }
    }

    /// Decimals of a currency; `None` when it is not configured, so that nothing new can be done in it.
    #[must_use]
    pub fn scale(&self, currency: Currency) -> Option<u32> {
        self.configured.get(&currency).copied()
    }

    /// Decimals of a currency in which something was done, whether it is still configured or not.
    #[must_use]
    pub fn spelling(&self, currency: Currency) -> Option<u32> {
        self.spelled.get(&currency).copied()
    }

    /// Every currency whose amounts can be spelled.
    pub fn spelled(&self) -> impl Iterator<Item = (Currency, u32)> {
        self.spelled.iter().map(|(currency, scale)| (*currency, *scale))
    }

    /// Every configured currency.
    pub fn iter(&self) -> impl Iterator<Item = (Currency, u32)> {
        self.configured.iter().map(|(currency, scale)| (*currency, *scale))
    }
}
