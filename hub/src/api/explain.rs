//! `GET /api/domains/coordinator/transactions/{id}/explain`: a transaction decided again on the state before it, with the values
//! that the decision read.

mod before;

use actix_web::{HttpRequest, HttpResponse, web};
use engine::{Explaining, Explanation, ReDecided, RefusedWhy, TxId};
use serde_json::{Value, json};

use self::before::StateBefore;
use super::{
    asked::allowed_alone,
    logged::{self, LogEntry},
    openapi::{ApiOperation, ApiRoute, schema},
    rates::RouteRate,
    reads::kept,
    receipt,
    surface::ApiSurface,
    wanted,
};
use crate::{
    auth::domain_name,
    edge::error::{Error, Kind},
    inspect::consulted,
    utc::utc,
};

/// How often more is looked up for one explanation. Nearly always it is once or twice.
const LOOKS_MAX: usize = 1_000;

/// Its path.
pub(super) fn route() -> ApiRoute {
    let maybe = |schema: Value| schema::or_null(&schema);
    let shown = schema::map(
        &[
            ("tx", schema::named("TransactionId")),
            ("lsn", schema::named("Lsn")),
            ("time", schema::named("Time")),
            ("outcome", wanted::outcome_words()),
            ("code", maybe(wanted::code_words())),
            ("type", maybe(schema::text())),
            ("revision", maybe(schema::count())),
            ("parameters", maybe(schema::any_map())),
            ("asked", maybe(schema::any_map())),
            ("agrees", maybe(schema::flag())),
            ("refused_by", maybe(schema::text())),
            ("reason", maybe(schema::text())),
            ("as_of", schema::count()),
            ("consulted", schema::list(&schema::any_map())),
        ],
        &[],
    );
    let explain = ApiOperation::read(
        "explainTransaction",
        "A transaction decided again on the state before it, with the values that the decision read",
        &wanted::READ,
    );
    let explain = wanted::named_in_a_path(explain).answers(200, shown).header(200, &receipt::LSN, true);
    ApiRoute::at("/api/domains/coordinator/transactions/{id}/explain")
        .data(RouteRate::LIST)
        .get(show, explain)
}

async fn show(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    allowed_alone(&request, &api.callers, &wanted::READ)?;
    let wanted = wanted::read(&path)?;
    let reads = kept(&api.reads)?;
    let permit = api.admit()?;
    let (id, found) = wanted::find(&api, wanted).await?;
    let before = StateBefore::of(&api, reads, &found).await?;
    let mut explaining = Explaining::of(found.record.clone());
    for _ in 0..LOOKS_MAX {
        let needs = explaining.needs();
        if needs.is_empty() {
            drop(permit);
            let answer = told(&api, id, &found, explaining.explained())?;
            return Ok(HttpResponse::Ok().insert_header((receipt::LSN, found.lsn)).json(answer));
        }
        for (id, item) in before.items(needs).await? {
            explaining.give(id, item);
        }
    }
    Err(Error::new(Kind::Unavailable, "the decision reads more than can be looked up"))
}

/// What is told of an explanation.
fn told(
    api: &ApiSurface,
    id: TxId,
    found: &LogEntry,
    Explanation { redecided, consulted: read }: Explanation,
) -> Result<Value, Error> {
    let (outcome, code) = found.decided().ok_or(Kind::UnknownTransaction)?;
    let (agrees, refused_by, reason) = match redecided {
        ReDecided::Same(None) => (Some(true), None, None),
        ReDecided::Same(Some(RefusedWhy::Domain(domain, rejection))) => {
            (Some(true), Some(domain_name(domain)), Some(rejection.to_string()))
        }
        ReDecided::Same(Some(RefusedWhy::Table(rule))) => {
            let words = rule.or(code.map(|code| code.text())).map(str::to_owned);
            (Some(true), Some("table"), words)
        }
        ReDecided::Differs(what) => (Some(false), None, Some(what)),
        ReDecided::Undecided(why) => (None, None, Some(why.to_string())),
    };
    let report = found.shown(&api.currencies)?;
    let of_intent = |name: &str| report["intent"].get(name).cloned().unwrap_or(Value::Null);
    let consulted =
        read.iter().map(|(id, item)| logged::shown(&consulted(id, item.as_ref()), &api.currencies));
    Ok(json!({
        "tx": receipt::spelled_id(id),
        "lsn": found.lsn,
        "time": utc(found.record.time),
        "outcome": outcome,
        "code": code.map(|code| code.name()),
        "type": of_intent("recipe"),
        "revision": of_intent("revision"),
        "parameters": of_intent("parameters"),
        "asked": report.get("asked").cloned().unwrap_or(Value::Null),
        "agrees": agrees,
        "refused_by": refused_by,
        "reason": reason,
        "as_of": found.lsn - 1,
        "consulted": consulted.collect::<Result<Vec<_>, _>>()?,
    }))
}
