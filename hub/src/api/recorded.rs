//! `GET /api/domains/coordinator/transactions` without a key: every transaction and every refusal that stands, by pages.

use actix_web::{HttpRequest, HttpResponse};
use base16ct::lower::encode_string;
use protocol::PlayerId;
use readmodel::{ListedAs, TransactionFilter, TransactionLine};
use serde_json::{Value, json};

use super::{
    lists::{self, AskedPage, Columns, Line, ListAnswer, spelling},
    openapi::{ApiOperation, schema},
    payment,
    reads::kept,
    surface::ApiSurface,
};
use crate::{
    auth::Caller,
    edge::error::{Error, Kind},
    utc::utc,
};

/// What it is filtered by, besides what every list of transactions is.
const FILTERS: [&str; 3] = ["outcome", "code", "playerId"];

/// Its filters, in a description.
pub(super) fn parameters(operation: ApiOperation) -> ApiOperation {
    let operation = operation
        .query("outcome", outcome_schema(), "What became of it.")
        .query("code", schema::text(), "Why it was refused.")
        .query(
            "playerId",
            schema::named("PlayerName"),
            "What is about this player, or changed one of the player's accounts.",
        );
    lists::transaction_parameters(operation).refuses(&[Kind::UnknownPlayer])
}

/// A line of the list, in a description.
pub(super) fn line_schema() -> Value {
    schema::map(&line_fields(), &[])
}

/// Its fields, in a description.
pub(super) fn line_fields() -> Vec<(&'static str, Value)> {
    let maybe = |schema: Value| schema::or_null(&schema);
    vec![
        ("lsn", schema::named("Lsn")),
        ("tx", schema::named("TransactionId")),
        ("time", schema::named("Time")),
        ("type", schema::pattern("^[a-z0-9_]+$")),
        ("by", schema::named("PrincipalKind")),
        ("outcome", outcome_schema()),
        ("code", maybe(schema::text())),
        ("player", maybe(schema::named("PlayerId"))),
        ("amount", maybe(schema::named("SignedDecimal"))),
        ("currency", maybe(schema::named("CurrencyCode"))),
        ("reason", maybe(schema::text())),
        ("reference", maybe(schema::text())),
        ("table", maybe(schema::text())),
        ("round", maybe(schema::count())),
    ]
}

/// What became of a transaction, in a description.
pub(super) fn outcome_schema() -> Value {
    schema::words(["committed", "rejected"])
}

/// A page of the list, for whoever may see it.
///
/// # Errors
/// `malformed`, `unknown_player`, `not_recorded`, `busy` or `unavailable`.
pub(super) async fn list(
    api: &ApiSurface,
    request: &HttpRequest,
    caller: &Caller,
) -> Result<HttpResponse, Error> {
    let asked =
        AskedPage::read(request, "transactions".into(), &[&lists::OF_TRANSACTIONS[..], &FILTERS].concat())?;
    let wanted = filter(api, caller, &asked)?;
    let answer = page(api, &asked, wanted, |found| line(api, found)).await?;
    Ok(answer.told(request, COLUMNS))
}

/// A page of the transactions that are wanted, each as a line.
///
/// # Errors
/// `not_recorded`, `busy` or `unavailable`.
pub(super) async fn page(
    api: &ApiSurface,
    asked: &AskedPage,
    wanted: TransactionFilter,
    line: impl Fn(&TransactionLine) -> Line,
) -> Result<ListAnswer, Error> {
    let reads = kept(&api.reads)?;
    let permit = api.admit()?;
    asked.is_there(reads).await?;
    let page = asked.of_records();
    let (as_of, page) = reads.ask(move |view| view.transactions(&wanted, page)).await?;
    drop(permit);
    let next = page.goes_on_after.map(|lsn| asked.cursor((lsn, 0)));
    let lines = page.lines.iter().map(line).collect();
    Ok(ListAnswer { as_of, lines, next, more: Vec::new() })
}

/// How the transactions that are wanted ended.
///
/// # Errors
/// `malformed`.
pub(super) fn decision(asked: &AskedPage) -> Result<Option<ListedAs>, Error> {
    match asked.filters.text("outcome") {
        None => Ok(None),
        Some("committed") => Ok(Some(ListedAs::Committed)),
        Some("rejected") => Ok(Some(ListedAs::Rejected)),
        Some(_) => {
            let words = "the outcome is committed or rejected";
            Err(Error::new(Kind::Malformed, words).field("outcome"))
        }
    }
}

fn filter(api: &ApiSurface, caller: &Caller, asked: &AskedPage) -> Result<TransactionFilter, Error> {
    let filters = &asked.filters;
    let player = |name: &str| {
        let player = api.people.get(&api.person(caller, name)?).ok_or_else(payment::unknown_player)?;
        Ok::<_, Error>(player.0.to_be_bytes())
    };
    Ok(TransactionFilter {
        recipe: filters.text("type").map(str::to_ascii_uppercase),
        decision: decision(asked)?,
        operator: None,
        code: filters.text("code").map(str::to_owned),
        player: filters.text("playerId").map(player).transpose()?,
        table: filters.text("table").map(str::to_owned),
        round: filters.parsed("round", "the number of a round is a number")?,
        when: asked.when()?,
        amount: asked.amounts()?,
        reference: filters.text("reference").map(str::to_owned),
    })
}

/// A line of the list.
pub(super) fn line(api: &ApiSurface, line: &TransactionLine) -> Line {
    let (table, round) = line.round.clone().unzip();
    let (amount, currency) =
        line.amount.as_ref().map(|(minor, currency)| (spelling(api, currency)(*minor), currency)).unzip();
    vec![
        ("lsn", json!(line.lsn)),
        ("tx", json!(format!("tx_{}", encode_string(&line.tx)))),
        ("time", json!(utc(line.time_ms))),
        ("type", json!(line.recipe.to_ascii_lowercase())),
        ("by", json!(line.principal_kind)),
        ("outcome", json!(if line.code.is_some() { "rejected" } else { "committed" })),
        ("code", json!(line.code)),
        ("player", json!(line.player.map(|player| PlayerId(u128::from_be_bytes(player))))),
        ("amount", json!(amount)),
        ("currency", json!(currency)),
        ("reason", json!(line.reason)),
        ("reference", json!(line.reference)),
        ("table", json!(table)),
        ("round", json!(round.flatten())),
    ]
}

/// The columns of CSV.
const COLUMNS: Columns = COLUMNS_OF_ACTS.split_at(14).0;

/// Those of a list of what an operator has done.
pub(super) const COLUMNS_OF_ACTS: Columns = &[
    ("lsn", "lsn"),
    ("time", "time"),
    ("tx", "tx"),
    ("type", "type"),
    ("by", "by"),
    ("outcome", "outcome"),
    ("code", "code"),
    ("player", "player"),
    ("amount", "amount"),
    ("currency", "currency"),
    ("reason", "reason"),
    ("reference", "reference"),
    ("table", "table"),
    ("round", "round"),
    ("act", "act"),
    ("lacks", "lacks"),
];
