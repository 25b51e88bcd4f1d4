//! `GET /api/domains/balance/{playerId}/transactions`: a player's statement, by pages, as JSON or CSV.

use std::fmt::Write as _;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderName},
    web,
};
use base16ct::lower::{decode_vec, encode_string};
use ledger::Domain;
use protocol::{Currency, PlayerId};
use readmodel::{AccountName, AmountRange, AsOf, LinePlace, Page, StatementFilter, StatementLine};
use serde_json::{Value, json};

use super::{asked::allowed, parameters::Parameters, reads::kept, surface::ApiSurface};
use crate::{
    auth::{Access, Area, Capability},
    edge::{
        error::{Error, Kind},
        routes,
    },
    utc::utc,
    verify::signed,
};

const READ: Capability = Capability::Use(Area::Domain(Domain::Balance), Access::Read);

/// What says which lines are wanted, and in which order. A cursor carries them.
const FILTERS: [&str; 10] =
    ["type", "account", "table", "round", "from", "to", "min", "max", "reference", "order"];
/// What says which page of them.
const PAGING: [&str; 3] = ["limit", "cursor", "at_least"];

/// Lines of a page, when none are asked for; and the most.
const LIMIT: (usize, usize) = (50, 200);
/// Longest cursor, characters.
const CURSOR_MAX: usize = 8_192;

/// The header with the cursor of the next page, for whoever reads CSV.
const NEXT: HeaderName = HeaderName::from_static("hub-next");
/// The header with the last record that the answer has seen.
const AS_OF: HeaderName = HeaderName::from_static("hub-as-of");

/// Registers its path.
pub fn routes(service: &mut web::ServiceConfig) {
    service.service(routes::page("/api/domains/balance/{player}/transactions", show));
}

async fn show(
    api: web::Data<ApiSurface>,
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, Error> {
    let caller = allowed(&request, &api.callers, &READ)?;
    let known = [&FILTERS[..], &PAGING].concat();
    let parameters = Parameters::read(&request, &known)?;
    let person = api.person(&caller, &path)?;
    let unknown = || Error::from(Kind::UnknownPlayer).field("playerId");
    let player = api.people.get(&person).ok_or_else(unknown)?;
    let limit = parameters.parsed("limit", WRONG_LIMIT)?.unwrap_or(LIMIT.0);
    if !(1..=LIMIT.1).contains(&limit) {
        return Err(Error::new(Kind::Malformed, WRONG_LIMIT).field("limit"));
    }
    let (filters, after) = asked(&parameters, player)?;
    let wanted = filter(&filters)?;
    let newest_first = match filters.text("order") {
        None | Some("oldest") => false,
        Some("newest") => true,
        Some(_) => return Err(Error::new(Kind::Malformed, "the order is oldest or newest").field("order")),
    };
    let reads = kept(&api.reads)?;
    let permit = api.admit()?;
    if let Some(lsn) = parameters.parsed("at_least", "the place of a record is a number")? {
        reads.reaches(lsn).await?;
    }
    let (owner, page) = (player.0.to_be_bytes(), Page { after, newest_first, limit });
    let (as_of, (lines, more)) = reads.ask(move |view| view.statement(owner, &wanted, page)).await?;
    drop(permit);
    let last = lines.last().filter(|_| more).map(|line| line.place);
    let next = last.map(|place| cursor(&filters, player, place));
    Ok(if wants_csv(&request) { csv(&api, as_of, &lines, next) } else { as_json(&api, as_of, &lines, next) })
}

const WRONG_LIMIT: &str = "the limit is a number from 1 to 200";

/// The filters of a request, which a cursor carries, and the place behind which its page begins.
fn asked(parameters: &Parameters, player: PlayerId) -> Result<(Parameters, Option<LinePlace>), Error> {
    let given = parameters.without(&PAGING);
    let Some(text) = parameters.text("cursor") else {
        return Ok((Parameters::checked(given, &FILTERS)?, None));
    };
    let wrong = || Error::new(Kind::Malformed, "the cursor is none of this list").field("cursor");
    let bytes = (text.len() <= CURSOR_MAX).then(|| decode_vec(text).ok()).flatten().ok_or_else(wrong)?;
    let (of, lsn, n, carried): (String, u64, u32, Vec<(String, String)>) =
        serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    if of != player.to_string() {
        return Err(Error::new(Kind::Malformed, "the cursor is of another player").field("cursor"));
    }
    // What the cursor says counts; who says it again says the same.
    if !given.is_empty() && given != carried {
        let words = "the cursor is of a list with other parameters: give it alone, or with the same ones";
        return Err(Error::new(Kind::Malformed, words).field("cursor"));
    }
    Ok((Parameters::checked(carried, &FILTERS).map_err(|_| wrong())?, Some(LinePlace { lsn, n })))
}

fn cursor(filters: &Parameters, player: PlayerId, last: LinePlace) -> String {
    let carried = json!([player.to_string(), last.lsn, last.n, filters.without(&[])]);
    encode_string(carried.to_string().as_bytes())
}

fn filter(filters: &Parameters) -> Result<StatementFilter, Error> {
    let amount = "an amount is digits with a point, such as 12.50";
    Ok(StatementFilter {
        recipe: filters.text("type").map(str::to_ascii_uppercase),
        account: filters.text("account").map(account).transpose()?,
        table: filters.text("table").map(str::to_owned),
        round: filters.parsed("round", "the number of a round is a number")?,
        from_ms: filters.time("from")?,
        to_ms: filters.time("to")?,
        amount: AmountRange { min: filters.parsed("min", amount)?, max: filters.parsed("max", amount)? },
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

fn wants_csv(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let mut ranges = accepted.unwrap_or_default().split(',');
    ranges
        .any(|range| range.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/csv")))
}

/// Writes amounts in the decimals of a line's currency.
fn spell(api: &ApiSurface, line: &StatementLine) -> impl Fn(i128) -> String {
    let currency = line.account.currency.parse::<Currency>().ok();
    let scale = currency.and_then(|currency| api.currencies.spelling(currency)).unwrap_or_default();
    move |minor| signed(minor, scale)
}

/// Money at one moment: what can be used, what is set aside, and both.
fn funds(spell: &impl Fn(i128) -> String, total: i128, held: i128) -> Value {
    json!({ "available": spell(total - held), "held": spell(held), "total": spell(total) })
}

fn as_json(api: &ApiSurface, as_of: AsOf, lines: &[StatementLine], next: Option<String>) -> HttpResponse {
    let line = |line: &StatementLine| {
        let spell = spell(api, line);
        let (table, round) = line.round.clone().unzip();
        json!({
            "lsn": line.place.lsn,
            "n": line.place.n,
            "tx": format!("tx_{}", encode_string(&line.tx)),
            "time": utc(line.time_ms),
            "type": line.recipe.to_ascii_lowercase(),
            "by": line.principal_kind,
            "account": name(&line.account),
            "currency": line.account.currency,
            "amount": spell(line.amount()),
            "before": funds(&spell, line.before, line.held_before),
            "after": funds(&spell, line.after, line.held_after),
            "reason": line.reason,
            "reference": line.reference,
            "table": table,
            "round": round.flatten(),
        })
    };
    let data: Vec<_> = lines.iter().map(line).collect();
    HttpResponse::Ok()
        .insert_header((AS_OF, as_of.lsn))
        .json(json!({ "data": data, "next": next, "as_of": as_of.lsn }))
}

/// The first line of CSV.
const COLUMNS: &str = "lsn,n,time,tx,type,by,account,currency,amount,available_before,held_before,total_before,\
                       available_after,held_after,total_after,reason,reference,table,round\r\n";

fn csv(api: &ApiSurface, as_of: AsOf, lines: &[StatementLine], next: Option<String>) -> HttpResponse {
    let mut text = COLUMNS.to_owned();
    for line in lines {
        let spell = spell(api, line);
        let (table, round) = line.round.clone().unzip();
        let round = round.flatten().map(|round| round.to_string());
        let fields = [
            line.place.lsn.to_string(),
            line.place.n.to_string(),
            utc(line.time_ms),
            format!("tx_{}", encode_string(&line.tx)),
            line.recipe.to_ascii_lowercase(),
            line.principal_kind.clone(),
            name(&line.account),
            line.account.currency.clone(),
            spell(line.amount()),
            spell(line.before - line.held_before),
            spell(line.held_before),
            spell(line.before),
            spell(line.after - line.held_after),
            spell(line.held_after),
            spell(line.after),
            line.reason.clone().unwrap_or_default(),
            line.reference.clone().unwrap_or_default(),
            table.unwrap_or_default(),
            round.unwrap_or_default(),
        ];
        let fields = fields.map(|field| quoted(&field));
        // Writing to a text cannot fail.
        let _ = write!(text, "{}\r\n", fields.join(","));
    }
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"));
    answer.insert_header((AS_OF, as_of.lsn));
    if let Some(next) = next {
        answer.insert_header((NEXT, next));
    }
    answer.body(text)
}

/// A field of CSV (RFC 4180).
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(given: &[(&str, &str)]) -> Parameters {
        let given = given.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Parameters::checked(given, &[&FILTERS[..], &PAGING].concat()).expect("known ones")
    }

    #[test]
    fn a_cursor_carries_its_filter_and_fits_no_other_filter_and_no_other_player() {
        let (player, place) = (PlayerId(7), LinePlace { lsn: 12, n: 1 });
        let (filters, first) = asked(&parameters(&[("type", "stake"), ("limit", "3")]), player).expect("one");
        assert_eq!(first, None);
        let cursor = cursor(&filters, player, place);
        for given in [&[][..], &[("type", "stake")], &[("limit", "9"), ("type", "stake")]] {
            let given = [given, &[("cursor", cursor.as_str())]].concat();
            assert_eq!(asked(&parameters(&given), player).ok(), Some((filters.clone(), Some(place))));
        }
        for given in [&[("type", "deposit")][..], &[("type", "stake"), ("round", "1")], &[("round", "1")]] {
            let given = [given, &[("cursor", cursor.as_str())]].concat();
            let error = asked(&parameters(&given), player).expect_err("another filter");
            assert!(error.to_string().contains("other parameters"), "{error}");
        }
        let other = asked(&parameters(&[("cursor", &cursor)]), PlayerId(8)).expect_err("another player");
        assert!(other.to_string().contains("another player"), "{other}");
        for wrong in ["", "x", "00", &"00".repeat(5_000), &encode_string(br#"["a",1,1,[["drop","x"]]]"#)] {
            assert!(asked(&parameters(&[("cursor", wrong)]), player).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_field_of_csv_is_quoted_where_it_must_be() {
        for (field, told) in [("a b", "a b"), ("", ""), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\"")] {
            assert_eq!(quoted(field), told);
        }
    }
}
