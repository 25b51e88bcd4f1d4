//! What requests that pay or take have in common: a player, an amount in a currency, and why.

use actors::ports::service::{PaymentCause, ReasonCode, Reference};
use people::Person;
use protocol::{Amount, Currency, PlayerId, amount::AmountError};
use serde_json::{Map, Value, json};

use super::{asked::KeyedRequest, fields::JsonFields, surface::ApiSurface};
use crate::{
    edge::error::{Error, Kind},
    people::enrol,
};

/// The id of a player in the answer to a dry run about somebody whom the hub has not met.
const NOBODY: PlayerId = PlayerId(0);

/// A sum in a currency, as it is asked for.
pub struct Sum {
    /// How much.
    pub amount: Amount,
    /// The currency.
    pub currency: Currency,
}

impl Sum {
    /// Reads `amount` and `currency`; without a currency, it is in the default one.
    ///
    /// # Errors
    /// `malformed`.
    pub fn read(api: &ApiSurface, fields: &mut JsonFields<'_>) -> Result<Self, Error> {
        let amount = fields.amount()?;
        Ok(Self { amount, currency: fields.currency()?.unwrap_or(api.default_currency) })
    }

    /// In minor units. In a currency that is not configured any more, a repeated request is told what it was told.
    ///
    /// # Errors
    /// `malformed` when the hub never had the currency, or it has fewer decimals than the amount.
    pub fn minor(&self, api: &ApiSurface) -> Result<i128, Error> {
        let Self { amount, currency } = *self;
        let scale = api.currencies.spelling(currency).ok_or_else(|| no_currency(api, currency))?;
        amount.to_minor(scale).map_err(|error| unfit(error, currency, scale))
    }

    /// Why it is refused unless it was carried out before: the operator has the currency no more.
    pub fn refusal(&self, api: &ApiSurface) -> Option<Error> {
        not_configured(api, self.currency)
    }
}

/// Why a currency is refused unless its request was carried out before: the operator has it no more.
pub fn not_configured(api: &ApiSurface, currency: Currency) -> Option<Error> {
    api.currencies.scale(currency).is_none().then(|| no_currency(api, currency))
}

fn no_currency(api: &ApiSurface, currency: Currency) -> Error {
    let codes: Vec<_> = api.currencies.iter().map(|(code, _)| code.to_string()).collect();
    let words = format!("the hub has no {currency}; its currencies are {}", codes.join(", "));
    Error::new(Kind::Malformed, words).field("currency")
}

fn unfit(error: AmountError, currency: Currency, scale: u32) -> Error {
    let words = match error {
        AmountError::TooPrecise => format!("{currency} has {scale} decimals, and the amount has more"),
        AmountError::Malformed | AmountError::TooLarge => error.to_string(),
    };
    Error::new(Kind::Malformed, words).field("amount")
}

/// Reads `reason` and `reference`.
///
/// # Errors
/// `malformed`.
pub fn cause(fields: &mut JsonFields<'_>) -> Result<PaymentCause, Error> {
    Ok(PaymentCause { reason: fields.parsed("reason")?, reference: fields.parsed("reference")? })
}

/// Why a cause is refused unless its change was carried out before: the operator has not the reason.
pub fn unknown_reason(api: &ApiSurface, cause: &PaymentCause) -> Option<Error> {
    let reason = cause.reason.as_ref()?;
    (!api.reasons.contains(reason)).then(|| {
        let known: Vec<_> = api.reasons.iter().map(ReasonCode::as_str).collect();
        let words = format!("the reasons of this hub are {} (option api.reasons)", known.join(", "));
        Error::new(Kind::Malformed, words).field("reason")
    })
}

/// The fields of a cause in an answer.
pub fn cause_told(cause: &PaymentCause) -> Map<String, Value> {
    Map::from_iter([
        ("reason".to_owned(), json!(cause.reason.as_ref().map(ReasonCode::as_str))),
        ("reference".to_owned(), json!(cause.reference.as_ref().map(Reference::as_str))),
    ])
}

/// The player whom a request pays: somebody new gets an id, unless the request is refused, only a dry run, or the operator
/// opens no accounts so.
///
/// # Errors
/// `refusal`, where it is one; `unknown_player`, `forbidden` for an excluded person, or `unavailable`.
pub async fn payee(
    api: &ApiSurface,
    asked: &KeyedRequest<'_>,
    name: &str,
    refusal: &mut Option<Error>,
) -> Result<PlayerId, Error> {
    let person = api.person(&asked.caller, name)?;
    match api.people.get(&person) {
        Some(player) => Ok(player),
        // Whoever has no id has no outcome under a key.
        None => match refusal.take() {
            Some(refusal) => Err(refusal),
            None if !api.open_accounts => Err(unknown_player()),
            None if api.people.is_excluded(&person) => Err(excluded()),
            None if asked.dry_run => Ok(NOBODY),
            None => enrolled(api, person).await,
        },
    }
}

/// The id of a person, who gets one.
async fn enrolled(api: &ApiSurface, person: Person) -> Result<PlayerId, Error> {
    let enrolled = enrol(api.people.clone(), person).await;
    enrolled.map_err(|error| Error::new(Kind::Unavailable, error.to_string()))
}

fn excluded() -> Error {
    Error::new(Kind::Forbidden, "this person is excluded").field("playerId")
}

/// The player whom a request names, who has an id.
///
/// # Errors
/// `unknown_player`.
pub fn known(api: &ApiSurface, asked: &KeyedRequest<'_>, name: &str) -> Result<PlayerId, Error> {
    api.people.get(&api.person(&asked.caller, name)?).ok_or_else(unknown_player)
}

/// Nobody has this id.
pub fn unknown_player() -> Error {
    Error::from(Kind::UnknownPlayer).field("playerId")
}

/// The fields of a request that its answer repeats.
pub fn told(what: &str, name: &str, player: PlayerId) -> Map<String, Value> {
    Map::from_iter([
        ("type".to_owned(), json!(what)),
        ("playerId".to_owned(), json!(name)),
        ("player".to_owned(), json!((player != NOBODY).then_some(player))),
    ])
}
