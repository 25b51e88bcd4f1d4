//! `GET /api/reports/liability`: what the operator owes, now.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use ledger::Domain;
use readmodel::ClassTotals;
use serde_json::{Value, json};

use super::permitted::{READ, reads};
use crate::{
    api::{
        lists::{self, Columns, Line, ListAnswer, spelling},
        openapi::{ApiOperation, ApiRoute, schema},
        parameters::Parameters,
        rates::RouteRate,
        surface::ApiSurface,
    },
    auth::domain_name,
    edge::error::Error,
};

/// Its path.
pub(super) fn routes() -> Vec<ApiRoute> {
    let total = schema::map(
        &[
            ("currency", schema::named("CurrencyCode")),
            ("balance", schema::named("SignedDecimal")),
            ("held", schema::named("SignedDecimal")),
        ],
        &[],
    );
    let line = schema::map(
        &[
            ("currency", schema::named("CurrencyCode")),
            ("owner", schema::text()),
            ("domain", schema::or_null(&schema::named("DomainName"))),
            ("kind", schema::text()),
            ("accounts", schema::count()),
            ("open_holds", schema::count()),
            ("balance", schema::named("SignedDecimal")),
            ("held", schema::named("SignedDecimal")),
            ("available", schema::named("SignedDecimal")),
        ],
        &[],
    );
    let report = ApiOperation::read("reportLiability", "What is owed, now", &READ).query(
        "at_least",
        schema::number(),
        lists::AT_LEAST,
    );
    let report = lists::answer(report, &line, &[("totals", schema::list(&total))]);
    vec![ApiRoute::at("/api/reports/liability").data(RouteRate::LIST).get(show, report)]
}

async fn show(api: web::Data<ApiSurface>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let reads = reads(&api, &request)?;
    let parameters = Parameters::read(&request, &["at_least"])?;
    let permit = api.admit()?;
    reads.has(&parameters).await?;
    let found = reads.ask(|view| view.class_totals(None)).await;
    drop(permit);
    let (as_of, mut found) = found?;
    found.retain(ClassTotals::is_owed);
    let lines = found.iter().map(|found| line(&api, found)).collect();
    let more = vec![("totals", totals(&api, &found))];
    Ok(ListAnswer { as_of, lines, next: None, more }.told(&request, COLUMNS))
}

/// What is owed in each currency; those that are configured are shown when nothing is.
fn totals(api: &ApiSurface, owed: &[ClassTotals]) -> Value {
    let mut sums: BTreeMap<String, (i128, i128)> =
        api.currencies.iter().map(|(code, _)| (code.to_string(), (0, 0))).collect();
    for one in owed {
        let sum = sums.entry(one.currency.clone()).or_default();
        *sum = (sum.0 + one.balance, sum.1 + one.held);
    }
    let total = |(currency, (balance, held)): (String, (i128, i128))| {
        let spell = spelling(api, &currency);
        json!({ "currency": currency, "balance": spell(balance), "held": spell(held) })
    };
    sums.into_iter().map(total).collect()
}

fn line(api: &ApiSurface, line: &ClassTotals) -> Line {
    let spell = spelling(api, &line.currency);
    let domain = Domain::ALL.into_iter().find(|domain| domain.name() == line.domain).map(domain_name);
    vec![
        ("currency", json!(line.currency)),
        ("owner", json!(line.owner_kind)),
        ("domain", json!(domain)),
        ("kind", json!(line.kind)),
        ("accounts", json!(line.accounts)),
        ("open_holds", json!(line.open_holds)),
        ("balance", json!(spell(line.balance))),
        ("held", json!(spell(line.held))),
        ("available", json!(spell(line.balance - line.held))),
    ]
}

/// The columns of CSV.
const COLUMNS: Columns = &[
    ("currency", "currency"),
    ("owner", "owner"),
    ("domain", "domain"),
    ("kind", "kind"),
    ("accounts", "accounts"),
    ("open_holds", "open_holds"),
    ("balance", "balance"),
    ("held", "held"),
    ("available", "available"),
];
