//! A record for people: aligned text without colours, amounts in decimals, times in UTC.

use std::fmt::{self, Write as _};

use actors::currencies::Currencies;
use base16ct::lower::encode_string;
use engine::{Facts, Field, Fields};
use protocol::Currency;

use crate::{utc::utc, verify::signed};

/// Columns of a name.
const NAME: usize = 14;

/// The decimals of currencies.
pub trait Scales {
    /// The decimals of a currency; `None` of one that is not known.
    fn scale(&self, currency: Currency) -> Option<u32>;
}

impl Scales for Facts {
    fn scale(&self, currency: Currency) -> Option<u32> {
        Facts::scale(self, currency)
    }
}

impl Scales for Currencies {
    /// Also of a currency that is not configured any more.
    fn scale(&self, currency: Currency) -> Option<u32> {
        self.spelling(currency)
    }
}

/// A report as text.
pub(super) struct Text<'a> {
    fields: &'a Fields,
    scales: &'a dyn Scales,
}

impl<'a> Text<'a> {
    /// These fields, with amounts in these decimals.
    pub(super) fn of(fields: &'a Fields, scales: &'a dyn Scales) -> Self {
        Self { fields, scales }
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scales = self.scales;
        for (name, field) in self.fields {
            match (*name, field) {
                ("before" | "after", Field::Group(fields)) => {
                    writeln!(f, "{name:<NAME$}{}", pairs(fields, scales).join("   "))?;
                }
                (_, Field::Group(fields)) => {
                    writeln!(f, "{name}")?;
                    group(f, fields, scales, 1)?;
                }
                (_, Field::List(list)) => {
                    writeln!(f, "{name}")?;
                    let cells = |fields: &Fields| match *name {
                        "moves" => movement(fields, scales),
                        "balances" => balance(fields, scales),
                        "notices" => notice(fields, scales),
                        _ => pairs(fields, scales),
                    };
                    columns(f, &list.iter().map(cells).collect::<Vec<_>>(), 1)?;
                }
                (_, field) => writeln!(f, "{:<NAME$}{}", words(name), with_currency(field, scales))?,
            }
        }
        Ok(())
    }
}

fn group(f: &mut fmt::Formatter<'_>, fields: &Fields, scales: &dyn Scales, depth: usize) -> fmt::Result {
    let (indent, width) = (2 * depth, NAME.saturating_sub(2 * depth));
    for (name, field) in fields {
        match field {
            Field::Group(fields) => group(f, fields, scales, depth)?,
            Field::List(list) => {
                writeln!(f, "{:indent$}{}", "", words(name))?;
                columns(f, &list.iter().map(|fields| pairs(fields, scales)).collect::<Vec<_>>(), depth + 1)?;
            }
            field => writeln!(f, "{:indent$}{:<width$}{}", "", words(name), with_currency(field, scales))?,
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
fn movement(fields: &Fields, scales: &dyn Scales) -> Vec<String> {
    let of = |name| find(fields, name).map(|field| with_currency(field, scales)).unwrap_or_default();
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
fn balance(fields: &Fields, scales: &dyn Scales) -> Vec<String> {
    let of = |name: &str| find(fields, name).map(|field| spelled(field, scales));
    let text = |name: &str| of(name).unwrap_or_default();
    let mut cells = vec![text("domain"), text("account"), text("currency")];
    for funds in ["available", "held"] {
        let before = of(&format!("{funds}_before")).unwrap_or_else(|| "new".into());
        cells.push(format!("{funds} {before} → {}", text(&format!("{funds}_after"))));
    }
    cells
}

/// What a player was told: the funds before and after, and what happened.
fn notice(fields: &Fields, scales: &dyn Scales) -> Vec<String> {
    let mut cells = balance(fields, scales).split_off(2);
    let told = fields
        .iter()
        .filter(|(name, _)| *name != "currency" && !name.ends_with("_before") && !name.ends_with("_after"));
    cells.splice(0..0, pairs(&told.cloned().collect(), scales));
    cells
}

/// Each field as its name and its value.
fn pairs(fields: &Fields, scales: &dyn Scales) -> Vec<String> {
    let pair = |(name, field): &(&'static str, Field)| match field {
        Field::Group(fields) => pairs(fields, scales).join(", "),
        Field::List(list) => {
            list.iter().map(|fields| pairs(fields, scales).join(", ")).collect::<Vec<_>>().join("; ")
        }
        field => format!("{} {}", words(name), with_currency(field, scales)),
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
fn with_currency(field: &Field, scales: &dyn Scales) -> String {
    match field {
        Field::Amount(_, currency) => format!("{} {currency}", spelled(field, scales)),
        field => spelled(field, scales),
    }
}

/// A value as text; amounts in the decimals of their currency, without its name.
pub(super) fn spelled(field: &Field, scales: &dyn Scales) -> String {
    match field {
        Field::Player(player) => player.to_string(),
        Field::Currency(currency) => currency.to_string(),
        Field::Amount(minor, currency) => signed(*minor, scales.scale(*currency).unwrap_or_default()),
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
        Field::Group(fields) => pairs(fields, scales).join(", "),
        Field::List(list) => {
            list.iter().map(|fields| pairs(fields, scales).join(", ")).collect::<Vec<_>>().join("; ")
        }
    }
}
