//! `GET /api/reports/game-performance`: what games returned, beside what their rules return in the long run.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::ports::games::{ReturnBand, theoretical_return};
use readmodel::GamePlayed;
use serde_json::{Value, json};

use super::{
    days,
    permitted::{READ, reads},
};
use crate::{
    api::{
        lists::{self, Columns, Line, ListAnswer, spelling},
        openapi::{ApiOperation, ApiRoute, schema},
        parameters::Parameters,
        rates::RouteRate,
        surface::ApiSurface,
    },
    edge::error::Error,
};

/// Its path.
pub(super) fn routes() -> Vec<ApiRoute> {
    let share = || schema::pattern("^-?[0-9]+\\.[0-9]{6}$");
    let range = |from: &'static str, to: &'static str| schema::map(&[(from, share()), (to, share())], &[]);
    let line = schema::map(
        &[
            ("game", schema::text()),
            ("rules", schema::count()),
            ("currency", schema::named("CurrencyCode")),
            ("settled", schema::count()),
            ("voided", schema::count()),
            ("requests", schema::count()),
            ("staked", schema::named("SignedDecimal")),
            ("returned", schema::named("SignedDecimal")),
            ("result", schema::named("SignedDecimal")),
            ("return", schema::or_null(&share())),
            ("theoretical", schema::or_null(&range("least", "most"))),
            ("band", schema::or_null(&range("from", "to"))),
            ("within_band", schema::or_null(&schema::flag())),
        ],
        &[],
    );
    let report = days::parameters(ApiOperation::read(
        "reportGamePerformance",
        "What games returned, beside what their rules return in the long run",
        &READ,
    ))
    .query("at_least", schema::number(), lists::AT_LEAST);
    let report = lists::answer(report, &line, &days::answered());
    vec![ApiRoute::at("/api/reports/game-performance").data(RouteRate::LIST).get(show, report)]
}

async fn show(api: web::Data<ApiSurface>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let reads = reads(&api, &request)?;
    let parameters = Parameters::read(&request, &["from", "to", "at_least"])?;
    let days = days::asked(&parameters)?;
    let permit = api.admit()?;
    reads.has(&parameters).await?;
    let found = reads.ask(move |view| view.games_played(days)).await;
    drop(permit);
    let (as_of, found) = found?;
    let lines = found.iter().map(|found| line(&api, found)).collect();
    let more = vec![("from", json!(days::spelled(days.first))), ("to", json!(days::spelled(days.last)))];
    Ok(ListAnswer { as_of, lines, next: None, more }.told(&request, COLUMNS))
}

/// A share with six decimals.
fn share(value: f64) -> String {
    format!("{value:.6}")
}

fn line(api: &ApiSurface, line: &GamePlayed) -> Line {
    let sums = &line.sums;
    let spell = spelling(api, &line.currency);
    let rules = theoretical_return(&line.game, line.rules);
    let staked = sums.staked as f64;
    let actual = (sums.staked > 0).then(|| sums.returned as f64 / staked);
    let band = rules.and_then(|rules| ReturnBand::of(&rules, staked, sums.staked_squares));
    let within = band.zip(actual).map(|(band, actual)| band.has(actual));
    let theoretical = rules.map(|rules| json!({ "least": share(rules.least), "most": share(rules.most) }));
    let band = band.map(|band| json!({ "from": share(band.from), "to": share(band.to) }));
    vec![
        ("game", json!(line.game)),
        ("rules", json!(line.rules)),
        ("currency", json!(line.currency)),
        ("settled", json!(sums.settled)),
        ("voided", json!(sums.voided)),
        ("requests", json!(sums.requests)),
        ("staked", json!(spell(sums.staked))),
        ("returned", json!(spell(sums.returned))),
        ("result", json!(spell(sums.staked - sums.returned))),
        ("return", actual.map_or(Value::Null, |actual| json!(share(actual)))),
        ("theoretical", json!(theoretical)),
        ("band", json!(band)),
        ("within_band", json!(within)),
    ]
}

/// The columns of CSV.
const COLUMNS: Columns = &[
    ("game", "game"),
    ("rules", "rules"),
    ("currency", "currency"),
    ("settled", "settled"),
    ("voided", "voided"),
    ("requests", "requests"),
    ("staked", "staked"),
    ("returned", "returned"),
    ("result", "result"),
    ("return", "return"),
    ("theoretical.least", "theoretical_least"),
    ("theoretical.most", "theoretical_most"),
    ("band.from", "band_from"),
    ("band.to", "band_to"),
    ("within_band", "within_band"),
];
