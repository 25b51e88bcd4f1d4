//! `/api/domains/balance/holds`: money that is held for a service, until it is captured, released, or expires.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::{
    clock::now_ms,
    ports::service::{CaptureHold, HoldFunds, OperatorAct, ReleaseHold},
};
use ledger::{HoldId, Purpose};
use protocol::ErrorCode;
use serde_json::{Map, Value, json};

use super::{
    balance::WRITE,
    change::{self, AskedChange},
    openapi::{self, ApiOperation, ApiRoute, schema},
    payment::{self, Sum},
    receipt,
    surface::ApiSurface,
    times,
};
use crate::{
    edge::error::{Error, Kind},
    utc::utc,
};

/// What begins the id of a hold.
const PREFIX: &str = "hold_";

/// Its paths.
pub(super) fn routes() -> Vec<ApiRoute> {
    let body = schema::body(
        &[("playerId", schema::named("PlayerName")), ("amount", schema::named("Amount"))],
        &[
            &[("currency", schema::named("Currency")), ("expires", schema::named("FutureTime"))][..],
            &openapi::cause(),
        ]
        .concat(),
    );
    let mut part = schema::body(
        &[],
        &[
            &[("amount", schema::named("Amount")), ("currency", schema::named("Currency"))][..],
            &openapi::cause(),
        ]
        .concat(),
    );
    // A currency alone says nothing.
    part["dependentRequired"] = json!({ "currency": ["amount"] });
    let held = [
        ("hold", schema::or_null(&schema::named("HoldId"))),
        ("purpose", schema::words([Purpose::Service.name()])),
        ("expires", schema::or_null(&schema::named("Time"))),
    ];
    let held = openapi::receipt(
        "hold",
        true,
        &[&openapi::of_player()[..], &held, &openapi::of_cause()].concat(),
        &[],
    );
    let ended = |kind| {
        let hold = [("hold", schema::named("HoldId"))];
        openapi::receipt(kind, true, &[&hold[..], &openapi::of_cause()].concat(), &[])
    };
    let example = json!({ "playerId": "PLAYER_123", "amount": "5.00", "currency": "USD", "expires": "2999-12-31T00:00:00Z" });
    let of_hold = [("hold", "$response.body#/hold")];
    let no_hold = spelled(HoldId(1));
    vec![
        ApiRoute::at("/api/domains/balance/holds").post(
            begin,
            ApiOperation::change("holdFunds", "Holds money of a player", &WRITE, &body, &[("hold", example)])
                .answers(200, held)
                .changes_funds()
                .link("captureHold", &of_hold)
                .link("releaseHold", &of_hold),
        ),
        ApiRoute::at("/api/domains/balance/holds/{hold}/capture").post(
            capture,
            ApiOperation::change(
                "captureHold",
                "Takes what is held, or a part of it; the hold ends",
                &WRITE,
                &part,
                &[("all", json!({})), ("part", json!({ "amount": "2.00", "currency": "USD" }))],
            )
            .path("hold", schema::named("HoldId"), &no_hold)
            .answers(200, ended("capture"))
            .changes_funds()
            .refuses(&[Kind::Money(ErrorCode::HoldNotOpen), Kind::Money(ErrorCode::AboveHold)]),
        ),
        ApiRoute::at("/api/domains/balance/holds/{hold}/release").post(
            give_back,
            ApiOperation::change(
                "releaseHold",
                "Gives back what is held",
                &WRITE,
                &schema::body(&[], &openapi::cause()),
                &[("release", json!({}))],
            )
            .path("hold", schema::named("HoldId"), &no_hold)
            .answers(200, ended("release"))
            .changes_funds()
            .refuses(&[Kind::Money(ErrorCode::HoldNotOpen)]),
        ),
    ]
}

/// `POST /api/domains/balance/holds`.
async fn begin(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    change::answer(&api, (&request, payload), (&[&WRITE], OperatorAct::Hold), async |asked, mut fields| {
        let name = fields.needed_text("playerId")?;
        let sum = Sum::read(&api, &mut fields)?;
        let expires = fields.text("expires")?.map(|text| times::read("expires", &text)).transpose()?;
        let cause = payment::cause(&mut fields)?;
        fields.finish("playerId, amount, currency, expires, reason and reference")?;
        let amount = sum.minor(&api)?;
        let player = payment::known(&api, asked, &name)?;
        let permit = api.admit()?;
        let over = expires.filter(|expires| *expires <= now_ms());
        let over = over.map(|_| times::wrong("expires", "the hold would have expired already"));
        let refusal = payment::unknown_reason(&api, &cause).or_else(|| sum.refusal(&api)).or(over);
        let mut told = payment::told("hold", &name, player);
        let hold = (!asked.dry_run).then(|| spelled(HoldId(asked.tx_id().0)));
        told.extend([
            ("hold".to_owned(), json!(hold)),
            ("purpose".to_owned(), json!("service")),
            ("expires".to_owned(), json!(expires.map(utc))),
        ]);
        told.extend(payment::cause_told(&cause));
        let intent = HoldFunds { player, currency: sum.currency, amount, expires, cause }.into();
        Ok(AskedChange { permit, intent, refusal, told })
    })
    .await
}

/// `POST /api/domains/balance/holds/{hold}/capture`: all of it, or a part of it.
async fn capture(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    change::answer(&api, (&request, payload), (&[&WRITE], OperatorAct::CaptureHold), async |_, mut fields| {
        let hold = read(&path)?;
        // A currency alone is told that the amount is missing.
        let is_part = ["amount", "currency"].iter().any(|name| fields.has(name));
        let sum = is_part.then(|| Sum::read(&api, &mut fields)).transpose()?;
        let cause = payment::cause(&mut fields)?;
        fields.finish("amount, currency, reason and reference")?;
        let part = sum.as_ref().map(|sum| Ok::<_, Error>((sum.minor(&api)?, sum.currency))).transpose()?;
        let permit = api.admit()?;
        let refusal = payment::unknown_reason(&api, &cause);
        let mut told = told("capture", hold);
        told.extend(payment::cause_told(&cause));
        let intent = CaptureHold { hold, part, cause }.into();
        Ok(AskedChange { permit, intent, refusal, told })
    })
    .await
}

/// `POST /api/domains/balance/holds/{hold}/release`.
async fn give_back(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    change::answer(&api, (&request, payload), (&[&WRITE], OperatorAct::ReleaseHold), async |_, mut fields| {
        let hold = read(&path)?;
        let cause = payment::cause(&mut fields)?;
        fields.finish("reason and reference")?;
        let permit = api.admit()?;
        let refusal = payment::unknown_reason(&api, &cause);
        let mut told = told("release", hold);
        told.extend(payment::cause_told(&cause));
        let intent = ReleaseHold { hold, cause }.into();
        Ok(AskedChange { permit, intent, refusal, told })
    })
    .await
}

fn told(what: &str, hold: HoldId) -> Map<String, Value> {
    Map::from_iter([("type".to_owned(), json!(what)), ("hold".to_owned(), json!(spelled(hold)))])
}

fn spelled(hold: HoldId) -> String {
    format!("{PREFIX}{:032x}", hold.0)
}

/// The hold of a path.
fn read(text: &str) -> Result<HoldId, Error> {
    receipt::id_after(PREFIX, text).map(HoldId).ok_or_else(|| {
        Error::new(Kind::Malformed, "the id of a hold is hold_ and 32 hexadecimal digits").field("hold")
    })
}
