//! The answer to a change: what was carried out, with the balance after it; or why nothing was.

use actix_web::{
    HttpResponse,
    http::header::{HeaderName, HeaderValue},
};
use actors::{
    currencies::Currencies,
    ports::money::{Executed, Execution, NotExecuted},
};
use engine::{Done, TxId};
use protocol::{Amount, Currency, ErrorCode};
use serde_json::{Map, Value, json};

use super::reached;
use crate::edge::error::{Error, Kind, REPLAYED};

/// The header with the place of the record in the log.
pub const LSN: HeaderName = HeaderName::from_static("hub-lsn");

/// What begins the id of a transaction.
pub const PREFIX: &str = "tx_";

/// The id of a transaction as text.
pub fn spelled_id(id: TxId) -> String {
    format!("{PREFIX}{:032x}", id.0)
}

/// The number of an id behind its prefix: 32 hexadecimal digits in lower case.
pub fn id_after(prefix: &str, text: &str) -> Option<u128> {
    let digits = text.strip_prefix(prefix).filter(|digits| digits.len() == 32)?;
    let legal = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if legal { u128::from_str_radix(digits, 16).ok() } else { None }
}

/// The answer to a change under this id; `fields` are those of the request, for whoever reads the answer alone. Of a dry run
/// that would be carried out there is no transaction.
///
/// # Errors
/// Why nothing was carried out, or that this is not known.
pub fn answer(
    id: TxId,
    execution: Execution,
    fields: Map<String, Value>,
    dry_run: bool,
    currencies: &Currencies,
) -> Result<HttpResponse, Error> {
    let Executed { lsn, done, replayed } = match execution {
        Execution::Committed(executed) => executed,
        Execution::Rejected(NotExecuted { code, recorded, replayed, limit }) => {
            let limit = limit.map(|limit| reached::told(currencies, &limit));
            return Err(Error::from(Kind::Money(code)).of_key(recorded, replayed).reaching(limit));
        }
        Execution::NotNow { code, wait_ms } => {
            return Err(Error::from(Kind::Money(code)).retry_after_ms(wait_ms).of_key(None, false));
        }
        Execution::Unknown => return Err(Kind::OutcomeUnknown.into()),
    };
    let recorded = (!dry_run || replayed).then(|| (spelled_id(id), lsn));
    let (id, lsn) = recorded.unzip();
    let mut body = json!({ "id": id, "tx": id, "lsn": lsn, "replayed": replayed });
    if let Value::Object(body) = &mut body {
        body.extend(fields);
        if let Some(done) = done {
            body.extend(funds(&done, currencies)?);
        }
    }
    let mut answer = HttpResponse::Ok();
    if let Some(lsn) = lsn {
        answer.insert_header((LSN, HeaderValue::from(lsn)));
    }
    if replayed {
        answer.insert_header((REPLAYED, HeaderValue::from_static("true")));
    }
    Ok(answer.json(body))
}

/// The funds of a player's cash account after a change, and what has changed.
fn funds(done: &Done, currencies: &Currencies) -> Result<Map<String, Value>, Error> {
    let Done { currency, amount, available, held, .. } = *done;
    let told = |minor| spelled(minor, currency, currencies);
    Ok(Map::from_iter([
        ("amount".to_owned(), json!(told(amount)?)),
        ("currency".to_owned(), json!(currency)),
        ("balance".to_owned(), balance(available, held, currency, currencies)?),
    ]))
}

/// A balance in one currency.
///
/// # Errors
/// When the hub does not have the currency: a fault of ours.
pub fn balance(
    available: i128,
    held: i128,
    currency: Currency,
    currencies: &Currencies,
) -> Result<Value, Error> {
    let told = |minor| spelled(minor, currency, currencies);
    let (total, available, held) = (told(available.saturating_add(held))?, told(available)?, told(held)?);
    Ok(json!({ "currency": currency, "available": available, "held": held, "total": total }))
}

/// An amount as text.
///
/// # Errors
/// When the hub does not have the currency: a fault of ours.
pub fn spelled(minor: i128, currency: Currency, currencies: &Currencies) -> Result<Amount, Error> {
    let scale = currencies.spelling(currency);
    let amount = scale.and_then(|scale| Amount::from_minor(minor, scale).ok());
    amount.ok_or_else(|| Kind::Money(ErrorCode::Internal).into())
}
