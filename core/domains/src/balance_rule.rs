//! What the operator allows the balances of players to be: a row a currency, which is recorded when configuration changes it. A
//! decision reads the row, so a record can be decided again whatever the configuration says later.

use ledger::{
    AccountId, Rejection,
    codec::{DecodeError, Decoder, Encoder},
};
use protocol::{Currency, PlayerId, level::BalanceLevel};

use crate::{
    Funds,
    decide::{Context, Part},
    fields::{Field, Fields},
    rows::{Row, RowImage, Rows},
};

/// The rule for the balances in one currency. All in minor units; what is `None` has no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceRule {
    /// The currency.
    pub currency: Currency,
    /// What a player has available at least after a stake, a service's debit or a service's hold.
    pub least: Option<i128>,
    /// What a player has at most, held money included, after a deposit or a service's credit.
    pub most: Option<i128>,
    /// The largest deposit and the largest credit of a service.
    pub credit_max: Option<i128>,
    /// The largest debit and the largest hold of a service.
    pub debit_max: Option<i128>,
    /// A balance below is low.
    pub low: Option<i128>,
    /// A balance below is critically low.
    pub critical_low: Option<i128>,
    /// A balance above is high.
    pub high: Option<i128>,
    /// A balance above is critically high.
    pub critical_high: Option<i128>,
}

/// Two bounds of a rule that contradict each other, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{below} must not be above {above}")]
pub struct Contradicts {
    /// The one that is too high.
    pub below: &'static str,
    /// The one that it must not exceed.
    pub above: &'static str,
}

/// A change of a balance from one level to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crossing {
    /// What it was.
    pub before: BalanceLevel,
    /// What it is.
    pub level: BalanceLevel,
}

impl Crossing {
    /// Whether it is worth a warning: a balance that was beyond the critical threshold of the same side, or is normal, is not.
    #[must_use]
    pub fn warns(self) -> bool {
        match self.level {
            BalanceLevel::CriticalLow | BalanceLevel::CriticalHigh => true,
            BalanceLevel::Low => self.before != BalanceLevel::CriticalLow,
            BalanceLevel::High => self.before != BalanceLevel::CriticalHigh,
            BalanceLevel::Normal => false,
        }
    }
}

/// A change of a balance that a rule is asked about, minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuledChange {
    /// A bet's stake is held.
    Stake,
    /// A service takes, or holds.
    Debit(i128),
    /// A player deposits, or a service pays.
    Credit(i128),
}

impl BalanceRule {
    /// The rule in force for a currency; without one nothing is bounded.
    #[must_use]
    pub fn of(rows: &Rows, currency: Currency) -> Option<Self> {
        rows.get(currency.as_bytes())
    }

    /// A rule that bounds nothing.
    #[must_use]
    pub fn unbounded(currency: Currency) -> Self {
        let none = None;
        Self {
            currency,
            least: none,
            most: none,
            credit_max: none,
            debit_max: none,
            low: none,
            critical_low: none,
            high: none,
            critical_high: none,
        }
    }

    /// Whether it bounds nothing.
    #[must_use]
    pub fn is_unbounded(&self) -> bool {
        self.bounds().iter().all(|(_, bound)| bound.is_none())
    }

    /// The image of the row of its currency. A rule that bounds nothing has none.
    ///
    /// # Panics
    /// Never: a currency is shorter than the longest key.
    #[must_use]
    pub fn image(&self) -> RowImage {
        let row = Some(self).filter(|rule| !rule.is_unbounded());
        RowImage::of(self.currency.as_bytes(), row).expect("a currency is a short key")
    }

    /// The bounds with their names, in the order of the row.
    fn bounds(&self) -> [(&'static str, Option<i128>); 8] {
        let Self { least, most, credit_max, debit_max, low, critical_low, high, critical_high, .. } = *self;
        [
            ("least", least),
            ("most", most),
            ("credit_max", credit_max),
            ("debit_max", debit_max),
            ("low", low),
            ("critical_low", critical_low),
            ("high", high),
            ("critical_high", critical_high),
        ]
    }

    /// Whether the bounds go together.
    ///
    /// # Errors
    /// The first two that don't.
    pub fn check(&self) -> Result<(), Contradicts> {
        let Self { least, most, low, critical_low, high, critical_high, .. } = *self;
        for (below, lower, above, upper) in [
            ("least", least, "most", most),
            ("critical_low", critical_low, "low", low),
            ("low", low, "high", high),
            ("critical_low", critical_low, "high", high),
            ("low", low, "critical_high", critical_high),
            ("critical_low", critical_low, "critical_high", critical_high),
            ("high", high, "critical_high", critical_high),
        ] {
            if lower.zip(upper).is_some_and(|(lower, upper)| lower > upper) {
                return Err(Contradicts { below, above });
            }
        }
        Ok(())
    }

    /// What a balance is.
    #[must_use]
    pub fn level(&self, funds: Funds) -> BalanceLevel {
        let below = |threshold: Option<i128>| threshold.is_some_and(|threshold| funds.available < threshold);
        let above = |threshold: Option<i128>| threshold.is_some_and(|threshold| funds.total() > threshold);
        if below(self.critical_low) {
            BalanceLevel::CriticalLow
        } else if above(self.critical_high) {
            BalanceLevel::CriticalHigh
        } else if below(self.low) {
            BalanceLevel::Low
        } else if above(self.high) {
            BalanceLevel::High
        } else {
            BalanceLevel::Normal
        }
    }

    /// What a balance in a currency is by the rule in force.
    #[must_use]
    pub fn level_of(rows: &Rows, currency: Currency, funds: Funds) -> BalanceLevel {
        Self::of(rows, currency).map_or(BalanceLevel::Normal, |rule| rule.level(funds))
    }

    /// The threshold that a change of a balance has crossed. The first money of an account crosses what it stays below.
    #[must_use]
    pub fn crossed(&self, before: Funds, after: Funds) -> Option<Crossing> {
        let crossing = Crossing { before: self.level(before), level: self.level(after) };
        let is_first = before == Funds::default() && crossing.level != BalanceLevel::Normal;
        (is_first || crossing.before != crossing.level).then_some(crossing)
    }

    /// Whether a change is allowed that leaves a balance as it is drafted.
    fn allows(&self, change: RuledChange, after: Funds) -> Result<(), Rejection> {
        let beyond = |value: i128, bound: Option<i128>| bound.is_some_and(|bound| value > bound);
        match change {
            RuledChange::Credit(amount) if beyond(amount, self.credit_max) => Err(Rejection::ChangeTooLarge),
            RuledChange::Debit(amount) if beyond(amount, self.debit_max) => Err(Rejection::ChangeTooLarge),
            RuledChange::Credit(_) if beyond(after.total(), self.most) => Err(Rejection::BalanceTooHigh),
            RuledChange::Stake | RuledChange::Debit(_)
                if self.least.is_some_and(|least| after.available < least) =>
            {
                Err(Rejection::BalanceTooLow)
            }
            RuledChange::Stake | RuledChange::Debit(_) | RuledChange::Credit(_) => Ok(()),
        }
    }
}

/// Refuses a change beyond the rule of its currency. The change is drafted already.
///
/// # Errors
/// Which bound it is beyond.
pub(crate) fn within_rule(
    context: &Context<'_>,
    part: &Part<'_, '_>,
    (player, currency): (PlayerId, Currency),
    change: RuledChange,
) -> Result<(), Rejection> {
    let Some(rule) = BalanceRule::of(context.view.rows(), currency) else { return Ok(()) };
    let account = part.draft.account(&AccountId::cash(player, currency));
    rule.allows(change, account.as_ref().map(Funds::from).unwrap_or_default())
}

impl Row for BalanceRule {
    const KIND: u16 = 17;
    const NAME: &'static str = "balance_rule";

    fn encode(&self, encoder: &mut Encoder) {
        encoder.currency(self.currency);
        for (_, bound) in self.bounds() {
            encoder.flag(bound.is_some());
            bound.into_iter().for_each(|bound| encoder.money(bound));
        }
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let currency = decoder.currency()?;
        let mut bound = || if decoder.flag()? { decoder.money().map(Some) } else { Ok(None) };
        Ok(Self {
            currency,
            least: bound()?,
            most: bound()?,
            credit_max: bound()?,
            debit_max: bound()?,
            low: bound()?,
            critical_low: bound()?,
            high: bound()?,
            critical_high: bound()?,
        })
    }

    fn key(bytes: &[u8]) -> Field {
        Field::of_text_key(bytes)
    }

    fn fields(&self) -> Fields {
        let bound =
            |(name, bound): (&'static str, Option<i128>)| Some((name, Field::Amount(bound?, self.currency)));
        [("currency", Field::Currency(self.currency))]
            .into_iter()
            .chain(self.bounds().into_iter().filter_map(bound))
            .collect()
    }
}
