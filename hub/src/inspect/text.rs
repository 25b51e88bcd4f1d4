//! A record for people: aligned text without colours, amounts in decimals, times in UTC.

use std::fmt::{self, Write as _};

use base16ct::lower::encode_string;
use engine::{Facts, Field, Fields};

use crate::verify::signed;

/// Columns of a name.
const NAME: usize = 14;

/// A report as text.
pub(super) struct Text<'a> {
    fields: &'a Fields,
    facts: &'a Facts,
}

impl<'a> Text<'a> {
    /// These fields, with amounts in the decimals that the facts give.
    pub(super) fn of(fields: &'a Fields, facts: &'a Facts) -> Self {
        Self { fields, facts }
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = self.facts;
        for (name, field) in self.fields {
            match (*name, field) {
                ("before" | "after", Field::Group(fields)) => {
                    writeln!(f, "{name:<NAME$}{}", pairs(fields, facts).join("   "))?;
                }
                (_, Field::Group(fields)) => {
                    writeln!(f, "{name}")?;
                    group(f, fields, facts, 1)?;
                }
                (_, Field::List(list)) => {
                    writeln!(f, "{name}")?;
                    let cells = |fields: &Fields| match *name {
                        "moves" => movement(fields, facts),
                        "balances" => balance(fields, facts),
                        "notices" => notice(fields, facts),
                        _ => pairs(fields, facts),
                    };
                    columns(f, &list.iter().map(cells).collect::<Vec<_>>(), 1)?;
                }
                (_, field) => writeln!(f, "{:<NAME$}{}", words(name), with_currency(field, facts))?,
            }
        }
        Ok(())
    }
}

fn group(f: &mut fmt::Formatter<'_>, fields: &Fields, facts: &Facts, depth: usize) -> fmt::Result {
    let (indent, width) = (2 * depth, NAME.saturating_sub(2 * depth));
    for (name, field) in fields {
        match field {
            Field::Group(fields) => group(f, fields, facts, depth)?,
            Field::List(list) => {
                writeln!(f, "{:indent$}{}", "", words(name))?;
                columns(f, &list.iter().map(|fields| pairs(fields, facts)).collect::<Vec<_>>(), depth + 1)?;
            }
            field => writeln!(f, "{:indent$}{:<width$}{}", "", words(name), with_currency(field, facts))?,
        }
    }
    Ok(())
}

/// Writes rows of cells, each column as wide as its widest cell.
fn columns(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>], depth: usize) -> fmt::Result {
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    for row in rows {
        let mut line = " ".repeat(2 * depth);
        for (column, cell) in row.iter().enumerate() {
            let width = width(column).unwrap_or_default();
            write!(line, "{cell:<width$}   ")?;
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A move: domain, what was done, amount, from where to where, and what it is held for.
fn movement(fields: &Fields, facts: &Facts) -> Vec<String> {
    let of = |name| find(fields, name).map(|field| with_currency(field, facts)).unwrap_or_default();
    let done = match of("what").as_str() {
        "open" => return vec![of("domain"), "opened".into(), of("currency"), of("account")],
        "post" => "posted",
        "hold" => "held",
        "post_hold" => "posted hold",
        "void_hold" => "voided hold",
        _ => "moved",
    };
    let mut cells =
        vec![of("domain"), done.into(), of("amount"), format!("{} → {}", of("debit"), of("credit"))];
    if find(fields, "purpose").is_some() {
        cells.push(format!("{} proven by {}", of("purpose"), of("prover")));
    }
    if find(fields, "expires").is_some() {
        cells.push(format!("until {}", of("expires")));
    }
    if find(fields, "hold").is_some() {
        cells.push(format!("hold {}", of("hold")));
    }
    cells
}

/// An account before and after the record.
fn balance(fields: &Fields, facts: &Facts) -> Vec<String> {
    let of = |name: &str| find(fields, name).map(|field| spelled(field, facts));
    let text = |name: &str| of(name).unwrap_or_default();
    let mut cells = vec![text("domain"), text("account"), text("currency")];
    for funds in ["available", "held"] {
        let before = of(&format!("{funds}_before")).unwrap_or_else(|| "new".into());
        cells.push(format!("{funds} {before} → {}", text(&format!("{funds}_after"))));
    }
    cells
}

/// What a player was told: the funds before and after, and what happened.
fn notice(fields: &Fields, facts: &Facts) -> Vec<String> {
    let mut cells = balance(fields, facts).split_off(2);
    let told = fields
        .iter()
        .filter(|(name, _)| *name != "currency" && !name.ends_with("_before") && !name.ends_with("_after"));
    cells.splice(0..0, pairs(&told.cloned().collect(), facts));
    cells
}

/// Each field as its name and its value.
fn pairs(fields: &Fields, facts: &Facts) -> Vec<String> {
    let pair = |(name, field): &(&'static str, Field)| match field {
        Field::Group(fields) => pairs(fields, facts).join(", "),
        Field::List(list) => {
            list.iter().map(|fields| pairs(fields, facts).join(", ")).collect::<Vec<_>>().join("; ")
        }
        field => format!("{} {}", words(name), with_currency(field, facts)),
    };
    fields.iter().map(pair).collect()
}

fn find<'a>(fields: &'a Fields, name: &str) -> Option<&'a Field> {
    fields.iter().find(|(known, _)| *known == name).map(|(_, field)| field)
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// As [`spelled`], and an amount with its currency.
fn with_currency(field: &Field, facts: &Facts) -> String {
    match field {
        Field::Amount(_, currency) => format!("{} {currency}", spelled(field, facts)),
        field => spelled(field, facts),
    }
}

/// A value as text; amounts in the decimals of their currency, without its name.
pub(super) fn spelled(field: &Field, facts: &Facts) -> String {
    match field {
        Field::Player(player) => player.to_string(),
        Field::Currency(currency) => currency.to_string(),
        Field::Amount(minor, currency) => signed(*minor, facts.scale(*currency).unwrap_or_default()),
        Field::Round(round) => round.to_string(),
        Field::Hold(hold) => format!("{:032x}", hold.0),
        Field::Holds(holds) => {
            holds.iter().map(|hold| format!("{:032x}", hold.0)).collect::<Vec<_>>().join(" ")
        }
        Field::Time(time) => utc(*time),
        Field::Number(number) => number.to_string(),
        Field::Flag(flag) => (if *flag { "yes" } else { "no" }).into(),
        Field::Text(text) => text.clone(),
        Field::Bytes(bytes) => encode_string(bytes),
        Field::Group(fields) => pairs(fields, facts).join(", "),
        Field::List(list) => {
            list.iter().map(|fields| pairs(fields, facts).join(", ")).collect::<Vec<_>>().join("; ")
        }
    }
}

/// A time in UTC, such as `2026-11-29T08:40:24.007Z`. Milliseconds since 1970.
fn utc(time: u64) -> String {
    let (seconds, milliseconds) = (time / 1_000, time % 1_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    // Years of the Gregorian calendar that begin in March, so that a leap day is the last day of its year.
    let days = days + 719_468; // from 0000-03-01 to 1970-01-01
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + next;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn a_time_is_told_in_utc() {
        for (time, told) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_001, "2000-03-01T00:00:00.001Z"),
            (1_700_000_000_000, "2023-11-14T22:13:20.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(utc(time), told);
        }
        assert!(!utc(u64::MAX).is_empty(), "no time is too late to be told");
    }
}
