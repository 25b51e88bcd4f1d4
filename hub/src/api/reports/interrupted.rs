//! `GET /api/reports/interrupted-games`: rounds that are void, and rounds without an end that no table plays.

use actix_web::{HttpRequest, HttpResponse, web};
use readmodel::InterruptedRound;
use serde_json::json;

use super::permitted::{READ, reads};
use crate::{
    api::{
        lists::{self, AskedPage, Columns, Line, ListAnswer, spelling},
        openapi::{ApiOperation, ApiRoute, schema},
        rates::RouteRate,
        surface::ApiSurface,
    },
    edge::error::Error,
    utc::utc,
};

/// Its path.
pub(super) fn routes() -> Vec<ApiRoute> {
    let line = schema::map(
        &[
            ("lsn", schema::named("Lsn")),
            ("table", schema::text()),
            ("round", schema::count()),
            ("state", schema::words(["open", "locked", "voided"])),
            ("game", schema::text()),
            ("rules", schema::count()),
            ("opened", schema::named("Time")),
            ("ended", schema::or_null(&schema::named("Time"))),
            ("ended_lsn", schema::or_null(&schema::named("Lsn"))),
            ("reason", schema::or_null(&schema::text())),
            ("currency", schema::named("CurrencyCode")),
            ("open_holds", schema::count()),
            ("held", schema::named("SignedDecimal")),
        ],
        &[],
    );
    let report = lists::parameters(ApiOperation::read(
        "reportInterruptedGames",
        "Rounds that are void, or have no end and no table",
        &READ,
    ));
    let report = lists::answer(report, &line, &[])
        .link("reportInterruptedGames", &[("cursor", "$response.body#/next")]);
    vec![ApiRoute::at("/api/reports/interrupted-games").data(RouteRate::LIST).get(show, report)]
}

async fn show(api: web::Data<ApiSurface>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let reads = reads(&api, &request)?;
    let asked = AskedPage::read(&request, "interrupted games".into(), &[])?;
    let (when, played) = (asked.when()?, api.tables.clone());
    let permit = api.admit()?;
    asked.is_there(reads).await?;
    let page = asked.of_records();
    let found = reads.ask(move |view| view.interrupted(&when, &played, page)).await;
    drop(permit);
    let (as_of, page) = found?;
    let next = page.goes_on_after.map(|lsn| asked.cursor((lsn, 0)));
    let lines = page.lines.iter().map(|found| line(&api, found)).collect();
    Ok(ListAnswer { as_of, lines, next, more: Vec::new() }.told(&request, COLUMNS))
}

fn line(api: &ApiSurface, line: &InterruptedRound) -> Line {
    let spell = spelling(api, &line.currency);
    vec![
        ("lsn", json!(line.opened_lsn)),
        ("table", json!(line.table)),
        ("round", json!(line.round)),
        ("state", json!(line.state)),
        ("game", json!(line.game)),
        ("rules", json!(line.rules)),
        ("opened", json!(utc(line.opened_ms))),
        ("ended", json!(line.ended_ms.map(utc))),
        ("ended_lsn", json!(line.ended_lsn)),
        ("reason", json!(line.reason)),
        ("currency", json!(line.currency)),
        ("open_holds", json!(line.held.holds)),
        ("held", json!(spell(line.held.amount))),
    ]
}

/// The columns of CSV.
const COLUMNS: Columns = &[
    ("lsn", "lsn"),
    ("table", "table"),
    ("round", "round"),
    ("state", "state"),
    ("game", "game"),
    ("rules", "rules"),
    ("opened", "opened"),
    ("ended", "ended"),
    ("ended_lsn", "ended_lsn"),
    ("reason", "reason"),
    ("currency", "currency"),
    ("open_holds", "open_holds"),
    ("held", "held"),
];
