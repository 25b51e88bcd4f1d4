//! Which days a report is of.

use actors::clock::now_ms;
use readmodel::DayRange;
use serde_json::Value;

use crate::{
    api::{
        openapi::{ApiOperation, schema},
        parameters::Parameters,
        times,
    },
    edge::error::{Error, Kind},
    utc::utc,
};

const DAY_MS: u64 = 86_400_000;
/// Days of a report, when none are asked for; and the most.
const DAYS: (u64, u64) = (7, 92);
/// The last day that is written with four digits of a year.
const LAST_DAY: u64 = 2_932_896;

/// The days of `from` and `to`, both of them with it. Without them: the last seven days, today among them. UTC.
///
/// # Errors
/// `malformed`.
pub fn asked(parameters: &Parameters) -> Result<DayRange, Error> {
    asked_on(parameters, now_ms() / DAY_MS)
}

/// The same, of days of which today is this one.
///
/// # Errors
/// `malformed`.
pub fn asked_on(parameters: &Parameters, today: u64) -> Result<DayRange, Error> {
    let (from, to) = (day(parameters, "from")?, day(parameters, "to")?);
    range(from, to, today)
}

/// The parameters for them, in a description.
pub(super) fn parameters(operation: ApiOperation) -> ApiOperation {
    operation
        .query("from", schema::named("Day"), "The first day; without it, seven days up to the last.")
        .query("to", schema::named("Day"), "The last day; without it, today. At most 92 days in all.")
}

/// What an answer says of them.
pub(super) fn answered() -> [(&'static str, Value); 2] {
    [("from", schema::named("Day")), ("to", schema::named("Day"))]
}

fn range(from: Option<u64>, to: Option<u64>, today: u64) -> Result<DayRange, Error> {
    let last = to.unwrap_or_else(|| from.map_or(today, |from| today.max(from)));
    let first = from.unwrap_or_else(|| (last + 1).saturating_sub(DAYS.0));
    if first > last {
        return Err(Error::new(Kind::Malformed, "the last day is before the first one").field("to"));
    }
    if last - first >= DAYS.1 {
        let words = format!("a report is of {} days at most", DAYS.1);
        return Err(Error::new(Kind::Malformed, words).field("from"));
    }
    let day = |day| i64::try_from(day).unwrap_or(i64::MAX);
    Ok(DayRange { first: day(first), last: day(last) })
}

fn day(parameters: &Parameters, name: &'static str) -> Result<Option<u64>, Error> {
    let read = |text: &str| {
        let wrong = || Error::new(Kind::Malformed, "a day is written as 2026-12-31").field(name);
        if text.len() != "2026-12-31".len() {
            return Err(wrong());
        }
        times::read(name, &format!("{text}T00:00:00Z")).map(|ms| ms / DAY_MS).map_err(|_| wrong())
    };
    parameters.text(name).map(read).transpose()
}

/// A day as text, such as `2026-12-31`.
pub fn spelled(day: i64) -> String {
    let day = u64::try_from(day).unwrap_or_default().min(LAST_DAY);
    utc(day * DAY_MS).chars().take("2026-12-31".len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_of_the_days_that_are_asked_for_and_of_the_last_week_without() {
        let of = |from, to| range(from, to, 100).map(|days| (days.first, days.last)).ok();
        for (from, to, days) in [
            (None, None, Some((94, 100))),
            (Some(98), None, Some((98, 100))),
            (None, Some(50), Some((44, 50))),
            (None, Some(3), Some((0, 3))),
            (Some(5), Some(5), Some((5, 5))),
            (Some(200), None, Some((200, 200))),
            (Some(1), Some(92), Some((1, 92))),
            (Some(1), Some(93), None),
            (Some(6), Some(5), None),
        ] {
            assert_eq!(of(from, to), days, "{from:?} {to:?}");
        }
    }

    #[test]
    fn a_day_is_read_as_it_is_written() {
        for text in ["1970-01-01", "2026-11-30", "2024-02-29", "9999-12-31"] {
            let parameters =
                Parameters::checked(vec![("from".into(), text.into())], &["from"]).expect("known");
            let read = day(&parameters, "from").expect("a day").expect("given");
            assert_eq!(spelled(i64::try_from(read).expect("small")), text);
        }
        for wrong in ["", "2026-13-01", "2026-02-30", "2026-1-1", "2026-11-30T00:00:00Z", "yesterday.."] {
            let parameters =
                Parameters::checked(vec![("from".into(), wrong.into())], &["from"]).expect("known");
            assert!(day(&parameters, "from").is_err(), "{wrong}");
        }
    }
}
