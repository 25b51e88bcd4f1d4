//! `GET /api/reports/business`: the figures of the business, by day and game.

use actix_web::{HttpRequest, HttpResponse, web};
use actors::{clock::now_ms, ports::games::is_game};
use protocol::Currency;
use readmodel::{BusinessFigure, BusinessFilter, BusinessLine, BusinessReport};
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
        reads::Reads,
        surface::ApiSurface,
    },
    edge::error::{Error, Kind},
};

/// Most lines of an answer. 92 days of a hundred games in one currency are fewer.
const LINES_MAX: usize = 10_000;
/// What lines may be by; the first is what they are by without the parameter.
const BY: [&str; 4] = ["day,game", "day", "game", "none"];
/// Longest name of a game, bytes.
const GAME_BYTES_MAX: usize = 64;

/// Its path.
pub(super) fn routes() -> Vec<ApiRoute> {
    let line = described();
    let game = schema::pattern(&format!("^[A-Za-z0-9_.-]{{1,{GAME_BYTES_MAX}}}$"));
    let report = days::parameters(ApiOperation::read(
        "reportBusiness",
        "Active players, GGR, NGR, deposits and more, by day and game",
        &READ,
    ))
    .query(
        "by",
        schema::words(BY),
        "What has lines of its own, beside each currency; without it each day and game.",
    )
    .query("currency", schema::named("Currency"), "One currency.")
    .query("game", game, "One game: what belongs to no game is left out.")
    .query("at_least", schema::number(), lists::AT_LEAST);
    let more =
        [&days::answered()[..], &[("by", schema::words(BY)), ("totals", schema::list(&line))]].concat();
    let report = lists::answer(report, &line, &more);
    vec![ApiRoute::at("/api/reports/business").data(RouteRate::LIST).get(show, report)]
}

/// A line, in a description.
fn described() -> Value {
    let amount = || schema::named("SignedDecimal");
    let signed = || json!({ "type": "integer" });
    let counted = || schema::map(&[("number", signed()), ("amount", amount())], &[]);
    schema::map(
        &[
            ("day", schema::or_null(&schema::named("Day"))),
            ("game", schema::or_null(&schema::text())),
            ("currency", schema::named("CurrencyCode")),
            ("rounds", signed()),
            ("bets", signed()),
            ("active_players", schema::count()),
            ("stakes", amount()),
            ("payouts", amount()),
            ("ggr", amount()),
            ("ngr", amount()),
            ("new_players", signed()),
            ("depositors", schema::count()),
            ("deposits", counted()),
            ("debits", counted()),
            ("captures", counted()),
            ("chargebacks", counted()),
            ("credits", counted()),
            ("corrections_given", counted()),
            ("corrections_taken", counted()),
            ("bonuses", counted()),
            ("winnings", counted()),
        ],
        &[],
    )
}

async fn show(api: web::Data<ApiSurface>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let reads = reads(&api, &request)?;
    let parameters = Parameters::read(&request, &["from", "to", "by", "currency", "game", "at_least"])?;
    let by = by(&parameters)?;
    let currency = currency(&api, &parameters)?;
    let permit = api.admit()?;
    reads.has(&parameters).await?;
    let game = game(reads, &parameters).await?;
    // Which day it is depends on the zone, which is in the log.
    let (_, today) = reads.ask(|view| view.business_day(now_ms())).await?;
    let days = days::asked_on(&parameters, u64::try_from(today).unwrap_or_default())?;
    let asked = BusinessFilter {
        days,
        by_day: by.contains("day"),
        by_game: by.contains("game"),
        currency: currency.map(|currency| currency.as_str().to_owned()),
        game,
    };
    let found = reads.ask(move |view| view.business(&asked, LINES_MAX)).await;
    drop(permit);
    let (as_of, found) = found?;
    let BusinessReport { lines, totals } = found.ok_or_else(|| {
        let words = format!(
            "the report has more than {LINES_MAX} lines: ask for fewer days, one game or one currency"
        );
        Error::new(Kind::Malformed, words).field("from")
    })?;
    let told = |lines: &[BusinessLine]| lines.iter().map(|found| line(&api, found)).collect::<Vec<_>>();
    let totals = told(&totals).into_iter().map(lists::object).collect::<Vec<_>>();
    let more = vec![
        ("from", json!(days::spelled(days.first))),
        ("to", json!(days::spelled(days.last))),
        ("by", json!(by)),
        ("totals", json!(totals)),
    ];
    Ok(ListAnswer { as_of, lines: told(&lines), next: None, more }.told(&request, COLUMNS))
}

/// What lines are by.
fn by(parameters: &Parameters) -> Result<&'static str, Error> {
    let Some(given) = parameters.text("by") else { return Ok(BY[0]) };
    let known = BY.into_iter().find(|by| *by == given);
    known.ok_or_else(|| {
        Error::new(Kind::Malformed, "lines are by \"day,game\", \"day\", \"game\" or \"none\"").field("by")
    })
}

/// The currency that is asked for: one that was ever used here.
fn currency(api: &ApiSurface, parameters: &Parameters) -> Result<Option<Currency>, Error> {
    let words = "a currency is 3 to 8 upper-case letters and digits, such as EUR";
    let currency = parameters.parsed("currency", words)?;
    match currency.filter(|currency| api.currencies.spelling(*currency).is_none()) {
        Some(unknown) => {
            Err(Error::new(Kind::Malformed, format!("there is no currency {unknown} here")).field("currency"))
        }
        None => Ok(currency),
    }
}

/// The game that is asked for: one of this release, or one that was ever played.
async fn game(reads: &Reads, parameters: &Parameters) -> Result<Option<String>, Error> {
    let Some(game) = parameters.text("game") else { return Ok(None) };
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if !(1..=GAME_BYTES_MAX).contains(&game.len()) || !game.bytes().all(legal) {
        let words = "a game is 1 to 64 letters, digits, \"_\", \"-\" and \".\", such as roulette";
        return Err(Error::new(Kind::Malformed, words).field("game"));
    }
    let name = game.to_owned();
    if !is_game(game) && !reads.ask(move |view| view.has_figures_of(&name)).await?.1 {
        let words = format!("no game is called {game}, and none that was played");
        return Err(Error::new(Kind::NotFound, words).field("game"));
    }
    Ok(Some(game.to_owned()))
}

fn line(api: &ApiSurface, line: &BusinessLine) -> Line {
    use BusinessFigure as F;
    let spell = spelling(api, &line.currency);
    let of = |figure| line.sums.of(figure);
    let amount = |figure| json!(spell(of(figure).amount));
    let counted = |figure| json!({ "number": of(figure).number, "amount": spell(of(figure).amount) });
    vec![
        ("day", json!(line.day.map(days::spelled))),
        ("game", json!(line.game.as_ref().filter(|game| !game.is_empty()))),
        ("currency", json!(line.currency)),
        ("rounds", json!(of(F::Rounds).number)),
        ("bets", json!(of(F::Bets).number)),
        ("active_players", json!(line.active_players)),
        ("stakes", amount(F::Bets)),
        ("payouts", amount(F::Payouts)),
        ("ggr", json!(spell(line.sums.ggr()))),
        ("ngr", json!(spell(line.sums.ngr()))),
        ("new_players", json!(of(F::NewPlayers).number)),
        ("depositors", json!(line.depositors)),
        ("deposits", counted(F::Deposits)),
        ("debits", counted(F::Debits)),
        ("captures", counted(F::Captures)),
        ("chargebacks", counted(F::Chargebacks)),
        ("credits", counted(F::Credits)),
        ("corrections_given", counted(F::CorrectionsGiven)),
        ("corrections_taken", counted(F::CorrectionsTaken)),
        ("bonuses", counted(F::Bonuses)),
        ("winnings", counted(F::Winnings)),
    ]
}

/// The columns of CSV.
const COLUMNS: Columns = &[
    ("day", "day"),
    ("game", "game"),
    ("currency", "currency"),
    ("rounds", "rounds"),
    ("bets", "bets"),
    ("active_players", "active_players"),
    ("stakes", "stakes"),
    ("payouts", "payouts"),
    ("ggr", "ggr"),
    ("ngr", "ngr"),
    ("new_players", "new_players"),
    ("depositors", "depositors"),
    ("deposits.number", "deposits"),
    ("deposits.amount", "deposits_amount"),
    ("debits.number", "debits"),
    ("debits.amount", "debits_amount"),
    ("captures.number", "captures"),
    ("captures.amount", "captures_amount"),
    ("chargebacks.number", "chargebacks"),
    ("chargebacks.amount", "chargebacks_amount"),
    ("credits.number", "credits"),
    ("credits.amount", "credits_amount"),
    ("corrections_given.number", "corrections_given"),
    ("corrections_given.amount", "corrections_given_amount"),
    ("corrections_taken.number", "corrections_taken"),
    ("corrections_taken.amount", "corrections_taken_amount"),
    ("bonuses.number", "bonuses"),
    ("bonuses.amount", "bonuses_amount"),
    ("winnings.number", "winnings"),
    ("winnings.amount", "winnings_amount"),
];
