//! The figures of the business over HTTP, beside an independent count of the same log.

mod count;
mod story;

use super::*;

const REPORT: &str = "/api/reports/business";
const DAYS: &str = "from=2025-10-25&to=2025-10-27";

/// A hub over the log of the story.
fn told() -> TestHub {
    let hub = Setup::default().tables([OPEN]).option("limits.time_zone", "Europe/London").prepare();
    fs::create_dir_all(hub.data()).expect("a directory");
    // A log with players has a people store beside it.
    let [anna, ben] = crate::clock::enrolled_as(&hub, ["anna", "ben"]);
    story::write(hub.data(), anna, ben);
    hub
}

async fn report(hub: &TestHub, token: &str, query: &str) -> Value {
    let answer = get(hub.address(), token, &format!("{REPORT}?{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn every_figure_is_what_the_records_tell_over_midnight_and_the_end_of_summer_time_and_after_a_rebuild()
{
    let mut hub = told();
    let count = count::Count::of(&hub.data());
    hub.start();
    hub.has_its_read_model().await;
    let monitor = service(&hub, "monitoring:read");
    let ways =
        [("day,game", true, true), ("day", true, false), ("game", false, true), ("none", false, false)];
    let spelled = |lines: &BTreeMap<_, _>| {
        lines.iter().map(|(place, line)| count::told(place, line)).collect::<Vec<_>>()
    };
    let totals = json!(spelled(&count.by(false, false)));
    let mut answers = Vec::new();
    for (by, day, game) in ways {
        let query = format!("{DAYS}&by={by}");
        let told = report(&hub, &monitor, &query).await;
        let expected = spelled(&count.by(day, game));
        let lines = told["data"].as_array().expect("lines");
        for (line, expected) in lines.iter().zip(&expected) {
            assert_eq!(line, expected, "by {by}");
        }
        assert_eq!((lines.len(), &told["totals"]), (expected.len(), &totals), "by {by}");
        assert_eq!(
            (&told["from"], &told["to"], &told["by"]),
            (&json!("2025-10-25"), &json!("2025-10-27"), &json!(by))
        );
        assert_eq!(told["next"], Value::Null);
        answers.push((query, lines.clone()));
    }
    // The story has each of them: what is always zero proves nothing.
    let all = &totals[0];
    for name in ["rounds", "bets", "active_players", "new_players", "depositors"] {
        assert!(all[name].as_i64().is_some_and(|number| number > 0), "{name}: {all}");
    }
    for name in [
        "deposits",
        "debits",
        "captures",
        "chargebacks",
        "corrections_given",
        "corrections_taken",
        "winnings",
    ] {
        assert!(all[name]["number"].as_i64().is_some_and(|number| number > 0), "{name}: {all}");
    }
    // Each day alone, and one game.
    let monday = report(&hub, &monitor, "from=2025-10-27&to=2025-10-27&by=none&currency=EUR").await;
    let expected = count.by(true, false);
    let expected = expected.iter().find(|((day, _, currency), _)| *day == Some(2) && currency == "EUR");
    let mut expected = expected.map(|(place, line)| count::told(place, line)).expect("it was played");
    expected["day"] = Value::Null;
    assert_eq!(monday["data"], json!([expected]));
    let slots = report(&hub, &monitor, &format!("{DAYS}&by=game&game=SLOTS_777")).await;
    assert_eq!(slots["data"].as_array().map(Vec::len), Some(1), "{slots}");
    assert_eq!(
        slots["data"][0]["winnings"],
        json!({ "number": 1, "amount": "7.00" }),
        "two were paid, one is taken back"
    );
    assert_eq!(
        slots["data"],
        slots["totals"]
            .as_array()
            .map(|totals| {
                let mut line = totals[0].clone();
                line["game"] = json!("SLOTS_777");
                json!([line])
            })
            .expect("totals")
    );

    let path = format!("{REPORT}?{DAYS}&by=day&currency=EUR");
    let csv = get_as(hub.address(), &monitor, &path, "text/csv").await;
    let rows: Vec<_> = csv.body.lines().collect();
    assert_eq!(rows, CSV, "{csv:?}");

    // Built again from the log, all of it is the same.
    hub.kill();
    hub.verify();
    hub.done(&["verify", "--read-model"]);
    fs::remove_dir_all(hub.data().join("read-model")).expect("it is there");
    let lines = hub.times_logged("the read model has the whole log, and is read");
    let at = hub.start();
    until("the read model", async || {
        (hub.times_logged("the read model has the whole log, and is read") > lines).then_some(())
    })
    .await;
    for (query, lines) in answers {
        let again = report(&hub, &monitor, &query).await;
        assert_eq!(again["data"].to_string(), Value::from(lines).to_string(), "{query}");
    }
    assert_eq!(get_as(at, &monitor, &path, "text/csv").await.body, csv.body);
    hub.kill();
    hub.done(&["verify", "--read-model"]);
}

/// The days of the story in EUR. The draws follow from the seeds, so they are always the same.
const CSV: [&str; 4] = [
    "day,game,currency,rounds,bets,active_players,stakes,payouts,ggr,ngr,new_players,depositors,deposits,deposits_amount,debits,debits_amount,captures,captures_amount,chargebacks,chargebacks_amount,credits,credits_amount,corrections_given,corrections_given_amount,corrections_taken,corrections_taken_amount,bonuses,bonuses_amount,winnings,winnings_amount",
    "2025-10-25,,EUR,1,3,2,15.00,2.00,13.00,8.00,2,2,2,150.00,0,0.00,0,0.00,0,0.00,1,5.00,0,0.00,0,0.00,0,0.00,0,0.00",
    "2025-10-26,,EUR,1,1,1,7.00,14.00,-7.00,-7.00,0,1,1,0.01,0,0.00,0,0.00,0,0.00,0,0.00,0,0.00,0,0.00,0,0.00,2,14.00",
    "2025-10-27,,EUR,1,-1,2,-11.00,2.00,-13.00,-9.10,0,1,0,0.00,1,3.00,1,2.00,1,4.00,-1,-5.00,1,1.50,1,0.40,0,0.00,-1,-7.00",
];

#[tokio::test]
async fn without_days_it_is_of_the_last_week_of_the_operators_zone_and_waits_for_a_record() {
    let hub = Setup::default().tables([OPEN]).option("limits.time_zone", "Pacific/Kiritimati").start();
    hub.has_its_read_model().await;
    let (at, monitor) = (hub.address(), service(&hub, "monitoring:read"));
    let token = service(&hub, "balance:*");
    let credit = pay(at, &token, "c1", "credit", "50.00").await;
    let lsn = credit["lsn"].as_u64().expect("a record");
    let told = report(&hub, &monitor, &format!("at_least={lsn}")).await;
    assert!(told["as_of"].as_u64().is_some_and(|as_of| as_of >= lsn), "{told}");
    let line = &told["data"][0];
    assert_eq!(
        (&line["credits"]["amount"], &line["ngr"], &line["new_players"]),
        (&json!("50.00"), &json!("-50.00"), &json!(1))
    );
    assert_eq!((&line["game"], &told["by"]), (&Value::Null, &json!("day,game")));
    // It is 14 hours ahead of UTC there, so of two reports one is of another day unless it is between 00:00 and 10:00 UTC.
    let utc = report_days(&get(at, &monitor, "/api/reports/domain-totals").await.json());
    let days = report_days(&told);
    assert_eq!(line["day"], json!(days.1), "it was paid today");
    assert!(days >= utc, "{days:?} {utc:?}");
}

fn report_days(told: &Value) -> (String, String) {
    let day = |name: &str| told[name].as_str().expect("a day").to_owned();
    (day("from"), day("to"))
}

#[tokio::test]
async fn what_is_wrong_with_a_question_is_told_by_its_parameter() {
    let hub = Setup::default().tables([OPEN]).start();
    hub.has_its_read_model().await;
    let (at, monitor) = (hub.address(), service(&hub, "monitoring:read"));
    for (query, status, code, field, words) in [
        ("from=2026-12-32", 400, "malformed", "from", "2026-12-31"),
        ("to=2026-1-1", 400, "malformed", "to", "2026-12-31"),
        ("from=2026-01-01T00:00:00Z", 400, "malformed", "from", "2026-12-31"),
        ("from=2026-02-02&to=2026-02-01", 400, "malformed", "to", "before the first"),
        ("from=2026-01-01&to=2026-12-31", 400, "malformed", "from", "92 days"),
        ("by=week", 400, "malformed", "by", "day,game"),
        ("by=", 400, "malformed", "by", "day,game"),
        ("by=game,day", 400, "malformed", "by", "day,game"),
        ("currency=eur", 400, "malformed", "currency", "upper-case"),
        ("currency=ABC", 400, "malformed", "currency", "no currency ABC"),
        ("game=", 400, "malformed", "game", "1 to 64"),
        ("game=a%20b", 400, "malformed", "game", "1 to 64"),
        ("game=chess", 404, "not_found", "game", "no game is called chess"),
        ("at_least=99999999", 409, "not_recorded", "at_least", "last record"),
        ("at_least=now", 400, "malformed", "at_least", "number"),
    ] {
        let told = refused(&get(at, &monitor, &format!("{REPORT}?{query}")).await, status, code);
        assert_eq!(told["field"], json!(field), "{query}: {told}");
        assert!(told["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{query}: {told}");
    }
    let long = get(at, &monitor, &format!("{REPORT}?game={}", "x".repeat(65))).await;
    refused(&long, 400, "malformed");
    for query in ["limit=1", "day=2026-01-01", "from=2026-01-01&from=2026-01-01"] {
        refused(&get(at, &monitor, &format!("{REPORT}?{query}")).await, 400, "malformed");
    }
    // A game that nobody has played yet has no line.
    assert_eq!(report(&hub, &monitor, "game=roulette").await["data"], json!([]));
    refused(&get(at, &service(&hub, "balance:*"), REPORT).await, 403, "forbidden");
    let bare = http::request(at, &http::spelled(&format!("GET {REPORT}"), &at.to_string(), &[], None)).await;
    assert_eq!(bare.status, 401, "{bare:?}");
}
