//! Limits that players set before the first bet.

use protocol::{
    Currency, Text, U53,
    limits::{LimitTo, NamedLimit, SetLimit},
};

use crate::bet::KeyStem;

/// What a limit of money allows: more than any run stakes.
const AMOUNT: &str = "1000000000";

/// What a limit of time allows: more than any run takes. Minutes.
const MINUTES: u64 = 24 * 60;

/// The first number of the keys. Those of bets begin at 1.
const FIRST_KEY: u64 = 1 << 62;

/// Every limit there is: of money in the currency of the tables, and of time.
pub fn every(stem: &KeyStem, currency: Currency) -> Vec<SetLimit> {
    let kinds = ["deposit", "loss", "stake", "play_time"];
    let named = kinds.into_iter().flat_map(|kind| ["day", "week", "month"].map(|period| (kind, period)));
    let limit = |((kind, period), number): ((&str, &str), u64)| {
        let of_time = kind == "play_time";
        let limit = NamedLimit {
            kind: Text::new(kind)?,
            period: Text::new(period)?,
            currency: if of_time { None } else { Some(Text::new(currency.as_str())?) },
        };
        let to =
            if of_time { LimitTo::Minutes(U53::new(MINUTES)?) } else { LimitTo::Amount(Text::new(AMOUNT)?) };
        Some(SetLimit { key: stem.key(FIRST_KEY + number), limit, to })
    };
    named.zip(0..).filter_map(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_twelve_each_under_a_key_of_its_own() {
        let limits = every(&KeyStem::new(7), "EUR".parse().expect("a currency"));
        let keys: std::collections::BTreeSet<_> = limits.iter().map(|limit| limit.key.to_string()).collect();
        assert_eq!((limits.len(), keys.len()), (12, 12));
    }
}
