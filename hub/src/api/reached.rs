//! What the refusal by a limit of a player tells besides its code.

use actors::{
    currencies::Currencies,
    ports::service::{LimitId, LimitReached},
};
use protocol::Amount;
use serde_json::{Map, Value, json};

use crate::utc::utc;

/// Milliseconds in minutes, to the second.
pub fn minutes_of(ms: i128) -> f64 {
    (ms / 1_000) as f64 / 60.0
}

/// Which limit it is, what is used of it, and when its next period begins.
pub fn told(currencies: &Currencies, reached: &LimitReached) -> Map<String, Value> {
    let LimitReached { id, limit, used, frees_at } = *reached;
    let LimitId { kind, period, currency } = id;
    let value = |value: i128| match currency {
        Some(currency) => {
            let scale = currencies.spelling(currency)?;
            Amount::from_minor(value.max(0), scale).map(|amount| json!(amount)).ok()
        }
        None => Some(json!(minutes_of(value.max(0)))),
    };
    Map::from_iter([
        ("kind".to_owned(), json!(kind.name())),
        ("period".to_owned(), json!(period.name())),
        ("currency".to_owned(), json!(currency)),
        ("limit".to_owned(), json!(value(limit))),
        ("used".to_owned(), json!(value(used))),
        ("frees_at".to_owned(), json!(utc(frees_at))),
        ("clause".to_owned(), json!(kind.clause())),
    ])
}
