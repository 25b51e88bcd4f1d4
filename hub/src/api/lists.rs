//! Lists: which page is asked for, the cursor that carries the filter, and the answer as JSON or CSV.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderName},
};
use base16ct::lower::{decode_vec, encode_string};
use protocol::Currency;
use readmodel::{AmountRange, AsOf, LsnPage, Moments};
use serde_json::{Map, Value, json};

use super::{
    openapi::{ApiOperation, schema},
    parameters::Parameters,
    reads::{Reads, WRONG_LSN},
    surface::ApiSurface,
};
use crate::{
    edge::error::{Error, Kind},
    verify::signed,
};

/// What says which page is wanted. A cursor carries the other parameters.
const PAGING: [&str; 3] = ["limit", "cursor", "at_least"];
/// What every list is filtered by.
const COMMON: [&str; 3] = ["from", "to", "order"];
/// What a list of what transactions did is filtered by. Its lines never change, so it can be read as it was.
pub(super) const OF_TRANSACTIONS: [&str; 7] =
    ["type", "table", "round", "min", "max", "reference", AS_OF_RECORD];
/// The record up to which a list is read.
pub(super) const AS_OF_RECORD: &str = "as_of";

/// Lines of a page, when none are asked for; and the most.
const LIMIT: (usize, usize) = (50, 200);
/// Longest cursor, characters.
const CURSOR_MAX: usize = 8_192;

/// The header with the cursor of the next page, for whoever reads CSV.
const NEXT: HeaderName = HeaderName::from_static("hub-next");
/// The header with the last record that the answer has seen.
const AS_OF: HeaderName = HeaderName::from_static("hub-as-of");

const WRONG_LIMIT: &str = "the limit is a number from 1 to 200";

/// Where a page ends: a record, and the line in it.
pub(super) type ListPlace = (u64, u32);

/// A request for a page of a list.
#[derive(Debug)]
pub(super) struct AskedPage {
    /// The list and what it is of; a cursor fits no other one.
    of: String,
    /// The filters.
    pub filters: Parameters,
    /// The last line of the page before.
    pub after: Option<ListPlace>,
    /// Whether the newest lines come first.
    pub newest_first: bool,
    /// Most lines.
    pub limit: usize,
    at_least: Option<u64>,
}

impl AskedPage {
    /// Reads a request for a list that is also filtered by these parameters.
    ///
    /// # Errors
    /// `malformed`.
    pub fn read(request: &HttpRequest, of: String, filters: &[&str]) -> Result<Self, Error> {
        let filters = [filters, &COMMON].concat();
        let given = Parameters::read(request, &[&filters[..], &PAGING].concat())?;
        Self::asked(&given, of, &filters)
    }

    fn asked(given: &Parameters, of: String, known: &[&str]) -> Result<Self, Error> {
        let limit = given.parsed("limit", WRONG_LIMIT)?.unwrap_or(LIMIT.0);
        if !(1..=LIMIT.1).contains(&limit) {
            return Err(Error::new(Kind::Malformed, WRONG_LIMIT).field("limit"));
        }
        let at_least = given.parsed("at_least", WRONG_LSN)?;
        let (filters, after) = filters(given, &of, known)?;
        let newest_first = match filters.text("order") {
            None | Some("oldest") => false,
            Some("newest") => true,
            Some(_) => {
                return Err(Error::new(Kind::Malformed, "the order is oldest or newest").field("order"));
            }
        };
        Ok(Self { of, filters, after, newest_first, limit, at_least })
    }

    /// When what is wanted was decided.
    ///
    /// # Errors
    /// `malformed`.
    pub fn when(&self) -> Result<Moments, Error> {
        Ok(Moments {
            from_ms: self.filters.time("from")?,
            to_ms: self.filters.time("to")?,
            as_of: self.filters.parsed(AS_OF_RECORD, WRONG_LSN)?,
        })
    }

    /// The amounts that are wanted.
    ///
    /// # Errors
    /// `malformed`.
    pub fn amounts(&self) -> Result<AmountRange, Error> {
        let words = "an amount is digits with a point, such as 12.50";
        Ok(AmountRange { min: self.filters.parsed("min", words)?, max: self.filters.parsed("max", words)? })
    }

    /// Waits until the read model has the records that are asked for.
    ///
    /// # Errors
    /// `not_recorded` or `unavailable`.
    pub async fn is_there(&self, reads: &Reads) -> Result<(), Error> {
        if let Some(lsn) = self.at_least {
            reads.reaches("at_least", lsn).await?;
        }
        match self.when()?.as_of {
            Some(lsn) => reads.reaches(AS_OF_RECORD, lsn).await,
            None => Ok(()),
        }
    }

    /// The page, of a list with a line for each record.
    pub fn of_records(&self) -> LsnPage {
        let after = self.after.map(|(lsn, _)| lsn);
        LsnPage { after, newest_first: self.newest_first, limit: self.limit }
    }

    /// The cursor of the page behind a place.
    pub fn cursor(&self, (lsn, n): ListPlace) -> String {
        let carried = json!([self.of, lsn, n, self.filters.without(&[])]);
        encode_string(carried.to_string().as_bytes())
    }
}

/// The parameters of every list, in a description: which moment, and which page.
pub(super) fn parameters(operation: ApiOperation) -> ApiOperation {
    let mut limit = schema::count();
    limit["minimum"] = json!(1);
    limit["maximum"] = json!(LIMIT.1);
    limit["default"] = json!(LIMIT.0);
    let mut cursor = schema::pattern("^([0-9a-f]{2})+$");
    cursor["maxLength"] = json!(CURSOR_MAX);
    let order = schema::words(["oldest", "newest"]);
    operation
        .query("from", schema::named("Time"), "Decided at this time or later.")
        .query("to", schema::named("Time"), "Decided before this time.")
        .query("order", order, "Which end is first; without it the oldest.")
        .query("limit", limit, "Lines of a page.")
        .query("cursor", cursor, "The `next` of the page before, which carries the other parameters.")
        .query("at_least", schema::number(), AT_LEAST)
}

/// The parameters of a list of what transactions did ([`OF_TRANSACTIONS`]), in a description.
pub(super) fn transaction_parameters(operation: ApiOperation) -> ApiOperation {
    let amount = || schema::pattern("^[0-9]{1,13}(\\.[0-9]{1,8})?$");
    let operation = operation
        .query("type", schema::text(), "The recipe, such as `credit`.")
        .query("table", schema::text(), "The table.")
        .query("round", schema::number(), "The number of the round.")
        .query("reference", schema::text(), "The operator's reference.")
        .query("min", amount(), "The least of `amount`, whatever its sign.")
        .query("max", amount(), "The most of `amount`, whatever its sign.")
        .query(AS_OF_RECORD, schema::number(), "The `lsn` of a record: the list as it was then.");
    parameters(operation)
}

/// What the parameter `at_least` does.
pub(super) const AT_LEAST: &str = "The `lsn` of an answer: waits until the list has this record.";

/// The answer of a list of such lines, in a description: JSON or CSV. `more` is what else is said of the lines.
pub(super) fn answer(operation: ApiOperation, line: &Value, more: &[(&str, Value)]) -> ApiOperation {
    answered(operation, schema_of(line, more), true)
}

/// The same with this schema of the answer in JSON, which is that of a list always or sometimes.
pub(super) fn answered(operation: ApiOperation, schema: Value, always: bool) -> ApiOperation {
    operation
        .answers(200, schema)
        .answers_as(200, "text/csv", schema::text())
        .header(200, &AS_OF, always)
        .header(200, &NEXT, false)
        .refuses(&[Kind::NotRecorded])
}

/// The answer in JSON.
pub(super) fn schema_of(line: &Value, more: &[(&str, Value)]) -> Value {
    let page = [
        ("data", schema::list(line)),
        ("next", schema::or_null(&schema::text())),
        ("as_of", schema::count()),
    ];
    schema::map(&[&page[..], more].concat(), &[])
}

/// The filters of a request, which a cursor carries, and the place behind which its page begins.
fn filters(given: &Parameters, of: &str, known: &[&str]) -> Result<(Parameters, Option<ListPlace>), Error> {
    let filters = given.without(&PAGING);
    let Some(text) = given.text("cursor") else {
        return Ok((Parameters::checked(filters, known)?, None));
    };
    let wrong = || Error::new(Kind::Malformed, "the cursor is none of this list").field("cursor");
    let bytes = (text.len() <= CURSOR_MAX).then(|| decode_vec(text).ok()).flatten().ok_or_else(wrong)?;
    let (list, lsn, n, carried): (String, u64, u32, Vec<(String, String)>) =
        serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    if list != of {
        return Err(Error::new(Kind::Malformed, "the cursor is of another list").field("cursor"));
    }
    // What the cursor says counts; who says it again says the same.
    if !filters.is_empty() && filters != carried {
        let words = "the cursor is of a list with other parameters: give it alone, or with the same ones";
        return Err(Error::new(Kind::Malformed, words).field("cursor"));
    }
    Ok((Parameters::checked(carried, known).map_err(|_| wrong())?, Some((lsn, n))))
}

/// A line of a list or report: fields by name, in order. Nested ones are columns of their own in CSV.
pub(super) type Line = Vec<(&'static str, Value)>;

/// The columns of a list: the path of each field, such as `after.total`, and the name of its column.
pub(super) type Columns = &'static [(&'static str, &'static str)];

/// A list, as it is answered.
pub(super) struct ListAnswer {
    pub as_of: AsOf,
    pub lines: Vec<Line>,
    pub next: Option<String>,
    /// What else is said of the lines, in JSON alone.
    pub more: Line,
}

impl ListAnswer {
    /// As the request wants it: JSON, or CSV with these columns.
    pub fn told(self, request: &HttpRequest, columns: Columns) -> HttpResponse {
        let Self { as_of, lines, next, more } = self;
        let lines = lines.into_iter().map(object);
        let mut answer = HttpResponse::Ok();
        answer.insert_header((AS_OF, as_of.lsn));
        if !wants_csv(request) {
            let mut body = object(more);
            if let Value::Object(body) = &mut body {
                body.insert("data".into(), lines.collect());
                body.insert("next".into(), json!(next));
                body.insert("as_of".into(), json!(as_of.lsn));
            }
            return answer.json(body);
        }
        let mut text = row(columns.iter().map(|(_, name)| (*name).to_owned()));
        text.extend(lines.map(|line| row(columns.iter().map(|(path, _)| cell(&line, path)))));
        answer.insert_header((header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"));
        if let Some(next) = next {
            answer.insert_header((NEXT, next));
        }
        answer.body(text)
    }
}

/// A line as an object of JSON.
pub(super) fn object(line: Line) -> Value {
    Value::Object(line.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

/// A field of a line as CSV has it; empty for what is not there.
fn cell(line: &Value, path: &str) -> String {
    let value = path.split('.').try_fold(line, |value, name| value.get(name));
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

/// A line of CSV (RFC 4180).
fn row(fields: impl Iterator<Item = String>) -> String {
    let fields: Vec<_> = fields.map(|field| quoted(&field)).collect();
    format!("{}\r\n", fields.join(","))
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

fn wants_csv(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let mut ranges = accepted.unwrap_or_default().split(',');
    ranges
        .any(|range| range.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/csv")))
}

/// Writes amounts in the decimals of a currency.
pub(super) fn spelling(api: &ApiSurface, currency: &str) -> impl Fn(i128) -> String + use<> {
    let currency = currency.parse::<Currency>().ok();
    let scale = currency.and_then(|currency| api.currencies.spelling(currency)).unwrap_or_default();
    move |minor| signed(minor, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 6] = ["type", "round", "from", "to", "as_of", "order"];

    fn asked(given: &[(&str, &str)], of: &str) -> Result<AskedPage, Error> {
        let given = given.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let given = Parameters::checked(given, &[&KNOWN[..], &PAGING].concat())?;
        AskedPage::asked(&given, of.to_owned(), &KNOWN)
    }

    #[test]
    fn a_cursor_carries_its_filter_and_fits_no_other_filter_and_no_other_list() {
        let first = asked(&[("type", "stake"), ("limit", "3")], "of 7").expect("a page");
        assert_eq!((first.after, first.limit), (None, 3));
        let cursor = first.cursor((12, 1));
        for given in [&[][..], &[("type", "stake")], &[("limit", "9"), ("type", "stake")]] {
            let page = asked(&[given, &[("cursor", cursor.as_str())]].concat(), "of 7").expect("a page");
            assert_eq!((&page.filters, page.after), (&first.filters, Some((12, 1))));
        }
        for given in [&[("type", "deposit")][..], &[("type", "stake"), ("round", "1")], &[("round", "1")]] {
            let error = asked(&[given, &[("cursor", cursor.as_str())]].concat(), "of 7");
            let error = error.expect_err("another filter");
            assert!(error.to_string().contains("other parameters"), "{error}");
        }
        let other = asked(&[("cursor", &cursor)], "of 8").expect_err("another list");
        assert!(other.to_string().contains("another list"), "{other}");
        for wrong in ["", "x", "00", &"00".repeat(5_000), &encode_string(br#"["of 7",1,1,[["drop","x"]]]"#)] {
            assert!(asked(&[("cursor", wrong)], "of 7").is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_page_has_a_limit_and_an_order() {
        let page = asked(&[("order", "newest")], "a").expect("a page");
        assert_eq!((page.limit, page.newest_first), (50, true));
        for (name, wrong) in
            [("limit", "0"), ("limit", "201"), ("limit", "x"), ("order", "up"), ("at_least", "-1")]
        {
            let error = asked(&[(name, wrong)], "a").expect_err("wrong");
            assert!(error.body().contains(&format!("\"field\":\"{name}\"")), "{}", error.body());
        }
    }

    #[test]
    fn a_line_of_csv_has_nested_fields_and_quotes_where_it_must() {
        let line = object(vec![("a", json!("x, \"y\"")), ("b", json!({ "c": 12, "d": null }))]);
        let cells = ["a", "b.c", "b.d", "e"].map(|path| cell(&line, path));
        assert_eq!(row(cells.into_iter()), "\"x, \"\"y\"\"\",12,,\r\n");
    }
}
