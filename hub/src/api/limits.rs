//! `/api/domains/balance/{player}/limits`: how much a player may deposit, stake, lose or play in a day, a week or a month.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::{
    limits::{MINUTES_MAX, minutes_ms},
    messages::domain::PlayerFunds,
    ports::service::{
        ConfirmLimit, LimitId, LimitKind, LimitSetter, Loosening, OperatorAct, Period, PlayerLimit,
        SetPlayerLimit,
    },
};
use protocol::ErrorCode;
use serde_json::{Map, Value, json};

use super::{
    asked::allowed_alone,
    balance::{READ, WRITE},
    change::{self, AskedChange},
    fields::JsonFields,
    openapi::{
        self, ApiOperation, ApiRoute,
        schema::{self, Way},
    },
    payment::{self, Sum},
    reached::minutes_of,
    receipt,
    surface::ApiSurface,
};
use crate::{
    edge::error::{Error, Kind},
    utc::utc,
};

/// Its paths.
pub(super) fn routes() -> Vec<ApiRoute> {
    let refusals = [
        Kind::UnknownPlayer,
        Kind::Money(ErrorCode::NoLimit),
        Kind::Money(ErrorCode::LimitChangeWaits),
        Kind::Money(ErrorCode::TooManyLimits),
    ];
    let confirmed = [
        Kind::UnknownPlayer,
        Kind::Money(ErrorCode::NoLimit),
        Kind::Money(ErrorCode::LimitChangeEarly),
        Kind::Money(ErrorCode::LimitChangeLate),
    ];
    let of_limit = [
        ("limit", kinds(LimitKind::ALL)),
        ("period", periods()),
        ("currency", schema::or_null(&schema::named("CurrencyCode"))),
    ];
    let set = [
        &openapi::of_player()[..],
        &of_limit,
        &[
            ("by", setters()),
            ("amount", schema::or_null(&schema::named("Decimal"))),
            ("minutes", schema::or_null(&schema::count())),
        ],
    ]
    .concat();
    let deposit = json!({ "limit": "deposit", "period": "month", "amount": "500.00", "currency": "USD" });
    let time = json!({ "limit": "play_time", "period": "day", "minutes": 120 });
    let which = json!({ "limit": "deposit", "period": "month", "currency": "USD" });
    let name = || schema::named("PlayerName");
    vec![
        ApiRoute::at("/api/domains/balance/{playerId}/limits")
            .get(
                show,
                ApiOperation::read("showLimits", "The limits of a player, and what is used of each", &READ)
                    .path("playerId", name(), "PLAYER_123")
                    .answers(200, limits_schema())
                    .header(200, &receipt::LSN, true)
                    .refuses(&[Kind::UnknownPlayer]),
            )
            .post(
                set_limit,
                ApiOperation::change(
                    "setLimit",
                    "Sets a limit of a player: a stricter one at once, a looser one of the player's own once it is confirmed",
                    &WRITE,
                    &set_body(),
                    &[("deposit", deposit), ("play_time", time)],
                )
                .path("playerId", name(), "PLAYER_123")
                .answers(200, openapi::receipt("limit", false, &set, &[]))
                .recorded()
                .refuses(&refusals)
                .link("showLimits", &[("playerId", "$response.body#/playerId")]),
            ),
        ApiRoute::at("/api/domains/balance/{playerId}/limits/confirm").post(
            confirm,
            ApiOperation::change(
                "confirmLimit",
                "Confirms a looser limit that has waited, as the player wants it",
                &WRITE,
                &confirm_body(),
                &[("confirm", which)],
            )
            .path("playerId", name(), "PLAYER_123")
            .answers(
                200,
                openapi::receipt("limit_confirm", false, &[&openapi::of_player()[..], &of_limit].concat(), &[]),
            )
            .recorded()
            .refuses(&confirmed),
        ),
    ]
}

const OF_MONEY: [LimitKind; 3] = [LimitKind::Deposit, LimitKind::Loss, LimitKind::Stake];

fn kinds<const N: usize>(kinds: [LimitKind; N]) -> Value {
    schema::words(kinds.map(LimitKind::name))
}

fn periods() -> Value {
    schema::words(Period::ALL.map(Period::name))
}

fn setters() -> Value {
    schema::words([LimitSetter::Player, LimitSetter::Operator].map(LimitSetter::name))
}

/// A body that names a limit, with more fields that it may have.
fn which_body(more: &[(&str, Value)]) -> Value {
    let currency = ("currency", schema::named("Currency"));
    schema::body(&[("limit", kinds(LimitKind::ALL)), ("period", periods())], &[more, &[currency]].concat())
}

fn confirm_body() -> Value {
    schema::in_one_way(
        which_body(&[]),
        &[
            Way { with: &[("limit", kinds(OF_MONEY))], without: &[] },
            Way { with: &[("limit", kinds([LimitKind::PlayTime]))], without: &["currency"] },
        ],
    )
}

fn set_body() -> Value {
    let minutes = json!({ "type": "integer", "minimum": 1, "maximum": MINUTES_MAX });
    let remove = json!({ "const": true, "description": "There is to be no limit." });
    let more =
        [("amount", schema::named("Amount")), ("minutes", minutes), ("remove", remove), ("by", setters())];
    let of_money = || ("limit", kinds(OF_MONEY));
    let of_time = || ("limit", kinds([LimitKind::PlayTime]));
    let removed = || ("remove", json!({ "type": "boolean" }));
    let amount = ("amount", json!({ "type": ["string", "number"] }));
    let minutes = ("minutes", json!({ "type": "integer" }));
    schema::in_one_way(
        which_body(&more),
        &[
            Way { with: &[of_money(), amount], without: &["minutes", "remove"] },
            Way { with: &[of_money(), removed()], without: &["amount", "minutes"] },
            Way { with: &[of_time(), minutes], without: &["amount", "remove", "currency"] },
            Way { with: &[of_time(), removed()], without: &["amount", "minutes", "currency"] },
        ],
    )
}

fn limits_schema() -> Value {
    let amount = || schema::or_null(&schema::named("Decimal"));
    let minutes = || schema::or_null(&json!({ "type": "number", "minimum": 0 }));
    let values = |about: &str| {
        let map = schema::map(&[("amount", amount()), ("minutes", minutes())], &[]);
        schema::told(map, about)
    };
    let time = || schema::named("Time");
    let loosening = schema::map(
        &[
            ("to", schema::or_null(&values("The limit; `null` when there will be none."))),
            ("from", schema::told(time(), "From when it can be confirmed.")),
            ("until", schema::told(time(), "Until when.")),
        ],
        &[],
    );
    let limit = schema::map(
        &[
            ("limit", kinds(LimitKind::ALL)),
            ("period", periods()),
            ("currency", schema::or_null(&schema::named("CurrencyCode"))),
            ("own", schema::or_null(&values("As the player has set it."))),
            ("operators", schema::or_null(&values("As the operator has set it for the player."))),
            ("used", values("What is used of it in this period, with what is at stake.")),
            ("left", values("What is left of the stricter one.")),
            ("frees_at", schema::told(time(), "When the next period begins.")),
            ("loosening", schema::or_null(&loosening)),
            ("clause", schema::told(schema::text(), "The clause that asks for limits of this kind.")),
        ],
        &[],
    );
    schema::map(
        &[
            ("playerId", schema::named("PlayerName")),
            ("player", schema::named("PlayerId")),
            ("limits", schema::list(&limit)),
            ("lsn", schema::named("Lsn")),
        ],
        &[],
    )
}

/// `GET /api/domains/balance/{player}/limits`.
async fn show(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    let caller = allowed_alone(&request, &api.callers, &READ)?;
    let player = api.people.get(&api.person(&caller, &path)?).ok_or_else(payment::unknown_player)?;
    let permit = api.admit()?;
    let funds = api.money.funds(player).await;
    drop(permit);
    let PlayerFunds { lsn, limits, .. } = funds.ok_or(Kind::Unavailable)?;
    let limits: Result<Vec<_>, _> = limits.iter().map(|limit| told(&api, limit)).collect();
    let answer = json!({ "playerId": *path, "player": player, "limits": limits?, "lsn": lsn });
    Ok(HttpResponse::Ok().insert_header((receipt::LSN, lsn)).json(answer))
}

fn told(api: &ApiSurface, (id, limit, frees_at): &(LimitId, PlayerLimit, u64)) -> Result<Value, Error> {
    let value = |given: Option<i128>| given.map(|given| spelled(api, *id, given)).transpose();
    let in_force = limit.in_force().unwrap_or_default();
    let loosening = limit.loosening.map(|Loosening { to, from, until }| {
        Ok::<_, Error>(json!({ "to": value(to)?, "from": utc(from), "until": utc(until) }))
    });
    Ok(json!({
        "limit": id.kind.name(),
        "period": id.period.name(),
        "currency": id.currency,
        "own": value(limit.own)?,
        "operators": value(limit.operators)?,
        "used": spelled(api, *id, limit.used)?,
        "left": spelled(api, *id, in_force.saturating_sub(limit.used))?,
        "frees_at": utc(*frees_at),
        "loosening": loosening.transpose()?,
        "clause": id.kind.clause(),
    }))
}

/// A value of a limit, from zero on.
fn spelled(api: &ApiSurface, id: LimitId, value: i128) -> Result<Value, Error> {
    let value = value.max(0);
    match id.currency {
        Some(currency) => {
            Ok(json!({ "amount": receipt::spelled(value, currency, &api.currencies)?, "minutes": null }))
        }
        None => Ok(json!({ "amount": null, "minutes": minutes_of(value) })),
    }
}

/// `POST /api/domains/balance/{player}/limits`.
async fn set_limit(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    change::answer(
        &api,
        (&request, payload),
        (&[&WRITE], OperatorAct::SetLimit),
        async |asked, mut fields| {
            let by = setter(&mut fields)?;
            let limit = AskedLimit::read(&api, &mut fields)?;
            fields.finish("limit, period, amount, minutes, remove, currency and by")?;
            let to = limit.to(&api)?.ok_or_else(|| {
                wrong(
                    "a limit needs \"amount\", or \"minutes\" of playing time, or \"remove\": true",
                    "amount",
                )
            })?;
            let player = payment::known(&api, asked, &path)?;
            let permit = api.admit()?;
            let mut told = payment::told("limit", &path, player);
            told.extend(limit.told(&api, to)?);
            told.insert("by".into(), json!(by.name()));
            let intent = SetPlayerLimit { player, id: limit.id, by, to }.into();
            Ok(AskedChange { permit, intent, refusal: limit.refusal, told })
        },
    )
    .await
}

/// `POST /api/domains/balance/{player}/limits/confirm`.
async fn confirm(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    change::answer(
        &api,
        (&request, payload),
        (&[&WRITE], OperatorAct::ConfirmLimit),
        async |asked, mut fields| {
            let limit = AskedLimit::read(&api, &mut fields)?;
            if limit.value.is_some() {
                return Err(wrong("the limit to confirm is the one that was asked for", "amount"));
            }
            fields.finish("limit, period and currency")?;
            let player = payment::known(&api, asked, &path)?;
            let permit = api.admit()?;
            let mut told = payment::told("limit_confirm", &path, player);
            told.extend(limit.which());
            let intent = ConfirmLimit { player, id: limit.id }.into();
            Ok(AskedChange { permit, intent, refusal: limit.refusal, told })
        },
    )
    .await
}

/// A limit as a request names it.
struct AskedLimit {
    id: LimitId,
    value: Option<AskedValue>,
    /// Why it is refused unless it was carried out before.
    refusal: Option<Error>,
}

/// How much a limit is to allow.
enum AskedValue {
    Sum(Sum),
    Minutes(u64),
    Removed,
}

impl AskedLimit {
    fn read(api: &ApiSurface, fields: &mut JsonFields<'_>) -> Result<Self, Error> {
        let kind = fields.needed_text("limit")?;
        let kind = LimitKind::named(&kind)
            .ok_or_else(|| wrong("a limit is \"deposit\", \"loss\", \"stake\" or \"play_time\"", "limit"))?;
        let period = fields.needed_text("period")?;
        let period = Period::named(&period)
            .ok_or_else(|| wrong("a period is \"day\", \"week\" or \"month\"", "period"))?;
        let one = "a limit has one of \"amount\", \"minutes\" and \"remove\"";
        let minutes = fields.whole("minutes")?;
        let remove = match fields.flag("remove")? {
            Some(false) => return Err(wrong("\"remove\" is true, or is left out", "remove")),
            remove => remove.is_some(),
        };
        if !kind.is_of_money() {
            for (name, words) in [
                ("amount", "a limit of time has \"minutes\""),
                ("currency", "a limit of time has no \"currency\""),
            ] {
                if fields.has(name) {
                    return Err(wrong(words, name));
                }
            }
            let value = match (minutes, remove) {
                (Some(_), true) => return Err(wrong(one, "remove")),
                (Some(minutes), false) => Some(AskedValue::Minutes(minutes)),
                (None, true) => Some(AskedValue::Removed),
                (None, false) => None,
            };
            return Ok(Self { id: LimitId { kind, period, currency: None }, value, refusal: None });
        }
        if minutes.is_some() {
            return Err(wrong("a limit of money has an \"amount\"", "minutes"));
        }
        let (currency, value) = if fields.has("amount") {
            if remove {
                return Err(wrong(one, "remove"));
            }
            let sum = Sum::read(api, fields)?;
            (sum.currency, Some(AskedValue::Sum(sum)))
        } else {
            let currency = fields.currency()?.unwrap_or(api.default_currency);
            (currency, remove.then_some(AskedValue::Removed))
        };
        let refusal = payment::not_configured(api, currency);
        Ok(Self { id: LimitId { kind, period, currency: Some(currency) }, value, refusal })
    }

    /// Minor units or milliseconds; `None` when no limit is asked for, and none in it when it is to be removed.
    fn to(&self, api: &ApiSurface) -> Result<Option<Option<i128>>, Error> {
        match &self.value {
            None => Ok(None),
            Some(AskedValue::Removed) => Ok(Some(None)),
            Some(AskedValue::Sum(sum)) => match sum.minor(api)? {
                0 => Err(wrong("a limit is above zero; a time-out or an exclusion stops play", "amount")),
                minor => Ok(Some(Some(minor))),
            },
            Some(AskedValue::Minutes(minutes)) => {
                let ms = minutes_ms(*minutes).map_err(|error| wrong(error.to_string(), "minutes"))?;
                Ok(Some(Some(ms)))
            }
        }
    }

    fn which(&self) -> Map<String, Value> {
        let LimitId { kind, period, currency } = self.id;
        Map::from_iter([
            ("limit".to_owned(), json!(kind.name())),
            ("period".to_owned(), json!(period.name())),
            ("currency".to_owned(), json!(currency)),
        ])
    }

    fn told(&self, api: &ApiSurface, to: Option<i128>) -> Result<Map<String, Value>, Error> {
        let amount = match (to, self.id.currency) {
            (Some(to), Some(currency)) => Some(receipt::spelled(to, currency, &api.currencies)?),
            _ => None,
        };
        let minutes = to.filter(|_| self.id.currency.is_none()).map(|ms| ms / 60_000);
        let minutes = minutes.and_then(|minutes| u64::try_from(minutes).ok());
        let mut told = self.which();
        told.extend([("amount".to_owned(), json!(amount)), ("minutes".to_owned(), json!(minutes))]);
        Ok(told)
    }
}

/// Whose limit it is: the player's own, unless the request says otherwise.
fn setter(fields: &mut JsonFields<'_>) -> Result<LimitSetter, Error> {
    match fields.text("by")?.as_deref() {
        None | Some("player") => Ok(LimitSetter::Player),
        Some("operator") => Ok(LimitSetter::Operator),
        Some(_) => Err(wrong("\"by\" is \"player\" or \"operator\"", "by")),
    }
}

fn wrong(words: impl Into<std::borrow::Cow<'static, str>>, field: &'static str) -> Error {
    Error::new(Kind::Malformed, words.into()).field(field)
}
