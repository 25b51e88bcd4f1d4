//! `/api/domains/coordinator/transactions`: what became of a transaction, from the log.

use actix_web::{HttpRequest, HttpResponse, web};
use engine::{Body, TxId};
use serde_json::{Map, Value, json};

use super::{
    asked::{allowed, id_of_key, is_key},
    logged::{self, LogEntry},
    parameters::Parameters,
    rates::RouteRate,
    receipt, recorded,
    surface::ApiSurface,
};
use crate::{
    auth::{Access, Area, Capability, domain_name},
    edge::{
        error::{Error, Kind},
        routes,
    },
    inspect::Json,
    utc::utc,
};

const READ: Capability = Capability::Use(Area::Coordinator, Access::Read);

/// Registers its paths.
pub fn routes(service: &mut web::ServiceConfig) {
    service
        .service(routes::page("/api/domains/coordinator/transactions", of_key).app_data(RouteRate::LIST))
        .service(routes::page("/api/domains/coordinator/transactions/{id}", show));
}

/// The transaction of a path.
///
/// # Errors
/// `malformed`.
pub fn id(text: &str) -> Result<TxId, Error> {
    let wrong = || {
        let words = "the id of a transaction is tx_ and 32 hexadecimal digits";
        Error::new(Kind::Malformed, words).field("id")
    };
    receipt::id_after(receipt::PREFIX, text).map(TxId).ok_or_else(wrong)
}

/// The record of a transaction.
///
/// # Errors
/// `unknown_transaction`, or `unavailable`.
pub async fn find(api: &ApiSurface, id: TxId) -> Result<LogEntry, Error> {
    let kept = api.money.find(id).await.map_err(|code| Error::from(Kind::Money(code)))?;
    let (_, outcome) = kept.ok_or(Kind::UnknownTransaction)?;
    logged::read(api, outcome.lsn()).await
}

/// `GET /api/domains/coordinator/transactions/{id}`.
async fn show(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    allowed(&request, &api.callers, &READ)?;
    Parameters::read(&request, &[])?;
    shown(&api, id(&path)?).await
}

/// `GET /api/domains/coordinator/transactions`: with `key`, the transaction of a key of the caller's own; otherwise the list.
async fn of_key(api: web::Data<ApiSurface>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let caller = allowed(&request, &api.callers, &READ)?;
    if !Parameters::names(&request).iter().any(|name| name == "key") {
        return recorded::list(&api, &request, &caller).await;
    }
    let parameters = Parameters::read(&request, &["key"])?;
    let key = parameters.text("key").filter(|key| is_key(key));
    let words = "key is an Idempotency-Key of this caller's, 1 to 64 printable ASCII characters";
    let key = key.ok_or_else(|| Error::new(Kind::Malformed, words).field("key"))?;
    shown(&api, id_of_key(&caller, key)).await
}

async fn shown(api: &ApiSurface, id: TxId) -> Result<HttpResponse, Error> {
    let permit = api.admit()?;
    let found = find(api, id).await?;
    drop(permit);
    let answer = told(api, id, &found)?;
    Ok(HttpResponse::Ok().insert_header((receipt::LSN, found.lsn)).json(answer))
}

/// What is shown of a transaction.
fn told(api: &ApiSurface, id: TxId, found: &LogEntry) -> Result<Map<String, Value>, Error> {
    let LogEntry { lsn, record, fields } = found;
    let report = serde_json::to_value(Json::of(fields, &api.currencies)).map_err(|_| Kind::Internal)?;
    let part = |name: &str| report.get(name).cloned().unwrap_or(Value::Null);
    let list = |name: &str| report.get(name).cloned().unwrap_or_else(|| json!([]));
    let (outcome, code, participants) = match &record.body {
        Body::Committed(committed) => {
            let domains = committed.legs.iter().map(|(domain, _)| domain_name(*domain));
            ("committed", None, domains.collect::<Vec<_>>())
        }
        Body::Refused { code, .. } => ("rejected", Some(code.name()), Vec::new()),
        Body::Digest(_) | Body::Fact(_) => return Err(Kind::UnknownTransaction.into()),
    };
    let (spelled, time) = (receipt::spelled_id(id), utc(record.time));
    let of_intent = |name: &str| report["intent"].get(name).cloned().unwrap_or(Value::Null);
    let answer = json!({
        "id": spelled,
        "tx": spelled,
        "lsn": lsn,
        "time": time,
        "outcome": outcome,
        "code": code,
        "type": of_intent("recipe"),
        "revision": of_intent("revision"),
        "parameters": of_intent("parameters"),
        "asked": part("asked"),
        "principal": { "kind": part("principal"), "id": part("principal_id") },
        "participants": participants,
        // Everything is decided and recorded in one step.
        "steps": [{ "step": outcome, "time": time, "lsn": lsn }],
        "moves": list("moves"),
        "rows": list("rows"),
        "notices": list("notices"),
        "table": part("table"),
        "hash": part("hash"),
        "batch": part("batch"),
        "links": { "self": format!("/api/domains/coordinator/transactions/{spelled}") },
    });
    match answer {
        Value::Object(answer) => Ok(answer),
        _ => Err(Kind::Internal.into()),
    }
}
