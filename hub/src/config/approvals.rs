//! The rules of approval: what contradicts in them as they are written, and as the money takes them.

use std::collections::BTreeSet;

use actors::ports::service::{APPROVAL_PARTS_MAX, APPROVALS_MAX, ApprovalBand, ApprovalRules, ApproverLimit};
use engine::{Principal, PrincipalKind};
use protocol::{Amount, Currency};

use super::{
    Config,
    adjustment::{AdjustmentOptions, ApproverOptions, BandOptions},
};
use crate::auth::is_name;

/// An amount of a currency in minor units, or what is wrong with it.
fn minor(config: &Config, currency: Currency, amount: Amount) -> Result<i128, (&'static str, String)> {
    let known = config.currencies.iter().find(|known| known.code == currency);
    let known = known.ok_or_else(|| ("currency", "not one of the currencies".to_owned()))?;
    amount.to_minor(known.scale).map_err(|error| ("", error.to_string()))
}

/// What is wrong with the rules of adjustments, each with its option.
pub(super) fn problems(config: &Config) -> Vec<(String, String)> {
    let AdjustmentOptions { bands, limits, approvals, .. } = &config.adjustment;
    let mut problems = Vec::new();
    for (list, count) in [("bands", bands.len()), ("limits", limits.len())] {
        if count > APPROVAL_PARTS_MAX {
            problems.push((format!("adjustment.{list}"), format!("at most {APPROVAL_PARTS_MAX} of them")));
        }
    }
    let mut amounts = Vec::new();
    for (index, BandOptions { currency, from, approvals }) in bands.iter().enumerate() {
        let at = |option: &str| format!("adjustment.bands[{index}].{option}");
        if *approvals > APPROVALS_MAX.into() {
            problems.push((at("approvals"), format!("must be from 0 to {APPROVALS_MAX}")));
        }
        match minor(config, *currency, *from) {
            Err(("", what)) => problems.push((at("from"), what)),
            Err((option, what)) => problems.push((at(option), what)),
            Ok(from) => amounts.push((*currency, from, *approvals, index)),
        }
    }
    // More money never needs fewer approvals, and below the first band the general number holds.
    amounts.sort_unstable();
    for pair in amounts.windows(2) {
        let [(currency, from, fewer, _), (next, other, more, index)] = pair else { continue };
        if (currency, from) == (next, other) {
            let what = "there is another band from this amount".to_owned();
            problems.push((format!("adjustment.bands[{index}].from"), what));
        } else if currency == next && more < fewer {
            let what = format!("a smaller amount of {currency} needs {fewer}");
            problems.push((format!("adjustment.bands[{index}].approvals"), what));
        }
    }
    for (place, (currency, from, more, index)) in amounts.iter().enumerate() {
        let first = amounts[..place].iter().all(|(other, ..)| other != currency);
        if first && *from > 0 && more < approvals {
            let what = format!("a smaller amount of {currency} needs {approvals} (adjustment.approvals)");
            problems.push((format!("adjustment.bands[{index}].approvals"), what));
        }
    }
    let mut known = BTreeSet::new();
    for (index, limit) in limits.iter().enumerate() {
        let at = |option: &str| format!("adjustment.limits[{index}].{option}");
        let ApproverOptions { operator, issuer, currency, max } = limit;
        if !operator.is_empty() && !is_name(operator) {
            problems.push((at("operator"), "is no name of an operator".to_owned()));
        }
        match minor(config, *currency, *max) {
            Err(("", what)) => problems.push((at("max"), what)),
            Err((option, what)) => problems.push((at(option), what)),
            Ok(_) => {}
        }
        if operator.is_empty() && !issuer.is_empty() {
            problems.push((at("issuer"), "is of an operator, and none is named".to_owned()));
        }
        let issuer = if issuer.is_empty() { &config.auth.issuer } else { issuer };
        if !known.insert((operator, issuer, currency)) {
            problems.push((at("operator"), "is listed twice with this currency".to_owned()));
        }
    }
    problems.extend(without_limit(config));
    problems
}

/// Where some amounts are limited, every one is: a currency that nobody has thought of would have no limit at all.
fn without_limit(config: &Config) -> Option<(String, String)> {
    let limits = &config.adjustment.limits;
    let of_everybody =
        |currency| limits.iter().any(|limit| limit.operator.is_empty() && limit.currency == currency);
    let codes = config.currencies.iter().map(|currency| currency.code);
    let missing: Vec<_> = codes.filter(|code| !of_everybody(*code)).map(|code| code.to_string()).collect();
    (!limits.is_empty() && !missing.is_empty()).then(|| {
        let what = format!("needs a limit for everybody, without `operator`, in {}", missing.join(", "));
        ("adjustment.limits".to_owned(), what)
    })
}

/// The rules of adjustments as the money takes them, of a configuration in which nothing is wrong.
#[must_use]
pub fn approval_rules(config: &Config) -> ApprovalRules {
    let options = &config.adjustment;
    let band = |BandOptions { currency, from, approvals }: &BandOptions| {
        let from = minor(config, *currency, *from).ok()?;
        Some(ApprovalBand { currency: *currency, from, needed: *approvals as u8 })
    };
    let limit = |ApproverOptions { operator, issuer, currency, max }: &ApproverOptions| {
        let issuer = if issuer.is_empty() { &config.auth.issuer } else { issuer };
        let approver = Principal::named(PrincipalKind::Operator, issuer, operator);
        Some(ApproverLimit {
            approver: (!operator.is_empty()).then_some(approver),
            currency: *currency,
            most: minor(config, *currency, *max).ok()?,
        })
    };
    let mut bands: Vec<_> = options.bands.iter().filter_map(band).collect();
    bands.sort_unstable();
    ApprovalRules {
        needed: options.approvals as u8,
        stands: options.stands(),
        break_glass: options.break_glass,
        bands,
        limits: options.limits.iter().filter_map(limit).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        toml::from_str(text).expect("a configuration")
    }

    fn refused(text: &str) -> Vec<String> {
        problems(&config(text)).into_iter().map(|(key, what)| format!("{key} {what}")).collect()
    }

    #[test]
    fn what_is_built_in_is_what_holds_while_nothing_is_recorded() {
        assert_eq!(approval_rules(&Config::default()), ApprovalRules::STANDARD);
        assert_eq!(problems(&Config::default()), []);
    }

    #[test]
    fn bands_and_limits_are_in_minor_units_and_of_the_principals_of_tokens() {
        let config = config(
            r#"
            [auth]
            issuer = "us"
            [[adjustment.bands]]
            currency = "EUR"
            from = "50"
            approvals = 1
            [[adjustment.bands]]
            currency = "EUR"
            from = "0"
            approvals = 0
            [[adjustment.limits]]
            operator = "anna"
            currency = "EUR"
            max = "20.50"
            [[adjustment.limits]]
            currency = "EUR"
            max = "500"
            [[adjustment.limits]]
            currency = "USD"
            max = "1"
            "#,
        );
        assert_eq!(problems(&config), []);
        let rules = approval_rules(&config);
        let eur = "EUR".parse().expect("a currency");
        assert_eq!([0, 4_999, 5_000].map(|amount| rules.needed(eur, amount)), [0, 0, 1]);
        let operator = |name| Principal::named(PrincipalKind::Operator, "us", name);
        let may = |name, amount| rules.may(operator(name), eur, amount);
        assert_eq!([may("anna", 2_050), may("anna", 2_051), may("ben", 50_000)], [true, false, true]);
    }

    #[test]
    fn rules_that_contradict_are_refused_each_at_its_option() {
        let band = |currency: &str, from: &str, approvals: u32| {
            format!(
                "[[adjustment.bands]]\ncurrency = \"{currency}\"\nfrom = \"{from}\"\napprovals = {approvals}\n"
            )
        };
        let limit = |operator: &str, max: &str| {
            format!("[[adjustment.limits]]\noperator = \"{operator}\"\ncurrency = \"EUR\"\nmax = \"{max}\"\n")
        };
        for (text, expected) in [
            (band("EUR", "0", 9), "adjustment.bands[0].approvals must be from 0 to 8"),
            (band("JPY", "0", 1), "adjustment.bands[0].currency not one of the currencies"),
            (band("EUR", "0.001", 1), "adjustment.bands[0].from "),
            (
                band("EUR", "10", 2) + &band("EUR", "20", 1),
                "adjustment.bands[1].approvals a smaller amount of EUR needs 2",
            ),
            (
                band("EUR", "10", 2) + &band("EUR", "10.00", 2),
                "adjustment.bands[1].from there is another band from this amount",
            ),
            (band("EUR", "10", 0), "adjustment.bands[0].approvals a smaller amount of EUR needs 1"),
            (limit("a b", "1"), "adjustment.limits[0].operator is no name"),
            (limit("a", "0.001"), "adjustment.limits[0].max "),
            (limit("a", "1") + &limit("a", "2"), "adjustment.limits[1].operator is listed twice"),
            (
                limit("a", "1"),
                "adjustment.limits needs a limit for everybody, without `operator`, in EUR, USD",
            ),
            (limit("", "1"), "adjustment.limits needs a limit for everybody, without `operator`, in USD"),
            (band("EUR", "0", 1).repeat(49), "adjustment.bands at most 48 of them"),
        ] {
            let found = refused(&text);
            assert!(found.iter().any(|found| found.starts_with(expected)), "{text}: {found:?}");
        }
    }
}
