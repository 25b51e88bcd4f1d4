//! Reads the report of `hub verify`.

use std::collections::BTreeMap;

/// Money in minor units of a currency with two decimals; debts are negative.
pub type Cents = i128;

/// The totals `hub verify` prints when everything agrees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// Records in the log.
    pub records: u64,
    /// Keys with an outcome.
    pub keys: u64,
    /// Rounds that are over.
    pub rounds: u64,
    /// Sums by domain and kind of account.
    pub accounts: BTreeMap<(String, String), Sum>,
}

/// The sum over all accounts of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    /// Posted balance.
    pub posted: Cents,
    /// Held of it.
    pub held: Cents,
    /// Number of accounts.
    pub accounts: u64,
}

impl Totals {
    /// Reads the report; `None` when it is not one of a log that agrees.
    #[must_use]
    pub fn parse(report: &str) -> Option<Self> {
        if !report.contains("Everything agrees") {
            return None;
        }
        let mut totals = Self { records: 0, keys: 0, rounds: 0, accounts: BTreeMap::new() };
        let mut domain = String::new();
        for line in report.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["records", count, ..] => totals.records = count.parse().ok()?,
                ["keys", count, ..] => totals.keys = count.parse().ok()?,
                ["rounds", count, ..] => totals.rounds = count.parse().ok()?,
                [name] => domain = (*name).to_owned(),
                [kind, posted, _currency, "held", held, accounts, "account(s)"] => {
                    let sum =
                        Sum { posted: cents(posted)?, held: cents(held)?, accounts: accounts.parse().ok()? };
                    totals.accounts.insert((domain.clone(), (*kind).to_owned()), sum);
                }
                _ => {}
            }
        }
        Some(totals)
    }

    /// The sum of a kind of account; nothing when there is none yet.
    #[must_use]
    pub fn of(&self, domain: &str, kind: &str) -> Sum {
        let nothing = Sum { posted: 0, held: 0, accounts: 0 };
        self.accounts.get(&(domain.to_owned(), kind.to_owned())).copied().unwrap_or(nothing)
    }
}

/// Reads an amount with two decimals, such as `-12.50`.
#[must_use]
pub fn cents(text: &str) -> Option<Cents> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let amount: protocol::Amount = digits.parse().ok()?;
    Some(sign * amount.to_minor(2).ok()?)
}
