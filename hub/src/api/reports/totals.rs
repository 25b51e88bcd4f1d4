//! `GET /api/reports/domain-totals`: what was posted in the domains, by day and kind of account.

use actix_web::{HttpRequest, HttpResponse, web};
use ledger::Domain;
use readmodel::ClassDay;
use serde_json::json;

use super::{days, permitted::reads};
use crate::{
    api::{
        health::domain_named,
        lists::{Columns, Line, ListAnswer, spelling},
        parameters::Parameters,
        rates::RouteRate,
        surface::ApiSurface,
    },
    auth::domain_name,
    edge::{
        error::{Error, Kind},
        routes,
    },
};

/// Registers its path.
pub fn routes(service: &mut web::ServiceConfig) {
    service.service(routes::page("/api/reports/domain-totals", show).app_data(RouteRate::LIST));
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
