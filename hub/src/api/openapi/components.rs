//! The schemas with a name of their own: amounts, ids, times, balances, and problem documents.

use actors::ports::service::{
    FreezeReason, LimitKind, NAME_BYTES_MAX, Period, REASON_BYTES_MAX, REFERENCE_BYTES_MAX,
};
use engine::PrincipalKind;
use ledger::Domain;
use people::SUBJECT_BYTES_MAX;
use protocol::{Currency, amount::AMOUNT_TEXT_MAX};
use serde_json::{Map, Value, json};

use super::schema::{count, flag, list, map, named, or_null, pattern, text, told, words};
use crate::{auth::domain_name, config::Config, edge::error::Kind};

/// Digits of the largest amount in minor units, 10 to the power of 15, but for that amount itself.
const MINOR_DIGITS: u32 = 15;

/// What the operator chose, and requests must keep to.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    /// Currencies with their decimals.
    currencies: Vec<(Currency, u32)>,
    default_currency: Currency,
    reasons: Vec<String>,
}

impl Vocabulary {
    /// As configured.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let mut currencies: Vec<_> =
            config.currencies.iter().map(|currency| (currency.code, currency.scale)).collect();
        currencies.sort();
        let api = &config.api;
        Self { currencies, default_currency: api.default_currency, reasons: api.reasons.clone() }
    }

    /// The least and the most decimals of a currency.
    fn scales(&self) -> (u32, u32) {
        let scales = || self.currencies.iter().map(|(_, scale)| *scale);
        (scales().min().unwrap_or_default(), scales().max().unwrap_or_default())
    }

    fn currency(&self) -> Value {
        let codes: Vec<_> = self.currencies.iter().map(|(code, _)| code.to_string()).collect();
        let default = self.default_currency;
        let about = format!("A currency of this hub. Without it, {default}.");
        told(words(codes.iter().map(String::as_str)), &about)
    }

    fn amount(&self) -> Value {
        let (least, most) = self.scales();
        let whole = MINOR_DIGITS.saturating_sub(least);
        let form = match most {
            0 => format!("^[1-9][0-9]{{0,{}}}$", whole - 1),
            _ => format!(
                "^([1-9][0-9]{{0,{}}}(\\.[0-9]{{1,{most}}})?|0\\.[0-9]{{0,{}}}[1-9]0{{0,{most}}})$",
                whole - 1,
                most - 1
            ),
        };
        let about = "An amount above zero, as text or as a JSON number without an exponent, which is read from its digits. Never more \
                     decimals than the currency has.";
        json!({
            "description": about,
            "examples": ["12.50"],
            "anyOf": [
                { "type": "string", "pattern": form, "maxLength": AMOUNT_TEXT_MAX },
                { "type": "number", "exclusiveMinimum": 0, "maximum": 10_u64.pow(whole) },
            ],
        })
    }
}

/// A decimal text of an answer.
fn decimal(sign: &str) -> Value {
    pattern(&format!("^{sign}[0-9]+(\\.[0-9]+)?$"))
}

/// The id of something, such as `tx_` and 32 digits.
fn id(prefix: &str) -> Value {
    pattern(&format!("^{prefix}[0-9a-f]{{32}}$"))
}

/// Every schema with a name.
pub(super) fn schemas(vocabulary: &Vocabulary) -> Value {
    let posted = map(
        &[("entries", count()), ("debits", named("SignedDecimal")), ("credits", named("SignedDecimal"))],
        &[],
    );
    let funds = map(
        &[
            ("available", named("SignedDecimal")),
            ("held", named("SignedDecimal")),
            ("total", named("SignedDecimal")),
        ],
        &[],
    );
    let time = format!("^{YEAR}{TIME_OF_DAY}");
    let reasons = match &vocabulary.reasons[..] {
        [] => pattern(&format!("^[A-Z0-9_]{{1,{REASON_BYTES_MAX}}}$")),
        reasons => words(reasons.iter().map(String::as_str)),
    };
    let all = [
        ("Amount", vocabulary.amount()),
        ("Currency", vocabulary.currency()),
        ("Reason", told(reasons, "A code of the option `api.reasons`.")),
        (
            "Reference",
            told(
                pattern(&format!("^[!-~]([ -~]{{0,{}}}[!-~])?$", REFERENCE_BYTES_MAX - 2)),
                "The operator's own papers. It is recorded for good: no personal data belongs there.",
            ),
        ),
        (
            "PlayerName",
            json!({
                "type": "string",
                "minLength": 1,
                "maxLength": SUBJECT_BYTES_MAX,
                "description": "The operator's id of the player, the subject of the player's tokens. At most 256 bytes in UTF-8.",
                "examples": ["PLAYER_123"],
            }),
        ),
        ("OwnerName", pattern(&format!("^[A-Za-z0-9_.-]{{1,{NAME_BYTES_MAX}}}$"))),
        ("FreezeReason", words(FreezeReason::ALL.map(FreezeReason::name))),
        ("DomainName", words(Domain::ALL.map(domain_name))),
        (
            "FutureTime",
            json!({
                "type": "string",
                "format": "date-time",
                "pattern": time,
                "description": "A time to come. RFC 3339 in UTC, with the letters T and Z.",
                "examples": ["2999-12-31T00:00:00Z"],
            }),
        ),
        (
            "Day",
            json!({ "type": "string", "format": "date", "pattern": format!("^{YEAR}-[0-9]{{2}}-[0-9]{{2}}$") }),
        ),
        ("Time", json!({ "type": "string", "format": "date-time", "pattern": time })),
        ("CurrencyCode", pattern("^[A-Z][A-Z0-9]{2,7}$")),
        ("Decimal", told(decimal(""), "An amount in the decimals of its currency.")),
        (
            "SignedDecimal",
            told(decimal("-?"), "An amount in the decimals of its currency, which may be below zero."),
        ),
        ("PlayerId", told(id(""), "The hub's own id of the player.")),
        ("TransactionId", id("tx_")),
        ("HoldId", id("hold_")),
        ("Lsn", told(count(), "The place of a record in the log, from 1.")),
        ("PrincipalKind", words(PrincipalKind::ALL.map(PrincipalKind::name))),
        ("Balance", map(&balance_fields(), &[])),
        ("Posted", posted),
        ("FundsAt", funds),
        ("Problem", problem()),
    ];
    Value::Object(all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect::<Map<_, _>>())
}

/// What is told of a balance.
pub fn balance_fields() -> [(&'static str, Value); 4] {
    [
        ("currency", named("CurrencyCode")),
        ("available", named("Decimal")),
        ("held", named("Decimal")),
        ("total", named("Decimal")),
    ]
}

/// The years that the hub reads and writes.
const YEAR: &str = "(19[7-9][0-9]|[2-9][0-9]{3})";

/// The times that the hub reads and writes: RFC 3339 in UTC.
const TIME_OF_DAY: &str = "-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?Z$";

/// The limit that refuses something. Limits of money have amounts, those of time minutes.
fn reached() -> Value {
    let value = || json!({ "anyOf": [named("Decimal"), { "type": "number", "minimum": 0 }] });
    map(
        &[
            ("kind", words(LimitKind::ALL.map(LimitKind::name))),
            ("period", words(Period::ALL.map(Period::name))),
            ("currency", or_null(&named("CurrencyCode"))),
            ("limit", value()),
            ("used", value()),
            ("frees_at", told(named("Time"), "When the next period begins.")),
            ("clause", told(text(), "The clause that asks for limits of this kind.")),
        ],
        &[],
    )
}

/// A refusal, RFC 9457.
fn problem() -> Value {
    let mut codes: Vec<_> = Kind::all().into_iter().map(Kind::code).collect();
    codes.sort_unstable();
    codes.dedup();
    map(
        &[
            ("type", pattern("^urn:hub:error:[a-z_]+$")),
            ("title", text()),
            ("status", json!({ "type": "integer", "minimum": 400, "maximum": 599 })),
            (
                "code",
                told(words(codes), "What is wrong, for programs. A later release may have more of them."),
            ),
            ("hint", told(text(), "What the caller can do about it.")),
            ("final", told(flag(), "Whether the same request will be refused again.")),
        ],
        &[
            ("detail", text()),
            ("field", told(text(), "The field, parameter or header that is wrong.")),
            ("retry_after_ms", told(count(), "When to ask again, milliseconds from now.")),
            ("reached", told(reached(), "The limit of the player that refuses it, with `limit_reached`.")),
            (
                "differs",
                told(
                    list(&text()),
                    "The fields in which the request differs from the first one under its key.",
                ),
            ),
            (
                "key_consumed",
                told(flag(), "Whether the refusal stands under the key of the request for good."),
            ),
            ("replayed", told(flag(), "Whether it is that of an earlier request with the same key.")),
            ("lsn", named("Lsn")),
            ("request_id", text()),
        ],
    )
}
