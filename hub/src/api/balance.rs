//! `/api/domains/balance`: what players have, credits and debits, freezes.

use std::{sync::Arc, time::UNIX_EPOCH};

use actix_web::{HttpRequest, HttpResponse, web};
use actors::{
    admission::Permit,
    clock::now_ms,
    messages::domain::PlayerFunds,
    ports::{
        balance::{
            BalanceChange, Changed, Freeze, FreezeReason, Payment, PaymentCause, ReasonCode, Reference,
        },
        money::{Execution, NotExecuted},
    },
};
use ledger::Domain;
use people::Person;
use protocol::{Amount, Currency, ErrorCode, PlayerId, amount::AmountError};
use serde_json::{Map, Value, json};

use super::{
    asked::{KeyedRequest, allowed},
    fields::JsonFields,
    receipt,
    surface::ApiSurface,
};
use crate::{
    auth::{Access, Area, Caller, Capability},
    edge::{
        error::{Error, Kind},
        routes,
    },
    people::enrol,
    utc::utc,
};

const READ: Capability = Capability::Use(Area::Domain(Domain::Balance), Access::Read);
const WRITE: Capability = Capability::Use(Area::Domain(Domain::Balance), Access::Write);

/// Registers its paths. Those of words come before those of players, who may be called like a word: `?playerId=` reaches them.
pub fn routes(service: &mut web::ServiceConfig) {
    service
        .service(routes::page_and_action("/api/domains/balance", show_named, change))
        .service(routes::page("/api/domains/balance/{player}", show))
        .service(routes::action("/api/domains/balance/{player}/freeze", freeze))
        .service(routes::action("/api/domains/balance/{player}/unfreeze", unfreeze));
}

/// A credit or a debit, as it is asked for.
struct PaymentRequest {
    is_credit: bool,
    player: String,
    amount: Amount,
    currency: Currency,
    cause: PaymentCause,
}

impl PaymentRequest {
    fn read(api: &ApiSurface, body: &[u8]) -> Result<Self, Error> {
        let mut fields = JsonFields::read(body)?;
        let is_credit = match &*fields.needed_text("type")? {
            "credit" => true,
            "debit" => false,
            _ => return Err(Error::new(Kind::Malformed, "\"type\" is credit or debit").field("type")),
        };
        let payment = Self {
            is_credit,
            player: fields.needed_text("playerId")?.into_owned(),
            amount: fields.amount()?,
            currency: fields.currency()?.unwrap_or(api.default_currency),
            cause: PaymentCause { reason: fields.parsed("reason")?, reference: fields.parsed("reference")? },
        };
        fields.finish("type, playerId, amount, currency, reason and reference")?;
        Ok(payment)
    }

    /// Why it is refused unless it was carried out before: the operator has the currency or the reason no more, or never had
    /// the reason.
    fn refusal(&self, api: &ApiSurface) -> Option<Error> {
        match &self.cause.reason {
            Some(reason) if !api.reasons.contains(reason) => Some(unknown_reason(&api.reasons)),
            Some(_) | None => {
                api.currencies.scale(self.currency).is_none().then(|| no_currency(api, self.currency))
            }
        }
    }
}

fn unknown_reason(known: &[ReasonCode]) -> Error {
    let known: Vec<_> = known.iter().map(ReasonCode::as_str).collect();
    let words = format!("the reasons of this hub are {} (option api.reasons)", known.join(", "));
    Error::new(Kind::Malformed, words).field("reason")
}

/// `POST /api/domains/balance`: a credit or a debit.
async fn change(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    let asked = KeyedRequest::read(&request, payload, &api.callers, &WRITE).await?;
    let payment = PaymentRequest::read(&api, &asked.body)?;
    let PaymentRequest { is_credit, amount, currency, .. } = payment;
    // In a currency that is not configured any more, a repeated request is told what it was told.
    let scale = api.currencies.spelling(currency).ok_or_else(|| no_currency(&api, currency))?;
    let amount = amount.to_minor(scale).map_err(|error| unfit(error, currency, scale))?;
    let person = api.person(&asked.caller, &payment.player)?;
    let permit = api.admit()?;
    let refusal = payment.refusal(&api);
    let player = match (api.people.get(&person), &refusal) {
        (Some(player), _) => player,
        // Nobody gets an id by a request that is refused.
        (None, None) if is_credit => enrolled(&api, person).await?,
        (None, _) => {
            return Err(refusal.unwrap_or_else(unknown_player).of_key(false, false));
        }
    };
    let cause = payment.cause;
    let mut fields = told(&payment.player, player, if is_credit { "credit" } else { "debit" });
    fields.extend(cause_told(&cause));
    let payment = Payment { currency, amount, cause };
    let what = if is_credit { Changed::Credit(payment) } else { Changed::Debit(payment) };
    execute(&api, &asked, permit, (player, what), refusal, fields).await
}

/// `POST /api/domains/balance/{player}/freeze`.
async fn freeze(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    let asked = KeyedRequest::read(&request, payload, &api.callers, &WRITE).await?;
    let mut fields = JsonFields::read(&asked.body)?;
    let reason = fields.needed_text("reason")?;
    let until = fields.text("until")?;
    fields.finish("reason and until")?;
    let reason = FreezeReason::ALL.into_iter().find(|known| known.name() == reason).ok_or_else(|| {
        let names = FreezeReason::ALL.map(FreezeReason::name).join(", ");
        Error::new(Kind::Malformed, format!("the reasons of a freeze are {names}")).field("reason")
    })?;
    let until = until.map(|until| ends_at(&until)).transpose()?;
    let player = known(&api, &api.person(&asked.caller, &path)?)?;
    let permit = api.admit()?;
    let mut fields = told(&path, player, "freeze");
    fields.insert("reason".into(), json!(reason.name()));
    fields.insert("until".into(), json!(until.map(utc)));
    let what = Changed::Freeze(Freeze { reason, until });
    let over =
        until.filter(|until| *until <= now_ms()).map(|_| wrong_end("the freeze would be over already"));
    execute(&api, &asked, permit, (player, what), over, fields).await
}

/// `POST /api/domains/balance/{player}/unfreeze`.
async fn unfreeze(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    let asked = KeyedRequest::read(&request, payload, &api.callers, &WRITE).await?;
    JsonFields::read(&asked.body)?.finish("none")?;
    let player = known(&api, &api.person(&asked.caller, &path)?)?;
    let permit = api.admit()?;
    let fields = told(&path, player, "unfreeze");
    execute(&api, &asked, permit, (player, Changed::Unfreeze), None, fields).await
}

/// `GET /api/domains/balance/{player}`.
async fn show(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    let caller = allowed(&request, &api.callers, &READ)?;
    if let Some((name, _)) = request.query_string().split_once('=') {
        let words = format!("there is no parameter \"{}\" here", name.escape_default());
        return Err(Error::new(Kind::Malformed, words));
    }
    funds_of(&api, &caller, &path).await
}

/// `GET /api/domains/balance?playerId=`, which reaches a player of any name.
async fn show_named(api: web::Data<ApiSurface>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let caller = allowed(&request, &api.callers, &READ)?;
    let query = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
    let wrong = || Error::new(Kind::Malformed, "the only parameter is playerId, once").field("playerId");
    let parameters = query.map_err(|_| wrong())?.into_inner();
    match &parameters[..] {
        [(name, player)] if name == "playerId" => funds_of(&api, &caller, player).await,
        _ => Err(wrong()),
    }
}

async fn funds_of(api: &ApiSurface, caller: &Arc<Caller>, name: &str) -> Result<HttpResponse, Error> {
    let player = known(api, &api.person(caller, name)?)?;
    let permit = api.admit()?;
    let funds = api.money.funds(player).await;
    drop(permit);
    let PlayerFunds { lsn, freeze, accounts } = funds.ok_or(Kind::Unavailable)?;
    let balances = accounts
        .into_iter()
        .map(|(currency, funds)| receipt::balance(funds.available, funds.held, currency, &api.currencies));
    let freeze =
        freeze.map(|freeze| json!({ "reason": freeze.reason.name(), "until": freeze.until.map(utc) }));
    let answer = json!({
        "playerId": name,
        "player": player,
        "status": if freeze.is_some() { "frozen" } else { "active" },
        "freeze": freeze,
        "balances": balances.collect::<Result<Vec<_>, _>>()?,
        "lsn": lsn,
    });
    Ok(HttpResponse::Ok().insert_header((receipt::LSN, lsn)).json(answer))
}

/// Carries out a change once for the key of its request. `refusal`: why it is refused unless its key has an outcome: a repeated
/// request is told what it was told.
async fn execute(
    api: &ApiSurface,
    asked: &KeyedRequest<'_>,
    permit: Permit,
    (player, what): (PlayerId, Changed),
    refusal: Option<Error>,
    fields: Map<String, Value>,
) -> Result<HttpResponse, Error> {
    /// Does not consume the key, and is not told.
    const UNTOLD: ErrorCode = ErrorCode::Malformed;
    let (id, principal) = (asked.tx_id(), asked.caller.principal());
    let change = BalanceChange { id, principal, player, what };
    let envelope = if refusal.is_some() { change.refuse(UNTOLD) } else { change.run() };
    let execution = api.money.execute(principal, envelope).await;
    drop(permit);
    match (refusal, execution) {
        (Some(refusal), Execution::Rejected(NotExecuted { code: UNTOLD, .. })) => {
            Err(refusal.of_key(false, false))
        }
        (_, execution) => receipt::answer(id, execution, fields, &api.currencies),
    }
}

/// The id of a person, who gets one if they have none.
async fn enrolled(api: &ApiSurface, person: Person) -> Result<PlayerId, Error> {
    if api.people.is_excluded(&person) {
        return Err(Error::new(Kind::Forbidden, "this person is excluded").field("playerId"));
    }
    let enrolled = enrol(api.people.clone(), person).await;
    enrolled.map_err(|error| Error::new(Kind::Unavailable, error.to_string()))
}

/// The id of a person who has one.
fn known(api: &ApiSurface, person: &Person) -> Result<PlayerId, Error> {
    api.people.get(person).ok_or_else(unknown_player)
}

fn unknown_player() -> Error {
    Error::from(Kind::UnknownPlayer).field("playerId")
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

/// When a freeze ends, milliseconds since 1970.
fn ends_at(text: &str) -> Result<u64, Error> {
    let until = humantime::parse_rfc3339(text)
        .map_err(|_| wrong_end("a time is written as 2026-12-31T23:59:59Z (RFC 3339, UTC)"))?;
    let since = until.duration_since(UNIX_EPOCH).map_err(|_| wrong_end("the time is before 1970"))?;
    u64::try_from(since.as_millis()).map_err(|_| wrong_end("the time is too late"))
}

fn wrong_end(words: &'static str) -> Error {
    Error::new(Kind::Malformed, words).field("until")
}

/// The fields of a request that its answer repeats.
fn told(name: &str, player: PlayerId, what: &str) -> Map<String, Value> {
    Map::from_iter([
        ("type".to_owned(), json!(what)),
        ("playerId".to_owned(), json!(name)),
        ("player".to_owned(), json!(player)),
    ])
}

fn cause_told(cause: &PaymentCause) -> Map<String, Value> {
    Map::from_iter([
        ("reason".to_owned(), json!(cause.reason.as_ref().map(ReasonCode::as_str))),
        ("reference".to_owned(), json!(cause.reference.as_ref().map(Reference::as_str))),
    ])
}
