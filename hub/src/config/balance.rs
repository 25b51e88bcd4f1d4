//! What the balances of players may be.

use std::collections::BTreeSet;

use actors::ports::service::BalanceRule;
use protocol::{Amount, Currency};
use serde::{Deserialize, Serialize};

use super::tables::CurrencyOptions;

/// What the balances of players may be. A change is recorded at the next start; balances beyond it stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BalanceOptions {
    /// The rules; at most one a currency.
    pub rules: Vec<BalanceRuleOptions>,
}

/// The rule for the balances in one currency. What is not given has no bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalanceRuleOptions {
    /// The currency, one of `currencies`.
    pub currency: Currency,
    /// What a player has available at least after a bet, a service's debit or a service's hold.
    pub least: Option<Amount>,
    /// What a player has at most, held money included, after a deposit or a service's credit.
    pub most: Option<Amount>,
    /// The largest deposit and the largest credit of a service.
    pub credit_max: Option<Amount>,
    /// The largest debit and the largest hold of a service.
    pub debit_max: Option<Amount>,
    /// A balance below is low: the player and the alerts are told.
    pub low: Option<Amount>,
    /// A balance below is critically low.
    pub critical_low: Option<Amount>,
    /// A balance above is high.
    pub high: Option<Amount>,
    /// A balance above is critically high.
    pub critical_high: Option<Amount>,
}

impl BalanceRuleOptions {
    /// As the money takes it.
    ///
    /// # Errors
    /// Which option is wrong, and why.
    fn rule(&self, currencies: &[CurrencyOptions]) -> Result<BalanceRule, (&'static str, String)> {
        let known = currencies.iter().find(|known| known.code == self.currency);
        let known = known.ok_or_else(|| ("currency", "not one of the currencies".to_owned()))?;
        let minor = |option: &'static str, amount: Option<Amount>| match amount
            .map(|amount| amount.to_minor(known.scale))
        {
            None => Ok(None),
            Some(Ok(minor)) if minor > 0 => Ok(Some(minor)),
            // Nothing is low below it, and no change is as small.
            Some(Ok(0)) if ["least", "most", "high", "critical_high"].contains(&option) => Ok(Some(0)),
            Some(Ok(_)) => Err((option, "must be above zero".to_owned())),
            Some(Err(error)) => Err((option, error.to_string())),
        };
        let rule = BalanceRule {
            currency: self.currency,
            least: minor("least", self.least)?,
            most: minor("most", self.most)?,
            credit_max: minor("credit_max", self.credit_max)?,
            debit_max: minor("debit_max", self.debit_max)?,
            low: minor("low", self.low)?,
            critical_low: minor("critical_low", self.critical_low)?,
            high: minor("high", self.high)?,
            critical_high: minor("critical_high", self.critical_high)?,
        };
        rule.check()
            .map_err(|contradicts| (contradicts.below, format!("must not be above {}", contradicts.above)))?;
        Ok(rule)
    }
}

impl BalanceOptions {
    /// What is wrong, each with its option.
    pub(super) fn problems(&self, currencies: &[CurrencyOptions]) -> Vec<(String, String)> {
        let mut known = BTreeSet::new();
        let mut problems = Vec::new();
        for (index, options) in self.rules.iter().enumerate() {
            let at = |option: &str| format!("balance.rules[{index}].{option}");
            if let Err((option, what)) = options.rule(currencies) {
                problems.push((at(option), what));
            }
            if !known.insert(options.currency) {
                problems.push((at("currency"), "has a rule already".to_owned()));
            }
        }
        problems
    }

    /// The rules as the money takes them, of a configuration in which nothing is wrong.
    #[must_use]
    pub fn rules(&self, currencies: &[CurrencyOptions]) -> Vec<BalanceRule> {
        self.rules.iter().filter_map(|options| options.rule(currencies).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(rules: &str) -> Vec<(String, String)> {
        let options: BalanceOptions = toml::from_str(rules).expect("options");
        let currency = |code: &str, scale| CurrencyOptions { code: code.parse().expect("a currency"), scale };
        options.problems(&[currency("EUR", 2), currency("JPY", 0)])
    }

    #[test]
    fn rules_that_contradict_or_cannot_be_written_are_refused_with_their_option() {
        let rule = |text: &str| format!("[[rules]]\ncurrency = \"EUR\"\n{text}\n");
        for (text, option, what) in [
            ("least = \"10\"\nmost = \"5\"", "least", "must not be above most"),
            ("low = \"1\"\ncritical_low = \"2\"", "critical_low", "must not be above low"),
            ("low = \"3\"\nhigh = \"2\"", "low", "must not be above high"),
            ("low = \"3\"\ncritical_high = \"2\"", "low", "must not be above critical_high"),
            (
                "critical_low = \"3\"\ncritical_high = \"2\"",
                "critical_low",
                "must not be above critical_high",
            ),
            ("critical_low = \"3\"\nhigh = \"2\"", "critical_low", "must not be above high"),
            ("high = \"3\"\ncritical_high = \"2\"", "high", "must not be above critical_high"),
            ("critical_low = \"0.00\"", "critical_low", "must be above zero"),
            ("credit_max = \"0\"", "credit_max", "must be above zero"),
            ("debit_max = \"0.001\"", "debit_max", "decimal"),
        ] {
            let found = problems(&rule(text));
            let [(at, why)] = found.as_slice() else { panic!("{text}: {found:?}") };
            assert_eq!(at, &format!("balance.rules[0].{option}"), "{text}");
            assert!(why.contains(what), "{text}: {why}");
        }
        let all = "least = \"0\"\nmost = \"9\"\ncredit_max = \"5\"\ndebit_max = \"5\"\nlow = \"2\"\ncritical_low = \"1\"\nhigh = \"7\"\ncritical_high = \"8\"";
        assert_eq!(problems(&rule(all)), []);
        let twice = problems(&(rule(all) + &rule("")));
        assert_eq!(twice, [("balance.rules[1].currency".to_owned(), "has a rule already".to_owned())]);
        let unknown = problems("[[rules]]\ncurrency = \"USD\"\n");
        assert_eq!(
            unknown,
            [("balance.rules[0].currency".to_owned(), "not one of the currencies".to_owned())]
        );
    }
}
