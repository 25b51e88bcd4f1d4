//! `GET /api/domains/balance/{playerId}/transactions`: a player's statement, by pages, as JSON or CSV.

use actix_web::{HttpRequest, HttpResponse, web};
use base16ct::lower::encode_string;
use ledger::Domain;
use readmodel::{AccountName, LinePlace, Page, StatementFilter, StatementLine};
use serde_json::{Value, json};

use super::{
    asked::allowed,
    lists::{self, AskedPage, Columns, Line, ListAnswer, spelling},
    openapi::{ApiOperation, ApiRoute, schema},
    payment,
    rates::RouteRate,
    reads::kept,
    surface::ApiSurface,
};
use crate::{
    auth::{Access, Area, Capability},
    edge::error::{Error, Kind},
    utc::utc,
};

const READ: Capability = Capability::Use(Area::Domain(Domain::Balance), Access::Read);

/// Its path.
pub(super) fn routes() -> Vec<ApiRoute> {
    let account = schema::pattern("^[^:]*:[^:]*:[^:]*$");
    let statement = ApiOperation::read("listStatement", "The statement of a player, by pages", &READ)
        .path("playerId", schema::named("PlayerName"), "PLAYER_123")
        .query("account", account, "One account, as the lines name it, such as `balance:cash:USD`.");
    let statement = lists::answer(lists::transaction_parameters(statement), &line_schema(), &[])
        .refuses(&[Kind::UnknownPlayer])
        .link("listStatement", &[("playerId", "$request.path.playerId"), ("cursor", "$response.body#/next")]);
    vec![
        ApiRoute::at("/api/domains/balance/{playerId}/transactions")
            .data(RouteRate::LIST)
            .get(show, statement),
    ]
}

/// A line of a statement.
fn line_schema() -> Value {
    let maybe = |schema: Value| schema::or_null(&schema);
    schema::map(
        &[
            ("lsn", schema::named("Lsn")),
            ("n", schema::count()),
            ("tx", schema::named("TransactionId")),
            ("time", schema::named("Time")),
            ("type", schema::pattern("^[a-z0-9_]+$")),
            ("by", schema::named("PrincipalKind")),
            ("account", schema::text()),
            ("currency", schema::named("CurrencyCode")),
            ("amount", schema::named("SignedDecimal")),
            ("before", schema::named("FundsAt")),
            ("after", schema::named("FundsAt")),
            ("reason", maybe(schema::text())),
            ("reference", maybe(schema::text())),
            ("table", maybe(schema::text())),
            ("round", maybe(schema::count())),
        ],
        &[],
    )
}

async fn show(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    let caller = allowed(&request, &api.callers, &READ)?;
    let player = api.people.get(&api.person(&caller, &path)?).ok_or_else(payment::unknown_player)?;
    let asked = AskedPage::read(
        &request,
        format!("statement of {player}"),
        &[&lists::OF_TRANSACTIONS[..], &["account"]].concat(),
    )?;
    let wanted = filter(&asked)?;
    let reads = kept(&api.reads)?;
    let permit = api.admit()?;
    asked.is_there(reads).await?;
    let page = Page {
        after: asked.after.map(|(lsn, n)| LinePlace { lsn, n }),
        newest_first: asked.newest_first,
        limit: asked.limit,
    };
    let owner = player.0.to_be_bytes();
    let (as_of, (lines, more)) = reads.ask(move |view| view.statement(owner, &wanted, page)).await?;
    drop(permit);
    let last = lines.last().filter(|_| more).map(|line| line.place);
    let next = last.map(|place| asked.cursor((place.lsn, place.n)));
    let lines = lines.iter().map(|found| line(&api, found)).collect();
    Ok(ListAnswer { as_of, lines, next, more: Vec::new() }.told(&request, COLUMNS))
}

fn filter(asked: &AskedPage) -> Result<StatementFilter, Error> {
    let filters = &asked.filters;
    Ok(StatementFilter {
        recipe: filters.text("type").map(str::to_ascii_uppercase),
        account: filters.text("account").map(account).transpose()?,
        table: filters.text("table").map(str::to_owned),
        round: filters.parsed("round", "the number of a round is a number")?,
        when: asked.when()?,
        amount: asked.amounts()?,
        reference: filters.text("reference").map(str::to_owned),
    })
}

/// An account, as [`name`] writes it.
fn account(text: &str) -> Result<AccountName, Error> {
    let mut parts = text.split(':').map(str::to_owned);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(domain), Some(kind), Some(currency), None) => Ok(AccountName { domain, kind, currency }),
        _ => {
            let words = "an account is domain, kind and currency, such as balance:cash:EUR";
            Err(Error::new(Kind::Malformed, words).field("account"))
        }
    }
}

fn name(account: &AccountName) -> String {
    format!("{}:{}:{}", account.domain, account.kind, account.currency)
}

/// Money at one moment: what can be used, what is set aside, and both.
fn funds(spell: &impl Fn(i128) -> String, total: i128, held: i128) -> Value {
    json!({ "available": spell(total - held), "held": spell(held), "total": spell(total) })
}

fn line(api: &ApiSurface, line: &StatementLine) -> Line {
    let spell = spelling(api, &line.account.currency);
    let (table, round) = line.round.clone().unzip();
    vec![
        ("lsn", json!(line.place.lsn)),
        ("n", json!(line.place.n)),
        ("tx", json!(format!("tx_{}", encode_string(&line.tx)))),
        ("time", json!(utc(line.time_ms))),
        ("type", json!(line.recipe.to_ascii_lowercase())),
        ("by", json!(line.principal_kind)),
        ("account", json!(name(&line.account))),
        ("currency", json!(line.account.currency)),
        ("amount", json!(spell(line.amount()))),
        ("before", funds(&spell, line.before, line.held_before)),
        ("after", funds(&spell, line.after, line.held_after)),
        ("reason", json!(line.reason)),
        ("reference", json!(line.reference)),
        ("table", json!(table)),
        ("round", json!(round.flatten())),
    ]
}

/// The columns of CSV.
const COLUMNS: Columns = &[
    ("lsn", "lsn"),
    ("n", "n"),
    ("time", "time"),
    ("tx", "tx"),
    ("type", "type"),
    ("by", "by"),
    ("account", "account"),
    ("currency", "currency"),
    ("amount", "amount"),
    ("before.available", "available_before"),
    ("before.held", "held_before"),
    ("before.total", "total_before"),
    ("after.available", "available_after"),
    ("after.held", "held_after"),
    ("after.total", "total_after"),
    ("reason", "reason"),
    ("reference", "reference"),
    ("table", "table"),
    ("round", "round"),
];
