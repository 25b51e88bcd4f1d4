//! `/api/domains/balance/holds`: money that is held for a service, until it is captured, released, or expires.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::{
    clock::now_ms,
    ports::service::{CaptureHold, HoldFunds, ReleaseHold},
};
use ledger::HoldId;
use serde_json::{Map, Value, json};

use super::{
    balance::WRITE,
    change::{self, AskedChange},
    payment::{self, Sum},
    receipt,
    surface::ApiSurface,
    times,
};
use crate::{
    edge::{
        error::{Error, Kind},
        routes,
    },
    utc::utc,
};

/// What begins the id of a hold.
const PREFIX: &str = "hold_";

/// Registers its paths.
pub fn routes(service: &mut web::ServiceConfig) {
    service
        .service(routes::action("/api/domains/balance/holds", begin))
        .service(routes::action("/api/domains/balance/holds/{hold}/capture", capture))
        .service(routes::action("/api/domains/balance/holds/{hold}/release", give_back));
}

/// `POST /api/domains/balance/holds`.
async fn begin(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Error> {
    change::answer(&api, (&request, payload), &WRITE, async |asked, mut fields| {
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
    change::answer(&api, (&request, payload), &WRITE, async |_, mut fields| {
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
    change::answer(&api, (&request, payload), &WRITE, async |_, mut fields| {
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
