//! `GET /api/reports/domain-totals`: what was posted in the domains, by day and kind of account.

use actix_web::{HttpRequest, HttpResponse, web};
use ledger::Domain;
use readmodel::ClassDay;
use serde_json::json;

use super::{
    days,
    permitted::{READ, reads},
};
use crate::{
    api::{
        health::domain_named,
        lists::{self, Columns, Line, ListAnswer, spelling},
        openapi::{ApiOperation, ApiRoute, schema},
        parameters::Parameters,
        rates::RouteRate,
        surface::ApiSurface,
    },
    auth::domain_name,
    edge::error::{Error, Kind},
};

/// Its path.
pub(super) fn routes() -> Vec<ApiRoute> {
    let line = schema::map(
        &[
            ("day", schema::named("Day")),
            ("domain", schema::or_null(&schema::named("DomainName"))),
            ("currency", schema::named("CurrencyCode")),
            ("kind", schema::text()),
            ("owner", schema::text()),
            ("entries", schema::count()),
            ("debits", schema::named("SignedDecimal")),
            ("credits", schema::named("SignedDecimal")),
        ],
        &[],
    );
    let report = days::parameters(ApiOperation::read(
        "reportDomainTotals",
        "What was posted in the domains, by day and kind of account",
        &READ,
    ))
    .query("domain", schema::named("DomainName"), "One domain.")
    .query("at_least", schema::number(), lists::AT_LEAST);
    let report = lists::answer(report, &line, &days::answered());
    vec![ApiRoute::at("/api/reports/domain-totals").data(RouteRate::LIST).get(show, report)]
}

async fn show(api: web::Data<ApiSurface>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let reads = reads(&api, &request)?;
    let parameters = Parameters::read(&request, &["from", "to", "domain", "at_least"])?;
    let days = days::asked(&parameters)?;
    let wrong = |error: Error| Error::new(Kind::Malformed, error.to_string()).field("domain");
    let domain = parameters.text("domain").map(domain_named).transpose().map_err(wrong)?;
    let permit = api.admit()?;
    reads.has(&parameters).await?;
    let found = reads.ask(move |view| view.class_days(days, domain.map(Domain::name))).await;
    drop(permit);
    let (as_of, found) = found?;
    let lines = found.iter().map(|found| line(&api, found)).collect();
    let more = vec![("from", json!(days::spelled(days.first))), ("to", json!(days::spelled(days.last)))];
    Ok(ListAnswer { as_of, lines, next: None, more }.told(&request, COLUMNS))
}

fn line(api: &ApiSurface, line: &ClassDay) -> Line {
    let spell = spelling(api, &line.currency);
    let domain = Domain::ALL.into_iter().find(|domain| domain.name() == line.domain).map(domain_name);
    vec![
        ("day", json!(days::spelled(line.day))),
        ("domain", json!(domain)),
        ("currency", json!(line.currency)),
        ("kind", json!(line.kind)),
        ("owner", json!(line.owner_kind)),
        ("entries", json!(line.posted.entries)),
        ("debits", json!(spell(line.posted.debits))),
        ("credits", json!(spell(line.posted.credits))),
    ]
}

/// The columns of CSV.
const COLUMNS: Columns = &[
    ("day", "day"),
    ("domain", "domain"),
    ("currency", "currency"),
    ("kind", "kind"),
    ("owner", "owner"),
    ("entries", "entries"),
    ("debits", "debits"),
    ("credits", "credits"),
];
