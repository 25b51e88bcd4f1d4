//! `GET /api/operators/{name}/acts`: what an operator has done, and what they were refused, by pages.

use actix_web::{HttpRequest, HttpResponse, web};
use engine::{Principal, PrincipalKind};
use readmodel::{TransactionFilter, TransactionLine};
use serde_json::{Value, json};

use super::{
    asked::allowed,
    lists::{self, AskedPage},
    openapi::{ApiOperation, ApiRoute, schema},
    rates::RouteRate,
    recorded,
    surface::ApiSurface,
    wanted::READ,
};
use crate::{
    auth::is_name,
    edge::error::{Error, Kind},
};

/// What it is filtered by, besides what every list is.
const FILTERS: [&str; 4] = ["type", "outcome", "issuer", lists::AS_OF_RECORD];

/// Its path.
pub(super) fn routes() -> Vec<ApiRoute> {
    let acts = ApiOperation::read("listActs", "What an operator has done, and what they were refused", &READ)
        .path("name", schema::pattern("^[A-Za-z0-9_.-]{1,64}$"), "anna")
        .query(
            "issuer",
            schema::text(),
            "The issuer of the operator's token; without it, that of the caller's.",
        )
        .query("outcome", recorded::outcome_schema(), "What became of it.")
        .query("type", schema::text(), "The recipe, such as `operator_refused`.")
        .query(lists::AS_OF_RECORD, schema::number(), "The `lsn` of a record: the list as it was then.");
    let acts = lists::answer(lists::parameters(acts), &line_schema(), &[]);
    vec![ApiRoute::at("/api/operators/{name}/acts").data(RouteRate::LIST).get(list, acts)]
}

/// A line, in a description: a transaction, and of a refused act which it was and what was lacking.
fn line_schema() -> Value {
    let word = || schema::or_null(&schema::text());
    let mut fields = recorded::line_fields();
    fields.extend([("act", word()), ("lacks", word())]);
    schema::map(&fields, &[])
}

async fn list(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    let caller = allowed(&request, &api.callers, &READ)?;
    if !is_name(&path) {
        let words = "the name of an operator has 1 to 64 letters, digits, '_', '-' and '.'";
        return Err(Error::new(Kind::Malformed, words).field("name"));
    }
    let asked = AskedPage::read(&request, format!("acts of {path}"), &FILTERS)?;
    let issuer = asked.filters.text("issuer").unwrap_or(api.issuer_of(&caller));
    let operator = Principal::named(PrincipalKind::Operator, issuer, &path);
    let wanted = TransactionFilter {
        recipe: asked.filters.text("type").map(str::to_ascii_uppercase),
        decision: recorded::decision(&asked)?,
        operator: Some(operator.id().to_be_bytes()),
        when: asked.when()?,
        ..TransactionFilter::default()
    };
    let line = |found: &TransactionLine| {
        let (act, lacks) = found.refused_act.clone().unzip();
        let mut line = recorded::line(&api, found);
        line.extend([("act", json!(act)), ("lacks", json!(lacks))]);
        line
    };
    let answer = recorded::page(&api, &asked, wanted, line).await?;
    Ok(answer.told(&request, recorded::COLUMNS_OF_ACTS))
}
