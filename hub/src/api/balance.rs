//! `/api/domains/balance`: what players have, credits and debits, freezes.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use actors::{
    clock::now_ms,
    messages::domain::PlayerFunds,
    ports::service::{
        Credit, Debit, ExclusionKind, Freeze, FreezePlayer, FreezeReason, OperatorAct, Unfreeze,
    },
};
use ledger::Domain;
use protocol::{ErrorCode, PlayerId, level::BalanceLevel};
use readmodel::PastFunds;
use serde_json::{Value, json};

use super::{
    asked::allowed,
    change::{self, AskedChange},
    openapi::{self, ApiOperation, ApiRoute, schema},
    parameters::Parameters,
    payment::{self, Sum},
    play, reads, receipt,
    surface::ApiSurface,
    times,
};
use crate::{
    auth::{Access, Area, Caller, Capability},
    edge::error::{Error, Kind},
    utc::utc,
};

/// What reading balances needs.
pub(super) const READ: Capability = Capability::Use(Area::Domain(Domain::Balance), Access::Read);
/// What a change of balances needs.
pub(super) const WRITE: Capability = Capability::Use(Area::Domain(Domain::Balance), Access::Write);

/// Its paths. Those of words come before those of players, who may be called like a word: `?playerId=` reaches them.
pub(super) fn routes() -> Vec<ApiRoute> {
    let of_player = [("playerId", "$response.body#/playerId")];
    let (name, example) = (|| schema::named("PlayerName"), "PLAYER_123");
    let funds = |operation: ApiOperation| {
        operation
            .answers(200, funds_schema())
            .header(200, &receipt::LSN, true)
            .query("at_least", schema::number(), "The `lsn` of an answer, which the log must have.")
            .query("as_of", schema::number(), "The `lsn` of a record: what the player had then.")
            .refuses(&[Kind::UnknownPlayer, Kind::NotRecorded])
            .link("listStatement", &of_player)
    };
    let change_body = schema::body(
        &[
            ("type", schema::words(["credit", "debit"])),
            ("playerId", name()),
            ("amount", schema::named("Amount")),
        ],
        &[&[("currency", schema::named("Currency"))][..], &openapi::cause()].concat(),
    );
    let payment = |kind: &str| json!({ "type": kind, "playerId": example, "amount": "50.00", "currency": "USD", "reason": "GOODWILL", "reference": "TICKET-7" });
    let change_receipts = ["credit", "debit"].map(|kind| {
        openapi::receipt(kind, true, &[&openapi::of_player()[..], &openapi::of_cause()].concat(), &[])
    });
    let freeze_body =
        schema::body(&[("reason", schema::named("FreezeReason"))], &[("until", schema::named("FutureTime"))]);
    let freeze_receipt = openapi::receipt(
        "freeze",
        false,
        &[
            &openapi::of_player()[..],
            &[("reason", schema::named("FreezeReason")), ("until", schema::or_null(&schema::named("Time")))],
        ]
        .concat(),
        &[],
    );
    vec![
        ApiRoute::at("/api/domains/balance")
            .get(
                show_named,
                funds(
                    ApiOperation::read(
                        "findBalance",
                        "What a player has, by the player's id as a parameter",
                        &READ,
                    )
                    .needed_query(
                        "playerId",
                        name(),
                        "The player, who may be called like a word of a path.",
                        example,
                    ),
                ),
            )
            .post(
                change,
                ApiOperation::change(
                    "changeBalance",
                    "Credits or debits a player",
                    &WRITE,
                    &change_body,
                    &[("credit", payment("credit")), ("debit", payment("debit"))],
                )
                .answers(200, json!({ "oneOf": change_receipts }))
                .changes_funds()
                .link("showBalance", &of_player)
                .link("freezePlayer", &of_player),
            ),
        ApiRoute::at("/api/domains/balance/{playerId}").get(
            show,
            funds(ApiOperation::read("showBalance", "What a player has, per currency", &READ).path(
                "playerId",
                name(),
                example,
            )),
        ),
        ApiRoute::at("/api/domains/balance/{playerId}/freeze").post(
            freeze,
            ApiOperation::change(
                "freezePlayer",
                "Freezes a player: nothing more is debited or held",
                &WRITE,
                &freeze_body,
                &[("freeze", json!({ "reason": "FRAUD_CHECK", "until": "2999-12-31T00:00:00Z" }))],
            )
            .path("playerId", name(), example)
            .answers(200, freeze_receipt)
            .recorded()
            .refuses(&[Kind::UnknownPlayer])
            .link("unfreezePlayer", &of_player),
        ),
        ApiRoute::at("/api/domains/balance/{playerId}/unfreeze").post(
            unfreeze,
            ApiOperation::change(
                "unfreezePlayer",
                "Lifts the freeze of a player",
                &WRITE,
                &schema::body(&[], &[]),
                &[("unfreeze", json!({}))],
            )
            .path("playerId", name(), example)
            .answers(200, openapi::receipt("unfreeze", false, &openapi::of_player(), &[]))
            .recorded()
            .refuses(&[Kind::UnknownPlayer, Kind::Money(ErrorCode::NotFrozen)]),
        ),
    ]
}

/// What a player has.
fn funds_schema() -> Value {
    let freeze = schema::map(
        &[("reason", schema::named("FreezeReason")), ("until", schema::or_null(&schema::named("Time")))],
        &[],
    );
    let exclusion = schema::map(
        &[
            ("kind", schema::words(ExclusionKind::ALL.map(ExclusionKind::name))),
            (
                "until",
                schema::told(
                    schema::or_null(&schema::named("Time")),
                    "Its end: a self-exclusion stands beyond it until the player comes back. `null` for good.",
                ),
            ),
        ],
        &[],
    );
    let words = "What the balance is by the operator's thresholds; `null` of the past.";
    let levels = schema::or_null(&schema::words(BalanceLevel::ALL.map(BalanceLevel::name)));
    let level = ("level", schema::told(levels, words));
    schema::map(
        &[
            ("playerId", schema::named("PlayerName")),
            ("player", schema::named("PlayerId")),
            (
                "status",
                schema::told(
                    schema::or_null(&schema::words(["active", "frozen", "excluded"])),
                    "`frozen` also of an excluded player; `null` of the past.",
                ),
            ),
            ("freeze", schema::or_null(&freeze)),
            ("exclusion", schema::or_null(&exclusion)),
            (
                "play",
                schema::told(
                    schema::or_null(&play::play_schema()),
                    "The play session that goes on; `null` when none does, when none are kept, and of the past.",
                ),
            ),
            (
                "balances",
                schema::list(&schema::map(&[&openapi::balance_fields()[..], &[level]].concat(), &[])),
            ),
            ("lsn", schema::named("Lsn")),
        ],
        &[],
    )
}

/// `POST /api/domains/balance`: a credit or a debit.
async fn change(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    change::answer(
        &api,
        (&request, payload),
        (&[&WRITE], OperatorAct::ChangeBalance),
        async |asked, mut fields| {
            let kind = fields.needed_text("type")?;
            if !["credit", "debit"].contains(&&*kind) {
                return Err(Error::new(Kind::Malformed, "\"type\" is credit or debit").field("type"));
            }
            let name = fields.needed_text("playerId")?;
            let sum = Sum::read(&api, &mut fields)?;
            let cause = payment::cause(&mut fields)?;
            fields.finish("type, playerId, amount, currency, reason and reference")?;
            let (amount, currency) = (sum.minor(&api)?, sum.currency);
            let permit = api.admit()?;
            let mut refusal = payment::unknown_reason(&api, &cause).or_else(|| sum.refusal(&api));
            let is_credit = kind == "credit";
            let player = if is_credit {
                payment::payee(&api, asked, &name, &mut refusal).await?
            } else {
                payment::known(&api, asked, &name)?
            };
            let mut told = payment::told(&kind, &name, player);
            told.extend(payment::cause_told(&cause));
            let intent = if is_credit {
                Credit { player, currency, amount, cause }.into()
            } else {
                Debit { player, currency, amount, cause }.into()
            };
            Ok(AskedChange { permit, intent, refusal, told })
        },
    )
    .await
}

/// `POST /api/domains/balance/{player}/freeze`.
async fn freeze(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    change::answer(&api, (&request, payload), (&[&WRITE], OperatorAct::Freeze), async |asked, mut fields| {
        let reason = fields.needed_text("reason")?;
        let until = fields.text("until")?.map(|text| times::read("until", &text)).transpose()?;
        fields.finish("reason and until")?;
        let reason = FreezeReason::ALL.into_iter().find(|known| known.name() == reason).ok_or_else(|| {
            let names = FreezeReason::ALL.map(FreezeReason::name).join(", ");
            Error::new(Kind::Malformed, format!("the reasons of a freeze are {names}")).field("reason")
        })?;
        let player = payment::known(&api, asked, &path)?;
        let permit = api.admit()?;
        let mut told = payment::told("freeze", &path, player);
        told.insert("reason".into(), json!(reason.name()));
        told.insert("until".into(), json!(until.map(utc)));
        let over = until.filter(|until| *until <= now_ms());
        let refusal = over.map(|_| times::wrong("until", "the freeze would be over already"));
        let intent = FreezePlayer { player, freeze: Freeze { reason, until } }.into();
        Ok(AskedChange { permit, intent, refusal, told })
    })
    .await
}

/// `POST /api/domains/balance/{player}/unfreeze`.
async fn unfreeze(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    change::answer_bare(
        &api,
        (&request, payload),
        (&[&WRITE], OperatorAct::Unfreeze),
        ("unfreeze", &path),
        |player| Unfreeze { player },
    )
    .await
}

/// `GET /api/domains/balance/{player}`.
async fn show(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    let caller = allowed(&request, &api.callers, &READ)?;
    let parameters = Parameters::read(&request, &MOMENT)?;
    funds_of(&api, &caller, &path, &parameters).await
}

/// `GET /api/domains/balance?playerId=`, which reaches a player of any name.
async fn show_named(api: web::Data<ApiSurface>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let caller = allowed(&request, &api.callers, &READ)?;
    let parameters = Parameters::read(&request, &[&["playerId"][..], &MOMENT].concat())?;
    let player = parameters.text("playerId");
    let wrong = || Error::new(Kind::Malformed, "the parameter playerId is missing").field("playerId");
    funds_of(&api, &caller, player.ok_or_else(wrong)?, &parameters).await
}

/// When it is asked for: with at least these records, or as of one of them.
const MOMENT: [&str; 2] = ["at_least", "as_of"];

async fn funds_of(
    api: &ApiSurface,
    caller: &Arc<Caller>,
    name: &str,
    parameters: &Parameters,
) -> Result<HttpResponse, Error> {
    let player = api.people.get(&api.person(caller, name)?).ok_or_else(payment::unknown_player)?;
    let permit = api.admit()?;
    // An answer has every record that is on disk.
    if let Some(lsn) = parameters.parsed("at_least", reads::WRONG_LSN)? {
        reads::is_recorded(&api.log, "at_least", lsn)?;
    }
    if let Some(lsn) = parameters.parsed("as_of", reads::WRONG_LSN)? {
        return past_funds(api, (player, name), lsn).await;
    }
    let funds = api.money.funds(player).await;
    drop(permit);
    let PlayerFunds { lsn, freeze, exclusion, play, accounts, .. } = funds.ok_or(Kind::Unavailable)?;
    let balances = accounts.into_iter().map(|(currency, funds, level)| {
        let balance = receipt::balance(funds.available, funds.held, currency, &api.currencies)?;
        Ok::<_, Error>(at_level(balance, Some(level)))
    });
    let freeze =
        freeze.map(|freeze| json!({ "reason": freeze.reason.name(), "until": freeze.until.map(utc) }));
    let play = play.map(|play| play::play(&play, now_ms(), &api.currencies));
    let status = match (&freeze, &exclusion) {
        (Some(_), _) => "frozen",
        (None, Some(_)) => "excluded",
        (None, None) => "active",
    };
    let exclusion = exclusion
        .map(|exclusion| json!({ "kind": exclusion.kind.name(), "until": exclusion.until.map(utc) }));
    let answer = json!({
        "playerId": name,
        "player": player,
        "status": status,
        "freeze": freeze,
        "exclusion": exclusion,
        "play": play.transpose()?,
        "balances": balances.collect::<Result<Vec<_>, _>>()?,
        "lsn": lsn,
    });
    Ok(HttpResponse::Ok().insert_header((receipt::LSN, lsn)).json(answer))
}

/// A balance, with what it is by the operator's thresholds.
fn at_level(balance: Value, level: Option<BalanceLevel>) -> Value {
    let mut balance = balance;
    balance["level"] = json!(level.map(BalanceLevel::name));
    balance
}

/// What a player had once a record was carried out. Of the past, no freeze and no exclusion is told.
async fn past_funds(
    api: &ApiSurface,
    (player, name): (PlayerId, &str),
    lsn: u64,
) -> Result<HttpResponse, Error> {
    let model = reads::kept(&api.reads)?;
    model.reaches("as_of", lsn).await?;
    let owner = player.0.to_be_bytes();
    let (_, funds) = model.ask(move |view| view.funds_as_of(owner, lsn)).await?;
    let cash = funds.iter().filter(|funds| funds.is_cash_of(Domain::Balance.name()));
    let balance = |funds: &PastFunds| {
        let currency = funds.account.currency.parse().map_err(|_| Kind::Internal)?;
        let balance = receipt::balance(funds.balance - funds.held, funds.held, currency, &api.currencies)?;
        Ok::<_, Error>(at_level(balance, None))
    };
    let answer = json!({
        "playerId": name,
        "player": player,
        "status": null,
        "freeze": null,
        "exclusion": null,
        "play": null,
        "balances": cash.map(balance).collect::<Result<Vec<_>, _>>()?,
        "lsn": lsn,
    });
    Ok(HttpResponse::Ok().insert_header((receipt::LSN, lsn)).json(answer))
}
