//! `/api/domains/coordinator/transactions`: what became of a transaction, from the log.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::messages::money::WhichProposals;
use engine::{Body, TxId};
use serde_json::{Map, Value, json};

use super::{
    asked::{KEY_BYTES_MAX, allowed, allowed_alone, id_of_key, is_key},
    explain, lists,
    logged::LogEntry,
    openapi::{ApiOperation, ApiRoute, schema},
    parameters::Parameters,
    rates::RouteRate,
    receipt, recorded,
    surface::ApiSurface,
    wanted::{self, READ, Wanted, code_words, outcome_words},
};
use crate::{
    auth::domain_name,
    edge::error::{Error, Kind},
    utc::utc,
};

/// Its paths.
pub(super) fn routes() -> Vec<ApiRoute> {
    let key = schema::pattern(&format!("^[!#-~]{{1,{KEY_BYTES_MAX}}}$"));
    let about = "A key of the caller's own, without quotes: what became of it, alone. No other parameter goes with it.";
    let list = ApiOperation::read(
        "listTransactions",
        "Every transaction and every refusal that stands, by pages; or what became of a key of the caller's own",
        &READ,
    );
    let list = recorded::parameters(list.query_with_example("key", key, about, "first-credit"));
    let either = json!({ "anyOf": [lists::schema_of(&recorded::line_schema(), &[]), shown_schema()] });
    let show_one = ApiOperation::read("showTransaction", "What became of a transaction", &READ);
    let show_one = wanted::named_in_a_path(show_one)
        .answers(200, shown_schema())
        .header(200, &receipt::LSN, true)
        .link("explainTransaction", &[("id", "$response.body#/tx")]);
    vec![
        ApiRoute::at("/api/domains/coordinator/transactions").data(RouteRate::LIST).get(
            of_key,
            lists::answered(list, either, false)
                .header(200, &receipt::LSN, false)
                .refuses(&[Kind::UnknownTransaction])
                .link("listTransactions", &[("cursor", "$response.body#/next")]),
        ),
        explain::route(),
        ApiRoute::at("/api/domains/coordinator/transactions/{id}").get(show, show_one),
    ]
}

/// What is shown of a transaction. What recipes say of themselves has names of their own.
fn shown_schema() -> Value {
    let maybe = |schema: Value| schema::or_null(&schema);
    let report = || schema::list(&schema::any_map());
    let principal = schema::map(
        &[("kind", schema::named("PrincipalKind")), ("id", maybe(schema::pattern("^[0-9a-f]{32}$")))],
        &[],
    );
    let step = schema::map(
        &[("step", outcome_words()), ("time", schema::named("Time")), ("lsn", schema::named("Lsn"))],
        &[],
    );
    let batch = schema::map(
        &[
            ("first", schema::count()),
            ("count", schema::count()),
            ("hash", schema::pattern("^[0-9a-f]{64}$")),
        ],
        &[],
    );
    schema::map(
        &[
            ("id", schema::named("TransactionId")),
            ("tx", schema::named("TransactionId")),
            ("lsn", schema::named("Lsn")),
            ("time", schema::named("Time")),
            ("outcome", outcome_words()),
            ("code", maybe(code_words())),
            ("type", maybe(schema::text())),
            ("revision", maybe(schema::count())),
            ("parameters", maybe(schema::any_map())),
            ("asked", maybe(schema::any_map())),
            ("principal", principal),
            ("participants", schema::list(&schema::named("DomainName"))),
            ("steps", schema::list(&step)),
            ("moves", report()),
            ("rows", report()),
            ("notices", report()),
            ("table", maybe(schema::any_map())),
            ("reversedBy", schema::told(maybe(schema::named("TransactionId")), "What has taken it back.")),
            ("hash", schema::pattern("^[0-9a-f]{64}$")),
            ("batch", batch),
            ("links", schema::map(&[("self", schema::text()), ("explain", schema::text())], &[])),
        ],
        &[],
    )
}

/// `GET /api/domains/coordinator/transactions/{id}`.
async fn show(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    allowed_alone(&request, &api.callers, &READ)?;
    shown(&api, wanted::read(&path)?).await
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
    shown(&api, Wanted::Id(id_of_key(&caller, key))).await
}

async fn shown(api: &ApiSurface, wanted: Wanted) -> Result<HttpResponse, Error> {
    let permit = api.admit()?;
    let (id, found) = wanted::find(api, wanted).await?;
    let reversal = api.money.proposals(WhichProposals::ReversalOf(id)).await.ok_or(Kind::Unavailable)?;
    drop(permit);
    let reversed_by = reversal.ended.map(|(_, ended)| receipt::spelled_id(TxId(ended.transaction)));
    let mut answer = told(api, id, &found)?;
    answer.insert("reversedBy".into(), json!(reversed_by));
    Ok(HttpResponse::Ok().insert_header((receipt::LSN, found.lsn)).json(answer))
}

/// What is shown of a transaction.
fn told(api: &ApiSurface, id: TxId, found: &LogEntry) -> Result<Map<String, Value>, Error> {
    let LogEntry { lsn, record, .. } = found;
    let report = found.shown(&api.currencies)?;
    let part = |name: &str| report.get(name).cloned().unwrap_or(Value::Null);
    let list = |name: &str| report.get(name).cloned().unwrap_or_else(|| json!([]));
    let (outcome, code) = found.decided().ok_or(Kind::UnknownTransaction)?;
    let participants: Vec<_> = match &record.body {
        Body::Committed(committed) => committed.legs.iter().map(|(domain, _)| domain_name(*domain)).collect(),
        Body::Refused { .. } | Body::Digest(_) | Body::Fact(_) => Vec::new(),
    };
    let (spelled, time) = (receipt::spelled_id(id), utc(record.time));
    let of_intent = |name: &str| report["intent"].get(name).cloned().unwrap_or(Value::Null);
    let at = format!("/api/domains/coordinator/transactions/{spelled}");
    let answer = json!({
        "id": spelled,
        "tx": spelled,
        "lsn": lsn,
        "time": time,
        "outcome": outcome,
        "code": code.map(|code| code.name()),
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
        "links": { "self": at, "explain": format!("{at}/explain") },
    });
    match answer {
        Value::Object(answer) => Ok(answer),
        _ => Err(Kind::Internal.into()),
    }
}
