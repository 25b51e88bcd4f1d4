//! `GET /api/reports/interrupted-games`: rounds that are void, and rounds without an end that no table plays.

use actix_web::{HttpRequest, HttpResponse, web};
use readmodel::{InterruptedRound, LsnPage};
use serde_json::json;

use super::permitted::reads;
use crate::{
    api::{
        lists::{AskedPage, Columns, Line, ListAnswer, spelling},
        rates::RouteRate,
        surface::ApiSurface,
    },
    edge::{error::Error, routes},
    utc::utc,
};

/// Registers its path.
pub fn routes(service: &mut web::ServiceConfig) {
    service.service(routes::page("/api/reports/interrupted-games", show).app_data(RouteRate::LIST));
}

async fn show(api: web::Data<ApiSurface>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let reads = reads(&api, &request)?;
    let asked = AskedPage::read(&request, "interrupted games".into(), &[])?;
    let (when, played) = (asked.when()?, api.tables.clone());
    let permit = api.admit()?;
    asked.is_there(reads).await?;
    let page = LsnPage {
        after: asked.after.map(|(lsn, _)| lsn),
        newest_first: asked.newest_first,
        limit: asked.limit,
    };
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
